// A scripted Redis node on loopback: frames what it receives and lets the test say what each command gets, also nothing
// or a cut connection. Answers itself what links ask on their own account (HELLO, fences, what newcomers must do), as a
// node without a password would, and COMMAND. Its threads end with it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace portal::testing {

class FakeNode {
  public:
    /// What a command gets: bytes to send, kSilence, kCut to close all connections, or kCutThis to close its own.
    using Script = std::function<std::string(const std::vector<std::string>& words)>;
    static inline const std::string kSilence = "";
    static inline const std::string kCut = "!cut";
    static inline const std::string kCutThis = "!cut this";
    /// Within a reply: what follows is sent, and the connection read on, after one more release().
    static inline const std::string kPause = "!pause";

    /// The connection is blocked: nothing that comes behind is looked at.
    static inline const std::string kBlock = "!block";

    /// `commands` answers COMMAND.
    explicit FakeNode(Script script, std::string commands = "*0\r\n");
    ~FakeNode();
    FakeNode(const FakeNode&) = delete;
    FakeNode& operator=(const FakeNode&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Every command but HELLO and COMMAND, in order of arrival, its words joined by blanks. Of an empty
    /// line: nothing.
    [[nodiscard]] std::vector<std::string> seen() const;
    /// How often COMMAND was asked.
    [[nodiscard]] int surveys() const noexcept { return surveys_.load(); }
    /// Bytes that have arrived, also of commands that are not whole yet.
    [[nodiscard]] std::size_t received() const noexcept { return received_.load(); }
    /// Connections that the portal has closed, of those that carried a client's command or a part of one.
    [[nodiscard]] std::size_t left() const noexcept { return left_.load(); }
    /// Lets one reply go on behind its kPause.
    void release();
    /// Sends `bytes`, which no command asked for, on the connection that brought a client's command, or a part of one,
    /// last. What the portal asks for itself does not count.
    void say(const std::string& bytes);
    /// The answers to commands that came together are sent together from now on, as redis-server does; else one by one.
    void answer_together() { together_ = true; }
    /// New connections are told that it follows another node.
    void follow() { follows_ = true; }
    /// New connections are told that there are too many, and closed, as redis-server does at `maxclients`.
    void fill(bool full = true) { full_ = full; }
    /// New connections get this answer to HELLO.
    void answer_hello(const std::string& reply) {
        const std::lock_guard lock(mutex_);
        hello_ = reply;
    }
    /// ECHO gets this answer from now on.
    void refuse_echo(const std::string& reply) {
        const std::lock_guard lock(mutex_);
        echo_ = reply;
    }
    /// Connections that it has taken, in all.
    [[nodiscard]] int accepted() const noexcept { return accepted_.load(); }
    /// Connections that were turned away.
    [[nodiscard]] int turned_away() const noexcept { return turned_away_.load(); }
    /// Closes every connection; new ones are welcome.
    void cut();
    /// Closes every connection and refuses new ones.
    void die();

  private:
    void accept_all();
    void serve(int descriptor);
    bool answer(int descriptor, std::string_view reply);
    [[nodiscard]] std::string refusal_of(const std::vector<std::string>& words) const;

    Script script_;
    std::string commands_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    mutable std::mutex mutex_;
    std::condition_variable released_;
    std::size_t releases_ = 0;
    int heard_ = -1;
    std::vector<std::string> seen_;
    std::string hello_, echo_;  // instead of its own, unless empty
    std::vector<int> connections_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
    std::atomic<bool> dead_{false}, follows_{false}, full_{false}, together_{false};
    std::atomic<int> surveys_{0}, turned_away_{0}, accepted_{0};
    std::atomic<std::size_t> received_{0}, left_{0};
};

}  // namespace portal::testing
