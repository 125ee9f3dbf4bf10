// The whole configuration as plain structs. Defaults and units stand in the declarations; bounds and help texts stand
// in config_keys.hpp, one row per key. Knows no YAML. A loaded Config is immutable and may be read from any thread.
#pragma once

#include "config/identity_config.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace portal::config {

using Milliseconds = std::chrono::milliseconds;

/// A size in bytes; written in YAML as 64MiB, 16KiB, 512 (plain bytes) or 1GB.
struct Bytes {
    std::uint64_t count = 0;
    auto operator<=>(const Bytes&) const = default;
};

struct Address {
    std::string host;
    std::uint16_t port = 0;
    auto operator<=>(const Address&) const = default;
};

enum class TlsVersion : std::uint8_t { tls12, tls13 };

/// TLS of a listener: files are PEM. With `client_ca`, clients must present a certificate that it signed.
struct ListenerTls {
    std::string certificate;
    std::string key;
    std::optional<std::string> client_ca;
    TlsVersion min_version = TlsVersion::tls12;
};

/// Where the clients of a listener are taken to.
enum class Serves : std::uint8_t { leader, replicas };

/// What a client gets for a write of which nobody knows whether it was executed.
enum class InDoubt : std::uint8_t { error, close };

/// What becomes of a subscriber that may have missed messages.
enum class OnGap : std::uint8_t { ignore, close };

/// What clients hear that ask to be told of maintenance (CLIENT MAINT_NOTIFICATIONS).
enum class Maintenance : std::uint8_t {
    off,     // that there is no such command
    answer,  // OK, and then nothing
    on,      // OK, and notices
};

struct Listener {
    Address address;
    std::optional<ListenerTls> tls;                   // empty: plain text
    bool proxy_protocol = false;                      // each connection begins with a PROXY protocol header
    Serves serves = Serves::leader;                   // replicas: nothing but reads
    std::optional<InDoubt> in_doubt = std::nullopt;   // empty: as writes.in_doubt
    std::optional<OnGap> on_gap = std::nullopt;       // empty: as pubsub.on_gap
    std::optional<Address> advertise = std::nullopt;  // where clients reach the portals together
};

/// TLS towards a node. `ca` empty: the system's trust store. `server_name` empty: the host of the address.
struct NodeTls {
    std::optional<std::string> ca;
    std::optional<std::string> certificate;
    std::optional<std::string> key;
    std::optional<std::string> server_name;
    bool operator==(const NodeTls&) const = default;
};

struct Node {
    std::string name;
    Address address;
    std::optional<NodeTls> tls;
    bool operator==(const Node&) const = default;
};

/// What a portal does that cannot reach the arbiter: hold, or go on while all nodes agree who leads.
enum class Failsafe : std::uint8_t { off, on };

/// How the portal itself logs in to the nodes (for probes, REPLICAOF and the like), and its timings.
struct Monitor {
    std::optional<std::string> username;
    std::optional<std::string> password;  // filled from password_file when that is given
    std::optional<std::string> password_file;
    Milliseconds ping_interval{200};
    Milliseconds down_after{1000};
    Milliseconds busy_after{10000};  // 0, or longer than `down_after`
    Milliseconds fence_after{2000};  // shorter than `lease`
    Milliseconds lease{4000};
    Failsafe failsafe = Failsafe::off;
};

struct FileArbiter {
    std::string path;
};
struct EtcdArbiter {
    std::vector<std::string> endpoints;
    std::string prefix = "/redis-portal/";
    std::optional<std::string> ca;
    std::optional<std::string> certificate;
    std::optional<std::string> key;
    std::optional<std::string> username;
    std::optional<std::string> password_file;
    std::optional<std::string> password;  // filled from password_file
};
/// What is left out is what Kubernetes gives every container.
struct KubernetesArbiter {
    std::optional<std::string> namespace_name;
    std::string name;
    std::optional<std::string> api_server;
    std::optional<std::string> ca;
    std::optional<std::string> token_file;
};
using Arbiter = std::variant<FileArbiter, EtcdArbiter, KubernetesArbiter>;

