// A scripted Redis node on loopback: frames what it receives and lets the test say what each command gets, also nothing
// or a cut connection. Answers HELLO itself, as a node without a password would. Its threads end with it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace portal::testing {

class FakeNode {
  public:
    /// What a command gets: bytes to send, kSilence, or kCut to close all connections.
    using Script = std::function<std::string(const std::vector<std::string>& words)>;
    static inline const std::string kSilence = "";
    static inline const std::string kCut = "!cut";

    explicit FakeNode(Script script);
    ~FakeNode();
    FakeNode(const FakeNode&) = delete;
    FakeNode& operator=(const FakeNode&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Every command but HELLO, in order of arrival, its words joined by blanks.
    [[nodiscard]] std::vector<std::string> seen() const;
    /// Closes every connection and refuses new ones.
    void die();

  private:
    void accept_all();
    void serve(int descriptor);
    void cut();

    Script script_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    mutable std::mutex mutex_;
    std::vector<std::string> seen_;
    std::vector<int> connections_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
    std::atomic<bool> dead_{false};
};

}  // namespace portal::testing
