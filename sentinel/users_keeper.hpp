// Makes the users of the nodes equal: reads them of the leader and of its replicas every second, and sets and deletes
// what differs. What clients of this portal have changed it repeats at the replicas at once, so that a leader that dies
// right after its answer takes nothing along.
#pragma once

#include "sentinel/group_keeper.hpp"
#include "sentinel/node_users.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace portal::sentinel {

class UsersKeeper final : public GroupKeeper<Users, UsersTold> {
  public:
    UsersKeeper(boost::asio::any_io_executor executor, SharedLogin login, UsersWanted wanted, Timing timing, Look look)
        : GroupKeeper(std::move(executor), std::move(login), timing, std::move(look)), wanted_(std::move(wanted)) {}

    /// From the next round on.
    void want(UsersWanted wanted);
    /// The leader has executed this for a client.
    void executed(std::vector<std::string> command);
    /// Before a node becomes the leader of which the monitor knows this process. Why it must not; empty: it may.
    boost::asio::awaitable<std::string> prepare(config::Node node, std::string run_id);

    /// Why the node must not be promoted; empty: it may.
    [[nodiscard]] std::string why_barred(const std::string& node) const;
    /// Sentences for people.
    [[nodiscard]] std::vector<std::string> concerns() const;
    /// For the status: counts, and which nodes have what they are to have.
    [[nodiscard]] boost::json::object status() const;

  private:
    struct Count {
        std::uint64_t set = 0, deleted = 0, refused = 0;
    };
    enum class Told : std::uint8_t { yes, refused, broken };

    [[nodiscard]] bool idle() const override { return wanted_.from == UsersWanted::From::nobody; }
    boost::asio::awaitable<void> turn(GroupSight sight) override;
    boost::asio::awaitable<Reading> read(Place& place, TimePoint deadline) override;
    boost::asio::awaitable<bool> tell(Place& place, Users has, const Users& target, bool leads) override;
    Users target(const Place& leading, const Users& leader) override;
    [[nodiscard]] bool reads_replicas_first() const override { return true; }
    void leader_told(const Place& leading, const Users& target) override;
    void replica_looked_at(const Place& place, const Users& has) override;
    void replica_read(const Place& place, const Users& has) override;

    boost::asio::awaitable<void> repeat(NodeGroup group, std::vector<std::vector<std::string>> commands);
    boost::asio::awaitable<void> ask_about_process(Place& place);
    boost::asio::awaitable<Told> ask(Place& place, std::vector<std::string> command, std::string user);
    [[nodiscard]] bool by_leader() const { return wanted_.from == UsersWanted::From::leader; }
    [[nodiscard]] UsersSpared spared() const;
    [[nodiscard]] static UsersMemory::Leader as_leader(const Place& place);
    [[nodiscard]] static Names refused_of(const Place& place, const Users& wanted);
    [[nodiscard]] std::string refusal_of(const Place& place) const;
    void note_refusal(Place& place, const std::string& error);

    UsersWanted wanted_;
    UsersMemory memory_;
    Users aim_;                  // what all nodes are to have, as of the newest round
    std::uint64_t version_ = 1;  // of `aim_`
    Names without_acl_;          // nodes of which that was said
    std::vector<std::vector<std::string>> executed_;
    bool acts_ = false;         // as of the newest round
    bool looks_again_ = false;  // at once, since something was changed
    std::string why_refused_;   // the answer to the newest ask()
    Count count_;
};

}  // namespace portal::sentinel
