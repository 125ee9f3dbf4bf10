// How full the file system below a path is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace portal::agent {

/// Bytes. What only root may use counts neither as used nor as available.
struct VolumeUsage {
    std::uint64_t size = 0;
    std::uint64_t used = 0;
    std::uint64_t available = 0;
};

/// statvfs(3); may block while the file system does. Nothing when the path cannot be read.
[[nodiscard]] std::optional<VolumeUsage> volume_usage(const std::string& path);

}  // namespace portal::agent
