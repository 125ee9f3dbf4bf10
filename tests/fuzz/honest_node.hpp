// A node that answers each request once and in order, and puts a mark of the user into every value that it gives.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace portal::fuzz {

enum class User : unsigned char { nobody, alice, bob };

/// What nobody but its user may get, and the password, which no input can know: both differ from run to run.
struct Secret {
    std::string name;
    std::string password;
    std::string mark;
};

/// What the node knows of one connection.
struct NodeState {
    using Words = std::vector<std::string>;

    std::optional<User> first;  // whose it was from its first command on
    User user = User::nobody;
    int protocol = 2;
    bool in_multi = false;
    std::vector<Words> queued;
    std::set<std::string> channels, patterns;
};

class HonestNode {
  public:
    using Words = NodeState::Words;

    HonestNode(Secret alice, Secret bob, bool login_required)
        : alice_(std::move(alice)), bob_(std::move(bob)), login_required_(login_required) {}

    /// Takes one request off `input`. False: none is whole. Aborts when it is malformed.
    static bool take_request(std::string_view input, std::size_t& at, Words& words);

    /// Empty: it blocks.
    [[nodiscard]] std::optional<std::string> answer(NodeState& state, const Words& words);
    /// A message for each of the names that the connection listens to.
    [[nodiscard]] std::string messages(const NodeState& state) const;

    /// The next command with a value is answered so: by an error, or by a value of that size.
    void fail_next(std::string_view text) { failures_.emplace_back(text); }
    void grow_next(std::size_t size) { size_ = size; }

    /// Somebody has tried to be alice with another password than hers.
    [[nodiscard]] bool tried() const noexcept { return tried_; }
    /// Somebody has asked for tracking, by which keys that one client reads are told to another.
    [[nodiscard]] bool tracks() const noexcept { return tracks_; }

  private:
    std::optional<std::string> execute(NodeState& state, const Words& words, const std::string& name);
    std::string hello(NodeState& state, const Words& words);
    bool log_in(NodeState& state, std::string_view name, std::string_view password);
    std::string subscribe(NodeState& state, const Words& words, const std::string& name);
    std::string exec(NodeState& state);
    std::string value(const NodeState& state, const Words& words);
    [[nodiscard]] std::string_view mark(const NodeState& state) const;

    Secret alice_, bob_;
    bool login_required_;
    std::deque<std::string> failures_;
    std::size_t size_ = 0;
    bool tried_ = false;
    bool tracks_ = false;
};

}  // namespace portal::fuzz
