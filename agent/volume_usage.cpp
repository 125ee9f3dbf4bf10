#include "agent/volume_usage.hpp"

#include <sys/statvfs.h>

namespace portal::agent {

std::optional<VolumeUsage> volume_usage(const std::string& path) {
    struct statvfs found {};
    if (::statvfs(path.c_str(), &found) != 0) {
        return std::nullopt;
    }
    const std::uint64_t block = found.f_frsize;
    return VolumeUsage{found.f_blocks * block, (found.f_blocks - found.f_bfree) * block, found.f_bavail * block};
}

}  // namespace portal::agent