/// How long and how much a command may wait for a leader.
struct Hold {
    Milliseconds time{10000};
    Bytes bytes{64ULL << 20U};
};

enum class Proven : std::uint8_t { off, available, strict };
struct Writes {
    InDoubt in_doubt = InDoubt::error;
    Proven proven = Proven::off;
};

struct PubSub {
    OnGap on_gap = OnGap::ignore;
};

/// Lower-case command names, or "command|subcommand", that clients may not use.
struct Commands {
    std::vector<std::string> deny = {"replicaof", "slaveof", "failover", "shutdown", "debug", "backup"};
    bool replication = false;  // clients may be replicas
};

/// One setting of redis.conf.
struct NodeSetting {
    std::string name;  // in lower case
    std::string value;
    bool operator==(const NodeSetting&) const = default;
};

/// What holds in one node's process alone, and is to hold in all of them.
struct NodeConfig {
    bool follow_leader = true;
    std::vector<NodeSetting> asserted;
    bool operator==(const NodeConfig&) const = default;
};

/// What `acl.assert` says instead of a file.
inline constexpr std::string_view kAclAuto = "auto";
inline constexpr std::string_view kAclOff = "off";
inline constexpr std::string_view kAclLeader = "leader";

/// Whose users (ACL) every node has.
struct Acl {
    std::string source = std::string(kAclAuto);  // or the path of a file
    std::map<std::string, std::string> users;    // filled from that file: rules by name
    bool strict = false;
    bool operator==(const Acl&) const = default;

    [[nodiscard]] bool names_file() const { return is_file(source); }
    static bool is_file(std::string_view source) {
        return source != kAclAuto && source != kAclOff && source != kAclLeader;
    }
};

struct Limits {
    std::uint32_t sessions = 10000;  // client connections, all listeners together
    std::uint32_t leases = 4000;     // links that serve one client alone, in all
    Milliseconds handshake_time{10000};
    Bytes request_bytes{512ULL << 20U};
    Bytes output_bytes{64ULL << 20U};
    Milliseconds output_time{60000};
    Bytes script_bytes{16ULL << 20U};                 // scripts kept for the next leader; 0: none
    Milliseconds idle_time{0};                        // 0: no limit
    Milliseconds keepalive{std::chrono::minutes{5}};  // 0: silent clients are not probed
};

/// The connections to nodes that carry the clients' commands.
struct Upstream {
    Milliseconds answer_time{0};  // 0: no limit
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { logfmt, json };
struct Log {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::logfmt;
};

/// TLS session tickets. Portals that share a secret resume each other's sessions.
struct Tickets {
    std::optional<std::string> secret_file;
    std::optional<std::string> secret;  // filled from secret_file; empty: each process makes its own
    Milliseconds rotation{std::chrono::hours{12}};
};

/// After SIGTERM.
struct Drain {
    Milliseconds delay{0};
    Milliseconds timeout{10000};
};

/// The HTTP port, and who may change something through it: whoever opens the socket or has the token.
struct Admin {
    Address address{"127.0.0.1", 9380};
    std::optional<std::string> socket;
    std::optional<std::string> token_file;
    std::optional<std::string> url;  // empty: made of `address`
    bool ready_without_leader = true;
};

struct Config {
    std::string name;  // default: the host's name
    std::vector<Listener> listen;
    std::vector<Node> nodes;
    Monitor monitor;
    Arbiter arbiter;
    Hold hold;
    Writes writes;
    PubSub pubsub;
    Commands commands;
    NodeConfig node_config;
    Acl acl;
    std::optional<Identity> identity;  // empty: Redis alone judges logins
    Limits limits;
    Upstream upstream;
    Tickets tickets;
    Drain drain;
    Maintenance maintenance = Maintenance::off;
    std::uint32_t threads = 0;    // 0: auto, one per core that this process may use
    std::uint32_t busy_poll = 0;  // microseconds; 0: off
    Admin admin;
    Log log;
};

/// What the program runs by at one time; a reload makes another one.
using ConfigPtr = std::shared_ptr<const Config>;

}  // namespace portal::config
