// What the links of one shard share: the loop and its turns, limits, deadlines, counters, and how nodes are reached.
#pragma once

#include "net/connector.hpp"
#include "net/deadline.hpp"
#include "net/keepalive.hpp"
#include "net/loop.hpp"
#include "net/name_lookup.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "replication/forward_permit.hpp"
#include "resp/limits.hpp"
#include "upstream/fence.hpp"
#include "upstream/link_standing.hpp"
#include "upstream/pending_queue.hpp"
#include "upstream/process_watch.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace portal::upstream {

class Link;
using LinkPtr = boost::intrusive_ptr<Link>;

/// How one node is reached over TLS.
struct NodeTls {
    std::shared_ptr<SSL_CTX> context;
    std::string server_name;  // a DNS name or an address; no certificate for another is accepted
};

/// How long a node may be silent on a link while a command waits for its answer. A link with commands is looked at a
/// few times within that, not at each command. Without a time, none is.
struct AnswerDeadlines {
    /// One look more than fits in, since the first may come right after the command was sent.
    static constexpr std::uint8_t kLooks = 5;

    void change(net::DeadlineQueue::Clock::duration time) noexcept {
        queue.change_duration(time / (kLooks - 1));
        used = time != net::DeadlineQueue::Clock::duration::zero();
    }
    net::DeadlineQueue queue{net::DeadlineQueue::Clock::duration::zero()};
    bool used = false;
};

/// How nodes are reached. Counts for links made from now on.
struct Reach {
    /// By the node's name; the others are reached without TLS.
    std::map<std::string, NodeTls, std::less<>> tls{};
    /// The node that is routed to is meant to be a replica.
    bool may_follow = false;
    net::Keepalive keepalive{};
    /// The next of a node's addresses is tried when one was silent for this long.
    net::Loop::Clock::duration next_address_after = net::Connector::kNextAfter;
};

/// Outlives the links.
struct LinkContext {
    net::Loop& loop;
    net::NameLookup& names;
    net::Turn& turn;
    net::Scratch& scratch;
    observe::ShardCounters& counters;
    net::DeadlineQueue& connect_deadlines;
    resp::ReplyLimits limits;
    std::string name;  // of the links, in the node's CLIENT LIST
    /// Until when clients' commands may be written, and answers to them be believed.
    const replication::ForwardPermit& permit;
    /// What was sent before forwarding was stopped may still be answered until then.
    net::Turn::Clock::time_point answers_until{};
    /// Links that have something to write and no permit; see LinkPool::resume_writing().
    std::vector<LinkPtr> withheld{};
    /// Links on which something that runs code was sent; see LinkPool::fence_quiet().
    std::vector<LinkPtr> loose{};
    NonceSource nonces{};
    std::string fence_frame{};  // room to write one; nothing stays in it
    Reach reach{};
    /// How many links may be leased at a time.
    std::size_t lease_limit = SIZE_MAX;
    /// The node has said a moment ago that it is busy with a script: it answers little else than unknown commands.
    net::Turn::Clock::time_point busy_until{};
    /// Of the node that is routed to.
    ProcessWatch process{};
    const replication::ProcessSightings* sightings = nullptr;  // null: nobody watches the nodes
    bool leader_goes = false;  // links are being given up because their node leads no more
    /// Requests handed to any link and not answered yet, without those that block. Zero means that waiting for company
    /// only costs latency.
    std::size_t in_flight = 0;
    /// Those that block.
    std::size_t blocked = 0;
    /// When the leader last sent anything on any link.
    net::Turn::Clock::time_point heard_at{};
    AnswerDeadlines answer_deadlines{};

    /// A reply has come, whoever it is for.
    void hear(std::string_view reply) noexcept {
        constexpr std::chrono::seconds kBusy{1};
        if (says_busy(reply)) {
            busy_until = turn.now() + kBusy;
        }
    }
    [[nodiscard]] bool busy() const noexcept { return turn.now() < busy_until; }

    /// A connection to `node` that is made now may lead to another process than the one that it is routed to for.
    [[nodiscard]] bool process_doubtful(const std::string& node) {
        return process.doubts() && sightings != nullptr && process.doubtful(sightings->newest(node));
    }

    /// Where a request on its way is counted.
    [[nodiscard]] std::size_t& counted(const PendingRequest& request) noexcept {
        return request.blocks ? blocked : in_flight;
    }

    /// Whether a link of that use may write. Not in the permit's last moment: the answer, too, must come before it runs
    /// out.
    [[nodiscard]] bool may_write(LinkStanding::Use use) const noexcept {
        constexpr std::chrono::milliseconds kToBeAnswered{20};
        return needs_no_permit(use) || permit.valid(turn.now() + kToBeAnswered);
    }
    /// Whether an answer that has come on such a link may still be believed.
    [[nodiscard]] bool may_believe(LinkStanding::Use use) const noexcept {
        const auto now = turn.now();
        return needs_no_permit(use) || permit.valid(now) || permit.answers_hold(now) || now < answers_until;
    }

  private:
    [[nodiscard]] static bool needs_no_permit(LinkStanding::Use use) noexcept {
        return use == LinkStanding::Use::questions || use == LinkStanding::Use::logins;
    }
};

}  // namespace portal::upstream
