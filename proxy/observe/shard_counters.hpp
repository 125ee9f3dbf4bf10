// The counters of one shard. Written by the shard's thread only, read by the exporter's: relaxed stores and loads,
// never a read-modify-write, so counting costs a plain add. metric_catalogue names each one for Prometheus.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace portal::observe {

/// A number with one writer thread and any number of readers.
class Counter {
  public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
    }
    void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

/// Why a client connection was not admitted. Label `reason` of client_connections_rejected_total.
enum class Rejected : std::uint8_t { maxclients, draining, count };

/// Why a client connection ended. Label `reason` of client_connections_closed_total.
enum class Closed : std::uint8_t {
    client,        // the client closed, or its socket failed
    quit,          // the client sent QUIT
    handshake,     // TLS failed or was not finished in time
    protocol,      // malformed RESP
    idle,          // limits.idle_time passed
    output_limit,  // the client did not read its replies
    killed,        // CLIENT KILL
    backend,       // a pinned upstream connection was lost in a way the session cannot survive
    login,         // Redis accepts the user or the password no more
    token,         // the token that it has logged in with has ended, or its key or rule is gone
    in_doubt,      // writes.in_doubt: close
    gap,           // pubsub.on_gap: close
    drain,         // the portal is going away
    count
};

/// Why subscribers may have missed messages. Label `reason` of message_gaps_total.
enum class Gap : std::uint8_t {
    link_lost,       // the node has ended the connection, or it broke
    leader_changed,  // the portal was told that another node leads, or none
    count
};

/// Why a TLS handshake failed. Label `reason` of tls_handshake_failures_total.
enum class HandshakeFailure : std::uint8_t { plaintext, version, certificate, timeout, closed, other, count };

/// What an error reply of Redis begins with. Label `error` of error_replies_total.
enum class ReplyError : std::uint8_t {
    err,
    wrongtype,
    readonly,
    loading,
    moved,
    noauth,
    noperm,
    oom,
    misconf,
    other,
    count
};
/// `reply` is an error as it came: "-WRONGTYPE Operation...".
ReplyError error_of(std::string_view reply) noexcept;

/// Which commands a duration speaks of. Label `class` of command_duration_seconds.
enum class CommandClass : std::uint8_t {
    read,
    write,
    blocking,  // may wait inside Redis for as long as it likes
    count
};

/// How long something took, many times: a histogram. Each bucket counts those above the one before; the exporter adds
/// them up.
struct Durations {
    static constexpr std::array<std::uint32_t, 13> kMicroseconds{
        100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 10'000'000};
    std::array<Counter, kMicroseconds.size() + 1> buckets;  // the last one: longer than all bounds
    Counter nanoseconds;                                    // all together

    void note(std::chrono::nanoseconds took) noexcept {
        const auto count = static_cast<std::uint64_t>(took.count());
        std::size_t bucket = 0;
        while (bucket < kMicroseconds.size() && count > std::uint64_t{kMicroseconds[bucket]} * 1000) {
            ++bucket;
        }
        buckets[bucket].add();
        nanoseconds.add(count);
    }
};

/// What clients are told that asked for it. Label `kind` of maintenance_notices_total.
enum class MaintenanceNotice : std::uint8_t { failing_over, failed_over, moving, count };

/// How those clients want to be told where to move to. Label `endpoint` of maintenance_clients.
enum class NoticeEndpoint : std::uint8_t { any, internal_ip, internal_fqdn, external_ip, external_fqdn, none, count };

template <typename Reason, typename Kept = Counter>
using CounterPer = std::array<Kept, static_cast<std::size_t>(Reason::count)>;

struct ClientCounters {
    Counter client_connections;  // gauge
    Counter client_connections_accepted;
    CounterPer<Rejected> client_connections_rejected;
    CounterPer<Closed> client_connections_closed;
    Counter client_received_bytes;  // plaintext, after TLS
    Counter client_sent_bytes;      // plaintext, before TLS
    Counter proxy_headers_refused;
};

struct HandshakeCounters {
    Counter tls12_handshakes, tls13_handshakes, tls_resumed_handshakes;
    CounterPer<HandshakeFailure> tls_handshake_failures;
    Durations handshake_times;  // from accept to the end of the TLS handshake
};

struct CommandCounters {
    Counter commands;         // requests framed, whatever became of them
    Counter commands_local;   // answered by the portal
    Counter commands_denied;  // refused by commands.deny
    Counter protocol_errors;
    CounterPer<ReplyError> error_replies;               // forwarded from upstream
    CounterPer<CommandClass, Durations> command_times;  // of each client one command at a time
};

struct LinkCounters {
    Counter upstream_links_shared, upstream_links_pinned;  // gauges
    Counter upstream_connects, upstream_connect_failures, upstream_lost;
    Counter fences, fences_broken;  // questions that prove replies to belong to requests; links that failed them
    Counter upstream_sent_bytes, upstream_received_bytes;
    Counter leases;          // pinned links handed to sessions
    Counter requests_moved;  // to another link, away from a large reply
};

struct HoldCounters {
    Counter sessions_held;       // gauge: sessions waiting for a leader or a link
    Counter held_bytes;          // gauge
    Counter commands_held;       // commands that waited for a leader
    Counter commands_replayed;   // reads sent again after a loss
    Counter commands_in_doubt;   // writes answered INDOUBT or closed for it
    Counter commands_no_leader;  // answered NOLEADER
};

struct ScriptCounters {
    Counter scripts_known;       // gauge: scripts that the leader is known to know
    Counter script_bytes;        // gauge: what is kept of them
    Counter scripts_loaded;      // into a node that did not know them yet
    Counter scripts_not_loaded;  // refused, or the node did not answer in time
};

struct ProofCounters {
    Counter proofs;             // rounds that have proved what they covered
    Counter proofs_failed;      // rounds that no required replica confirmed in time
    Durations proof_times;      // how long the proved ones took
    Counter replies_unproven;   // gauge: replies to writes that wait for a proof
    Counter commands_unproven;  // answered NOPROOF
};

struct MessageCounters {
    Counter subscribed_names;    // gauge: channels and patterns that the node knows of, once per user
    Counter messages_received;   // published messages that the node sent
    Counter messages_delivered;  // to clients
    CounterPer<Gap> message_gaps;
    Counter message_gap_names;        // what was subscribed to there
    Counter message_gap_subscribers;  // each once for each gap
    Counter counts_refused;  // messages about other portals' subscribers that no portal of this cluster has sealed
};

struct MaintenanceCounters {
    CounterPer<NoticeEndpoint> maintenance_clients;  // gauges: those that have asked
    CounterPer<MaintenanceNotice> maintenance_notices;
    Counter clients_moved;  // left by themselves once they were told that the portal goes away
    Counter clients_cut;    // were told, and stayed until they were closed
};

struct TurnCounters {
    Counter turns;         // event loop turns that flushed something
    Durations turn_times;  // of all turns
};

/// All of them, by subject.
struct ShardCounters : ClientCounters,
                       HandshakeCounters,
                       CommandCounters,
                       LinkCounters,
                       HoldCounters,
                       ScriptCounters,
                       ProofCounters,
                       MessageCounters,
                       MaintenanceCounters,
                       TurnCounters {};

template <typename Reason, typename Kept>
Kept& at(CounterPer<Reason, Kept>& counters, Reason reason) noexcept {
    return counters[static_cast<std::size_t>(reason)];
}
template <typename Reason>
const Counter& at(const CounterPer<Reason>& counters, Reason reason) noexcept {
    return counters[static_cast<std::size_t>(reason)];
}

}  // namespace portal::observe
