#include "admin/own_socket.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace portal::admin {
namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr mode_t kFolderOfOwner = 0700;

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

int new_socket() {
    return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

std::string reason() {
    return std::strerror(errno);
}

/// True when somebody accepts connections there.
bool is_live(const std::string& path) {
    const int probe = new_socket();
    const sockaddr_un address = address_of(path);
    const bool connected = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const bool full = !connected && errno == EAGAIN;  // its queue of connections is full: there is one, then
    ::close(probe);
    return connected || full;
}

bool is_file_of(int descriptor, const std::string& path) {
    struct stat opened {};
    struct stat named {};
    return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

}  // namespace

std::size_t longest_socket_path() noexcept {
    return sizeof(sockaddr_un{}.sun_path) - 1;
}

std::string OwnSocket::open(const std::string& path, std::string_view key) {
    path_ = path;
    std::string problem;
    if (path.size() > longest_socket_path()) {
        problem = fmt::format("its path is longer than {} bytes", longest_socket_path());
    }
    if (problem.empty()) {
        problem = claim();
    }
    if (problem.empty()) {
        problem = clear_stale();
    }
    if (problem.empty()) {
        problem = listen();
    }
    if (problem.empty()) {
        return {};
    }
    remove();
    return fmt::format("Cannot listen on the socket {} ({}): change {} in the configuration.", path, problem, key);
}

/// The lock decides between two processes that start at one time; the socket itself could not, since whoever replaces a
/// stale one might replace what the other has just made.
std::string OwnSocket::claim() {
    const auto folder = std::filesystem::path(path_).parent_path();
    if (!folder.empty() && ::mkdir(folder.c_str(), kFolderOfOwner) != 0 && errno != EEXIST) {
        return "its folder cannot be made: " + reason();
    }
    const std::string lock = path_ + ".lock";
    for (;;) {
        lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly);
        if (lock_ < 0) {
            return "cannot open " + lock + ": " + reason();
        }
        if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
            const bool taken = errno == EWOULDBLOCK;
            const std::string why = reason();
            ::close(std::exchange(lock_, -1));
            return taken ? "another process that runs uses it" : "cannot lock " + lock + ": " + why;
        }
        if (is_file_of(lock_, lock)) {
            return {};
        }
        ::close(std::exchange(lock_, -1));  // its owner removed it meanwhile, at its end
    }
}

std::string OwnSocket::clear_stale() const {
    struct stat found {};
    if (::lstat(path_.c_str(), &found) != 0) {
        return errno == ENOENT ? std::string() : reason();
    }
    if (!S_ISSOCK(found.st_mode)) {
        return "a file that is no socket is in its place";
    }
    if (is_live(path_)) {
        return "another process that runs uses it";
    }
    return ::unlink(path_.c_str()) == 0 ? std::string() : "a stale one cannot be removed: " + reason();
}

std::string OwnSocket::listen() {
    listening_ = new_socket();
    const sockaddr_un address = address_of(path_);
    // Linux gives the file the mode that the socket has, so there is no moment at which others could open it.
    if (listening_ < 0 || ::fchmod(listening_, kOwnerOnly) != 0 ||
        ::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return reason();
    }
    struct stat made {};
    if (::lstat(path_.c_str(), &made) != 0) {
        return reason();
    }
    device_ = made.st_dev;
    inode_ = made.st_ino;
    if ((made.st_mode & 0777U) != kOwnerOnly && ::chmod(path_.c_str(), kOwnerOnly) != 0) {
        return reason();
    }
    return ::listen(listening_, SOMAXCONN) == 0 ? std::string() : reason();
}

int OwnSocket::take_descriptor() noexcept {
    return std::exchange(listening_, -1);
}

void OwnSocket::remove() noexcept {
    if (listening_ >= 0) {
        ::close(std::exchange(listening_, -1));
    }
    struct stat found {};
    const ino_t made = std::exchange(inode_, 0);
    if (made != 0 && ::lstat(path_.c_str(), &found) == 0 && found.st_ino == made && found.st_dev == device_) {
        ::unlink(path_.c_str());
    }
    if (lock_ >= 0) {
        ::unlink((path_ + ".lock").c_str());
        ::close(std::exchange(lock_, -1));
    }
}

}  // namespace portal::admin
