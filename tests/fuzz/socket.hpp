// Sockets of a harness, on loopback, that do not block.
#pragma once

#include <netinet/in.h>
#include <string>
#include <string_view>
#include <utility>

namespace portal::fuzz {

/// Something has come on one of the sockets or ports below that was not taken yet.
[[nodiscard]] bool anything_came();

/// One end of a connection. What the other side does not take yet is kept. Closed by a reset, so that no
/// port waits for stray bytes afterwards.
class Socket {
  public:
    Socket() noexcept = default;
    explicit Socket(int descriptor) noexcept;
    Socket(Socket&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, -1)), unsent_(std::move(other.unsent_)) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket() { close(); }

    [[nodiscard]] bool open() const noexcept { return descriptor_ >= 0; }
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    void send(std::string_view bytes);
    /// True: something went out.
    bool send_rest();
    /// What there is; closes at the end.
    std::string_view receive();
    void finish_sending() const noexcept;
    void close() noexcept;

  private:
    int descriptor_ = -1;
    std::string unsent_;
};

/// Listens for as long as the process lives.
struct Port {
    Port();
    /// Negative: nobody has connected.
    [[nodiscard]] int accept() const;

    int descriptor;
    sockaddr_in address{};
};

}  // namespace portal::fuzz
