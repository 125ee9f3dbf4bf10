// From a file's text to one YAML document, with what is wrong with the file itself as findings. Included by loaders
// only, so that yaml-cpp stays in few places. Never throws.
#pragma once

#include "config/findings.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <yaml-cpp/yaml.h>

namespace portal::config {

/// Takes the document; `folder` is where relative paths inside it start.
using ReadDocument =
    std::function<void(const YAML::Node& document, const std::filesystem::path& folder, Findings& findings)>;

Findings read_yaml_file(const std::string& path, const ReadDocument& read);
Findings read_yaml_text(std::string_view text, const std::string& filename, const ReadDocument& read);

}  // namespace portal::config
