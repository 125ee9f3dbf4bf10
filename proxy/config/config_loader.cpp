#include "config/config_loader.hpp"

#include "config/config_checks.hpp"
#include "config/section_reader.hpp"
#include "config/upkeep_keys.hpp"
#include "config/yaml_document.hpp"

#include <array>
#include <filesystem>
#include <functional>
#include <unistd.h>
#include <utility>

namespace portal::config {

namespace {

/// The name of a portal that was not given one: in a pod the host's name is the pod's, so two portals differ.
void name_after_host(Config& config, Findings& findings) {
    if (!config.name.empty() || findings.failed("name")) {
        return;
    }
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0 || !NameRule{}.parse(host.data()).value) {
        findings.complain("name", "is missing, and the host's name cannot serve as one; write name: portal-0");
        return;
    }
    config.name = host.data();
}

/// Takes the document in and checks it as a whole.
class ConfigDocument {
  public:
    void operator()(const YAML::Node& document, const std::filesystem::path& folder, Findings& findings) {
        SectionReader::read_section(findings, folder, document, "", file_);
        if (document.IsMap()) {
            name_after_host(file_.config, findings);
            check_consistency(file_, findings);
            read_secrets(file_.config, findings);
        }
    }
    LoadResult result(Findings findings) {
        LoadResult result;
        result.problems = findings.sorted();
        result.findings = std::move(findings);
        if (result.problems.empty()) {
            result.config = std::move(file_.config);
            result.upkeep = std::move(file_.upkeep);
        }
        return result;
    }

  private:
    PortalFile file_;
};

}  // namespace

LoadResult load_file(const std::string& path) {
    ConfigDocument document;
    return document.result(read_yaml_file(path, std::ref(document)));
}

LoadResult load_text(std::string_view text, const std::string& filename) {
    ConfigDocument document;
    return document.result(read_yaml_text(text, filename, std::ref(document)));
}

std::string format_problem(const std::string& filename, const Problem& problem) {
    return filename + ":" + (problem.line == 0 ? "" : std::to_string(problem.line) + ":") + " " + problem.message;
}

}  // namespace portal::config
