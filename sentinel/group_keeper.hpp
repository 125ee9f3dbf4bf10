// Keeps something equal on a leader and its replicas: looks at them in rounds, over connections of its own, and tells a
// node what differs. What that is, whoever derives from this knows: `Seen` is what is read of a node, `Mind` what is
// remembered of it. Lives on the monitor's thread.
#pragma once

#include "sentinel/control_link.hpp"
#include "sentinel/login_check.hpp"
#include "sentinel/observation.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace portal::sentinel {

/// A leader and the nodes that follow it, all of them alive.
struct NodeGroup {
    config::Node leader;
    std::vector<config::Node> replicas;
};

/// What this portal may do with the nodes now.
struct GroupSight {
    bool acts = false;               // it has the acting role
    std::optional<NodeGroup> group;  // nothing: there is no leader that this portal may forward to
};

struct GroupTiming {
    Milliseconds every{2000};
    Milliseconds after_refusal{300000};  // each refusal is a line in the node's ACL LOG
    Milliseconds deadline{1000};         // of all questions to one node in a round
};

/// It will be refused again; LOADING and BUSY pass by themselves.
inline bool is_refusal(std::string_view error) noexcept {
    return error.starts_with("NOPERM") || error.starts_with("ERR unknown command");
}

template <class Seen, class Mind>
class GroupKeeper : public std::enable_shared_from_this<GroupKeeper<Seen, Mind>> {
  public:
    using Look = std::function<GroupSight()>;
    using Timing = GroupTiming;

    GroupKeeper(boost::asio::any_io_executor executor, SharedLogin login, Timing timing, Look look)
        : executor_(std::move(executor)),
          login_(std::move(login)),
          timing_(timing),
          look_(std::move(look)),
          rest_(std::make_shared<ControlLink>(executor_, config::Node{}, login_)) {}
    virtual ~GroupKeeper() = default;
    GroupKeeper(const GroupKeeper&) = delete;
    GroupKeeper& operator=(const GroupKeeper&) = delete;

    /// Runs until stop().
    boost::asio::awaitable<void> run() {
        const auto self = this->shared_from_this();
        while (!stopped_) {
            const TimePoint begun = Clock::now();
            GroupSight sight;
            if (!idle()) {
                sight = look_();
            }
            co_await turn(std::move(sight));
            if (!stopped_) {
                const auto took = Clock::now() - begun;
                (void)co_await rest_->rest(Clock::now() + std::max<Clock::duration>(timing_.every, kLeisure * took));
            }
        }
        places_.clear();
    }
    /// Before `replica` is made the leader: it gets what the present one has by now. Bounded by one deadline for each.
    boost::asio::awaitable<void> carry_over(config::Node leader, config::Node replica) {
        const auto self = this->shared_from_this();
        if (idle()) {
            co_return;
        }
        Place from = made(std::move(leader));
        Place to = made(std::move(replica));
        const auto leading = co_await read(from, Clock::now() + timing_.deadline);
        Reading has;
        if (leading.seen) {
            has = co_await read(to, Clock::now() + timing_.deadline);
        }
        if (has.seen) {
            Seen had = *std::move(has.seen);
            (void)co_await tell(to, std::move(had), *leading.seen, false);
        }
        from.link->close();
        to.link->close();
    }
    /// Nodes that refused to be asked are asked again.
    void ask_again() {
        for (auto& [name, place] : places_) {
            place.not_before = {};
        }
        rest_->wake();
    }
    void stop() {
        stopped_ = true;
        rest_->wake();
        for (auto& [name, place] : places_) {
            place.link->close();
        }
    }

  protected:
    struct Place {
        std::shared_ptr<ControlLink> link;
        config::Node node;
        Mind mind;
        TimePoint not_before{};  // it refuses to be asked
    };
    struct Reading {
        std::optional<Seen> seen;  // empty: the node cannot be read now
        bool refused = false;
    };

