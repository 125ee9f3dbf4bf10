// A unix socket that one process listens on and that only its own user can open: the login is the file system's. What a
// dead process left behind is replaced, what a live one uses is refused. Knows no HTTP. For one thread.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

namespace portal::admin {

class OwnSocket {
  public:
    OwnSocket() = default;
    OwnSocket(const OwnSocket&) = delete;
    OwnSocket& operator=(const OwnSocket&) = delete;
    ~OwnSocket() { remove(); }

    /// Listens at `path`, of mode 0600; its folder is made (0700) when it is missing. The sentence that says why not,
    /// with `key` as what to change; else empty.
    [[nodiscard]] std::string open(const std::string& path, std::string_view key);
    /// The listening descriptor, which the caller closes from then on.
    [[nodiscard]] int take_descriptor() noexcept;
    /// Removes the socket if it is still the one that open() made.
    void remove() noexcept;

  private:
    [[nodiscard]] std::string claim();
    [[nodiscard]] std::string clear_stale() const;
    [[nodiscard]] std::string listen();

    std::string path_;
    int lock_ = -1;  // held as long as the socket is this process's
    int listening_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;  // 0: nothing was made
};

/// What a path of a unix socket may have at most, in bytes (sockaddr_un).
[[nodiscard]] std::size_t longest_socket_path() noexcept;

}  // namespace portal::admin
