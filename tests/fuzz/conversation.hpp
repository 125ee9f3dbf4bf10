// A shard with three clients of two users and a node, all in one thread, and a script of who does what. Whatever the
// script says, no user gets what is another's, everything comes to rest, and nothing is left at the end.
//
// A script is two bytes of choices and then steps: a byte 0xff, a letter of kActors, and what that actor takes.
#pragma once

#include "resp/frame_scanner.hpp"
#include "session/session_context.hpp"
#include "shard/shard.hpp"
#include "tests/fuzz/honest_node.hpp"
#include "tests/fuzz/socket.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace portal::fuzz {

class Conversation final : private session::ShardPeers {
  public:
    explicit Conversation(std::string_view script);
    ~Conversation();
    /// Aborts when something does not hold.
    void run();

    /// See Conversation::act().
    static constexpr std::string_view kActors = "ABCabcNnxLPTREGMuKD";

  private:
    static inline const resp::ReplyLimits kLimits;
    struct Client {
        User user = User::alice;
        Socket socket;
        bool reads = true;
        std::string tail;  // the end of what it got, in which the beginning of a mark may stand
        std::string got;   // of the reply that is not whole
        resp::ReplyScanner scanner{kLimits};
    };
    struct Connection {
        Socket socket;
        NodeState state;
        std::string input;
        std::string withheld;  // honest answers that wait for their step
        bool blocks = false;   // as does the command that is next
        bool disturbed = false;
    };

    void on_turn(session::SessionContext& context);
    void step();
    void act(char actor, std::string_view bytes);
    bool end_step(session::SessionContext& context);
    void require_nothing_left(session::SessionContext& context) const;

    bool move();
    void accept_links();
    bool move(Client& client, bool came);
    bool move(Connection& connection, bool came);
    bool answer(Connection& connection);
    void check(Client& client, std::string_view bytes);

    void connect(Client& client);
    void disturb(Connection& connection, std::string_view bytes);
    void lead(std::size_t node);
    void publish(replication::Topology topology);
    [[nodiscard]] Connection* connection_at(std::string_view bytes);
    [[nodiscard]] config::ConfigPtr config(std::uint8_t choices) const;

    void post(std::uint32_t /*shard*/, Task task) override { shard_->post(std::move(task)); }
    [[nodiscard]] std::uint32_t shards() const noexcept override { return 1; }

    std::string_view script_;
    std::uint8_t choices_ = 0;  // of the configuration
    std::uint8_t manner_ = 0;   // of the node
    Secret alice_, bob_;
    HonestNode node_;
    std::shared_ptr<replication::ForwardPermit> permit_;
    std::unique_ptr<shard::Shard> shard_;
    std::array<Client, 3> clients_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::uint64_t epoch_ = 0;
    bool withholds_;
    bool hostile_ = false;   // the script has spoken for the node
    bool confused_ = false;  // and may have made somebody another user
    int quiet_ = 0;
    int turns_ = 0;
    int ending_ = 0;
};

}  // namespace portal::fuzz
