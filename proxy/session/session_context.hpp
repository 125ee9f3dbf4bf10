// What the sessions of one shard share. Made and owned by the shard; outlives every session. One thread.
#pragma once

#include "command/classifier.hpp"
#include "command/server_commands.hpp"
#include "config/config.hpp"
#include "conversation/client_errors.hpp"
#include "conversation/cursors.hpp"
#include "identity/verdict_cache.hpp"
#include "net/deadline.hpp"
#include "net/loop.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "observe/issuer_counters.hpp"
#include "observe/shard_counters.hpp"
#include "replication/forward_permit.hpp"
#include "replication/topology.hpp"
#include "session/client_pause.hpp"
#include "session/count_board.hpp"
#include "session/deadline_queues.hpp"
#include "session/large_keys.hpp"
#include "session/notice_board.hpp"
#include "session/scripts.hpp"
#include "session/shard_peers.hpp"
#include "session/spare_buffers.hpp"
#include "upstream/link_pool.hpp"
#include "upstream/proof_link.hpp"
#include "upstream/subscription_hub.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace portal::session {

struct SessionRegistry;

/// A command of a transaction that travels in one piece, and how many bytes it has.
struct UnitPart {
    const command::CommandRow* row;
    std::size_t size;
};

/// Room that one client uses at a time; nothing stays in it.
struct SharedRoom {
    net::Scratch& scratch;
    SpareBuffers spare;
    std::string gathered;        // for one write put together from pieces
    std::vector<UnitPart> unit;  // behind the MULTI that is being taken
};

/// What the clients of this shard keep waiting for a leader, in bytes.
struct HeldBytes {
    std::size_t limit = 0;  // this shard's part of hold.bytes
    std::size_t used = 0;
};

/// How large requests may be, and what waits for a leader.
struct Limits {
    resp::RequestLimits logged_in;
    resp::RequestLimits before_login;
    HeldBytes held;
};

/// Which commands there are, and which of them no client may send.
struct Commands {
    command::DenyList denied;
    command::ServerCommands of_server;  // of the present leader, once it has told them
};

/// The first write that a leader has answered.
struct FirstWrite {
    bool due = false;  // the present leader has answered none yet
    /// When the newest leader that has answered one did so first; nanoseconds of the steady clock, 0: never. Read by
    /// any thread.
    observe::Counter at;

    void note(net::Turn::Clock::time_point now) noexcept {
        due = false;
        at.set(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    }
};

/// What is known of answers to writes.
struct Writes {
    upstream::ProofLink* proof = nullptr;  // with writes.proven
    FirstWrite first;
};

/// Logins by token.
struct Identities {
    identity::VerdictCache verdicts;
    std::shared_ptr<const std::vector<std::string>> issuer_names;  // each at its place in `issuers`, from 1 on
    observe::LoginCounters issuers;
};

/// How the portal itself logs in to a node that wants a login.
[[nodiscard]] upstream::LinkIdentity monitor_login(const config::Monitor& monitor);

struct SessionContext {
    /// What the context refers to outlives it.
    struct Parts {
        config::ConfigPtr config;
        const replication::ForwardPermit& permit;
        net::Turn& turn;
        net::Loop& loop;
        net::Scratch& scratch;
        upstream::LinkPool& links;
        upstream::SubscriptionHub& subscriptions;
        CountBoard& counts;
        observe::ShardCounters& counters;
        SessionRegistry& registry;
        ShardPeers& peers;
        std::uint32_t shard = 0;
        bool reads_only = false;
    };
    explicit SessionContext(const Parts& parts);

    config::ConfigPtr config;
    const replication::ForwardPermit& permit;
    net::Turn& turn;
    net::Loop& loop;
    SharedRoom room;
    upstream::LinkPool& links;
    upstream::SubscriptionHub& subscriptions;
    CountBoard& counts;
    observe::ShardCounters& counters;
    SessionRegistry& registry;
    ShardPeers& peers;
    const std::uint32_t shard;  // the number of this one among `peers`
    const bool reads_only;      // its clients are served by replicas

    Commands commands;
    Limits limits;
    DeadlineQueues deadlines;

    replication::TopologyPtr topology = std::make_shared<const replication::Topology>();
    conversation::CursorMark cursor_mark = conversation::CursorMark::none;  // of the process that is routed to
    Writes writes;
    LargeKeys large_keys;
    Scripts scripts;
    ClientPause pause;
    NoticeBoard notices;  // also of the end of this portal
    /// The leader has executed an ACL command that changes users. May be empty.
    std::function<void(std::vector<std::string> command)> users_changed;

    Identities identities;

    /// Goes on by another configuration. What waits already waits as long as the new one says.
    void configure(config::ConfigPtr wanted);
    /// Judges logins by token by this one from now on, and those that are logged in already once more.
    void use_verifier(identity::VerifierPtr verifier, std::shared_ptr<const std::vector<std::string>> names);
    /// Ends clients whose token is over.
    void check_tokens();
    /// The error text for what no client of this shard may send; empty: it may.
    [[nodiscard]] std::string_view refusal(const command::CommandRow& row,
                                           const resp::RequestView& request) const noexcept {
        if (row.handling == command::Handling::replication) {
            return conversation::client_errors::kNoMigration;
        }
        if (row.handling >= command::Handling::replconf && !config->commands.replication) {
            return conversation::client_errors::kNoReplication;
        }
        if (commands.denied.denies(row, request)) {
            return conversation::client_errors::kDenied;
        }
        return reads_only && may_write(row) ? conversation::client_errors::kReadOnly : std::string_view();
    }
    /// It writes, or nobody can tell that it does not.
    [[nodiscard]] static bool may_write(const command::CommandRow& row) noexcept;
    /// How the portal logs in to the present node; nobody where that wants no login.
    [[nodiscard]] upstream::LinkIdentity own_login() const {
        return links.auth_required() ? monitor_login(config->monitor) : upstream::LinkIdentity{};
    }
    /// Ends what has waited too long.
    void expire(net::Turn::Clock::time_point now);
    /// There is a leader, and the record was confirmed recently enough.
    [[nodiscard]] bool forwarding() const noexcept {
        return topology->leader && links.usable() && permit.valid(turn.now());
    }
};

}  // namespace portal::session
