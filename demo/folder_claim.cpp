#include "demo/folder_claim.hpp"

#include "demo/child_process.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/core.h>

namespace portal::demo {

FolderClaim::FolderClaim(const std::filesystem::path& dir) {
    const auto file = dir / "demo.lock";
    lock_file_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (lock_file_ < 0) {
        throw ClusterError(
            fmt::format("cannot write {}: {}; choose another --dir.", file.string(), std::strerror(errno)));
    }
    if (::flock(lock_file_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_file_);
        throw ClusterError(
            fmt::format("another demo runs in the folder {}; end it or choose another --dir.", dir.string()));
    }
}

FolderClaim::~FolderClaim() {
    ::close(lock_file_);
}

}  // namespace portal::demo
