// A portal's configuration file, with the checks that need more than the file: whether the commands that it denies
// exist. What serve, check and a reload read.
#pragma once

#include "config/config_loader.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace portal::cli {

[[nodiscard]] config::LoadResult load_portal_file(const std::string& path);

/// The complaint about a name in commands.deny that no server knows, since a typing error there leaves a command open;
/// empty when it is known, or written as module:NAME.
[[nodiscard]] std::optional<std::string> why_unknown_command(std::string_view name);

/// A record there is gone after a reboot, and with it the knowledge of who has which data.
[[nodiscard]] bool is_emptied_by_reboots(std::string_view path) noexcept;

}  // namespace portal::cli