    /// Nothing is to be kept equal.
    [[nodiscard]] virtual bool idle() const = 0;
    virtual boost::asio::awaitable<Reading> read(Place& place, TimePoint deadline) = 0;
    /// Makes a node that has `has` what it is to be. False: it is not to be asked for more in this round.
    virtual boost::asio::awaitable<bool> tell(Place& place, Seen has, const Seen& target, bool leads) = 0;
    virtual boost::asio::awaitable<void> turn(GroupSight sight) {
        if (sight.acts && sight.group) {
            NodeGroup group = *std::move(sight.group);
            co_await round(std::move(group));
        } else {
            places_.clear();
        }
    }
    /// What the nodes are to have, by what the leader has.
    virtual Seen target(const Place& /*leading*/, const Seen& leader) { return leader; }
    /// What a replica has by now may have come from the leader in another way: if that is read later, it knows of it.
    [[nodiscard]] virtual bool reads_replicas_first() const { return false; }
    virtual void leader_told(const Place& /*leading*/, const Seen& /*target*/) {}
    /// Where replicas are read first, before the leader is.
    virtual void replica_looked_at(const Place& /*place*/, const Seen& /*has*/) {}
    virtual void replica_read(const Place& /*place*/, const Seen& /*has*/) {}

    /// The leader first. What it cannot be asked now, its replicas are not told.
    boost::asio::awaitable<void> round(NodeGroup group) {
        keep_only(group);
        std::map<std::string, std::optional<Seen>> read_already;
        for (std::size_t i = 0; reads_replicas_first() && i < group.replicas.size(); ++i) {
            Place& place = place_of(group.replicas[i]);
            auto has = co_await look_at(place);
            if (has) {
                replica_looked_at(place, *has);
            }
            read_already[place.node.name] = std::move(has);
        }
        Place& leading = place_of(group.leader);
        auto leader = co_await look_at(leading);
        if (!leader || stopped_) {
            co_return;
        }
        const Seen wanted = target(leading, *leader);
        Seen leader_has = *std::move(leader);
        const bool goes_on = co_await tell(leading, std::move(leader_has), wanted, true);
        if (!goes_on || stopped_) {
            co_return;
        }
        leader_told(leading, wanted);
        for (const auto& node : group.replicas) {
            Place& place = place_of(node);
            std::optional<Seen> has;
            if (const auto found = read_already.find(node.name); found != read_already.end()) {
                has = std::move(found->second);
            } else {
                has = co_await look_at(place);
            }
            if (stopped_) {
                co_return;
            }
            if (has) {
                replica_read(place, *has);
                Seen replica_has = *std::move(has);
                (void)co_await tell(place, std::move(replica_has), wanted, false);
            }
        }
    }
    boost::asio::awaitable<std::optional<Seen>> look_at(Place& place) {
        if (Clock::now() < place.not_before) {
            co_return std::nullopt;
        }
        if (!place.link->connected()) {
            place.mind.forget();  // another process may be there
        }
        auto reading = co_await read(place, Clock::now() + timing_.deadline);
        if (reading.refused) {
            refuse(place);
        }
        co_return std::move(reading.seen);
    }
    void refuse(Place& place) { place.not_before = Clock::now() + timing_.after_refusal; }
    /// Connects if it must. What the node refuses is its login then.
    boost::asio::awaitable<Reply> connect(Place& place, TimePoint deadline) {
        if (place.link->connected()) {
            co_return Reply{LinkStatus::ok, false, {}};
        }
        co_return co_await place.link->connect(deadline);
    }
    Place& place_of(const config::Node& node) {
        Place& place = places_[node.name];
        if (!place.link || !(place.node == node)) {
            place = made(node);
        }
        return place;
    }
    void keep_only(const NodeGroup& group) {
        std::erase_if(places_, [&](const auto& each) {
            return each.first != group.leader.name &&
                   std::ranges::none_of(group.replicas, [&](const auto& node) { return node.name == each.first; });
        });
    }
    [[nodiscard]] Place made(config::Node node) const {
        auto link = std::make_shared<ControlLink>(executor_, node, login_);
        return {std::move(link), std::move(node), {}, {}};
    }

    boost::asio::any_io_executor executor_;
    SharedLogin login_;
    Timing timing_;
    Look look_;
    std::shared_ptr<ControlLink> rest_;  // never connected: its rests can be ended
    std::map<std::string, Place> places_;
    bool stopped_ = false;

  private:
    /// A round that takes its time is not begun again at once.
    static constexpr int kLeisure = 2;
};

}  // namespace portal::sentinel
