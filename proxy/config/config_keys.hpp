// The table of all keys: one row per key with its field, its bounds and its help. The loader, the printer of the
// effective configuration and the reference in docs/use/configuration.md are visitors that walk these rows, so they
// cannot disagree.
#pragma once

#include "config/config.hpp"
#include "config/identity_keys.hpp"
#include "config/key.hpp"
#include "config/value_rules.hpp"

#include <cstdint>
#include <string_view>

namespace portal::config {

// A visitor has: value(Key, field, rule), list(Key, vector of values, rule of one value), section(Key, struct),
// optional_section(Key, optional struct), sections(Key, vector of structs), alternative<Struct>(Key, variant),
// conditions(Key, vector of ClaimCondition).

template <class Visitor>
void visit_keys(Visitor& visit, ListenerTls& tls) {
    visit.value(
        {"certificate", "PEM file: the portal's certificate first, then its intermediates. Read again every 30 s.",
         Need::required},
        tls.certificate, FileRule{});
    visit.value({"key", "PEM file with the certificate's private key, without a passphrase.", Need::required}, tls.key,
                FileRule{});
    visit.value({"client_ca", "PEM file of CAs. When given, a client must show a certificate that one of them signed."},
                tls.client_ca, FileRule{});
    visit.value({"min_version", "The oldest TLS version that is accepted."}, tls.min_version,
                choice<TlsVersion>({{"1.2", TlsVersion::tls12}, {"1.3", TlsVersion::tls13}}));
}

template <class Visitor>
void visit_keys(Visitor& visit, Listener& listener) {
    visit.value(
        {"address", "Where clients connect; `0.0.0.0` or `[::]` for all addresses.", Need::required, Change::restart},
        listener.address, AddressRule{});
    visit.optional_section({"tls", "Encryption towards clients. Write `tls: null` for plain text.", Need::required},
                           listener.tls);
    visit.value({"proxy_protocol",
                 "Each connection begins with a PROXY protocol header (version 1 or 2), as a load balancer sends it; "
                 "others are closed. Every client that reaches the port can then claim any address."},
                listener.proxy_protocol, choice<bool>({{"false", false}, {"true", true}}));
    visit.value(
        {"serves",
         "`replicas`: a port for reads alone, which may be old. They go to replicas that are in sync, or to the "
         "leader while there is none; all that may write is refused with READONLY.",
         Need::optional, Change::restart},
        listener.serves, choice<Serves>({{"leader", Serves::leader}, {"replicas", Serves::replicas}}));
    visit.value({"in_doubt", "`writes.in_doubt` of this listener's clients; `null`: as it says."}, listener.in_doubt,
                choice<InDoubt>({{"error", InDoubt::error}, {"close", InDoubt::close}}));
    visit.value({"on_gap", "`pubsub.on_gap` of this listener's clients; `null`: as it says."}, listener.on_gap,
                choice<OnGap>({{"ignore", OnGap::ignore}, {"close", OnGap::close}}));
    visit.value(
        {"advertise",
         "With `maintenance: on`: where clients reach the portals together, as they would write it. Clients that "
         "ask for it are sent there when this portal drains, by the name that they used themselves in TLS if "
         "they did; `null`: where the PROXY protocol says that they came in."},
        listener.advertise, AddressRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, NodeTls& tls) {
    visit.value({"ca", "PEM file of CAs that may sign the node's certificate; `null`: the system's trust store."},
                tls.ca, FileRule{});
    visit.value({"certificate", "PEM file shown to a node that asks for a client certificate; goes with `key`."},
                tls.certificate, FileRule{});
    visit.value({"key", "PEM file with the private key of `certificate`."}, tls.key, FileRule{});
    visit.value({"server_name", "The name that the node's certificate must carry; `null`: the host of `address`."},
                tls.server_name, TextRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, Node& node) {
    visit.value(
        {"name", "The node's identity in records, logs and metrics; keep it when the address changes.", Need::required},
        node.name, NameRule{});
    visit.value({"address", "Where Redis listens. A name is looked up again for new connections.", Need::required},
                node.address, AddressRule{});
    visit.optional_section({"tls", "Encryption towards the node; `null`: plain text."}, node.tls);
}

template <class Visitor>
void visit_keys(Visitor& visit, Monitor& monitor) {
    using namespace std::chrono_literals;
    visit.value({"username", "ACL user that probes and reconfigures the nodes; `null`: Redis's `default` user."},
                monitor.username, TextRule{});
    visit.value({"password", "Its password, as text. Prefer `password_file`; only one of the two may be given."},
                monitor.password, TextRule{.secret = true});
    visit.value(
        {"password_file", "File whose first line is the password. Read again when it changes, as a certificate is."},
        monitor.password_file, FileRule{});
    visit.value(
        {"ping_interval", "How often each node is probed; at most `down_after`.", Need::optional, Change::restart},
        monitor.ping_interval, DurationRule{10ms, 60s, ""});
    visit.value({"down_after", "A leader that has not answered for this long is taken for dead.", Need::optional,
                 Change::restart},
                monitor.down_after, DurationRule{50ms, 10min, ""});
    visit.value(
        {"busy_after",
         "A leader that does not answer but lives (its machine acknowledges what it is sent, its agent says that "
         "it works, or it answers `-BUSY` or `-LOADING`) keeps its role for this long; `0s`: it is taken for dead "
         "after `down_after`, too.",
         Need::optional, Change::restart},
        monitor.busy_after, DurationRule{100ms, 1h, "nobody counts as busy"});
    visit.value({"fence_after",
                 "A portal stops forwarding when it could not confirm the record for this long; shorter than `lease`.",
                 Need::optional, Change::restart},
                monitor.fence_after, DurationRule{50ms, 10min, ""});
    visit.value(
        {"lease", "How long a portal keeps the acting role without renewing it.", Need::optional, Change::restart},
        monitor.lease, DurationRule{200ms, 10min, ""});
    visit.value(
        {"failsafe",
         "`on`: a portal that cannot reach the arbiter goes on as long as every node answers it, the leader leads "
         "and all others follow it. Failovers then wait `fence_after` for portals that are gone. The same on all "
         "portals.",
         Need::optional, Change::restart},
        monitor.failsafe, choice<Failsafe>({{"off", Failsafe::off}, {"on", Failsafe::on}}));
}

template <class Visitor>
void visit_keys(Visitor& visit, FileArbiter& arbiter) {
    visit.value({"path", "The record's file; every portal of this host must name the same one.", Need::required},
                arbiter.path, FileRule{FileUse::write});
}

template <class Visitor>
void visit_keys(Visitor& visit, EtcdArbiter& arbiter) {
    visit.list({"endpoints", "The members of the etcd cluster.", Need::required}, arbiter.endpoints, UrlRule{});
    visit.value({"prefix", "Start of every key that the portals write; one prefix per Redis cluster."}, arbiter.prefix,
                TextRule{});
    visit.value({"ca", "PEM file of CAs that may sign etcd's certificates; `null`: the system's trust store."},
                arbiter.ca, FileRule{});
    visit.value({"certificate", "PEM file shown to etcd; goes with `key`."}, arbiter.certificate, FileRule{});
    visit.value({"key", "PEM file with the private key of `certificate`."}, arbiter.key, FileRule{});
    visit.value({"username", "etcd user; goes with `password_file`."}, arbiter.username, TextRule{});
    visit.value({"password_file", "File whose first line is the etcd user's password."}, arbiter.password_file,
                FileRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, KubernetesArbiter& arbiter) {
    visit.value({"namespace", "Namespace of the Leases; `null`: the pod's own."}, arbiter.namespace_name, NameRule{});
    visit.value(
        {"name",
         "Name of the Lease with the record; one per Redis cluster. The portals' marks are in the Lease of this "
         "name with `-portals` behind it.",
         Need::required},
        arbiter.name, NameRule{});
    visit.value({"api_server", "The API server; `null`: the one that the pod's environment names."}, arbiter.api_server,
                UrlRule{});
    visit.value({"ca",
                 "PEM file of CAs that may sign the API server's certificate; `null`: the service account's, or with "
                 "`api_server` the system's trust store."},
                arbiter.ca, FileRule{});
    visit.value({"token_file",
                 "File with the bearer token, read again when it changes; `null`: the service account's, or with "
                 "`api_server` none."},
                arbiter.token_file, FileRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, Arbiter& arbiter) {
    visit.template alternative<FileArbiter>({"file", "Numbered versions of a file, for portals that run on one host."},
                                            arbiter);
    visit.template alternative<EtcdArbiter>({"etcd", "An etcd v3 cluster, for portals on several machines."}, arbiter);
    visit.template alternative<KubernetesArbiter>({"kubernetes", "A Lease of the Kubernetes API, for portals in pods."},
                                                  arbiter);
}

template <class Visitor>
void visit_keys(Visitor& visit, Hold& hold) {
    using namespace std::chrono_literals;
    visit.value({"time", "How long a command may wait for a leader before it is refused with `-NOLEADER`."}, hold.time,
                DurationRule{10ms, 10min, "refuse at once"});
    visit.value({"bytes", "How much may wait in all clients together; beyond it commands are refused."}, hold.bytes,
                SizeRule{{0}, {64ULL << 30U}});
}

template <class Visitor>
void visit_keys(Visitor& visit, Writes& writes) {
    visit.value({"in_doubt",
                 "What a client gets for a write that was sent when the leader was lost: the error `-INDOUBT`, or a "
                 "closed connection."},
                writes.in_doubt, choice<InDoubt>({{"error", InDoubt::error}, {"close", InDoubt::close}}));
    visit.value({"proven",
                 "Answer writes only when a replica has them. `available` goes on without replicas, `strict` refuses.",
                 Need::optional, Change::restart},
                writes.proven,
                choice<Proven>({{"off", Proven::off}, {"available", Proven::available}, {"strict", Proven::strict}}));
}

template <class Visitor>
void visit_keys(Visitor& visit, PubSub& pubsub) {
    visit.value({"on_gap",
                 "What becomes of subscribers that may have missed messages, because Redis has ended the connection by "
                 "which they come or the leader has changed: they go on (`ignore`), or are closed (`close`), as Redis "
                 "would have closed them."},
                pubsub.on_gap, choice<OnGap>({{"ignore", OnGap::ignore}, {"close", OnGap::close}}));
}

template <class Visitor>
void visit_keys(Visitor& visit, Commands& commands) {
    visit.list(
        {"deny",
         "Commands that clients may not use. The list replaces the default one, so name those again. A name that no "
         "server knows is an error, except behind `module:`. `CLUSTER "
         "SYNCSLOTS` is always refused."},
        commands.deny, CommandRule{});
    visit.value({"replication",
                 "Whether clients may be replicas: `SYNC`, `PSYNC` and `REPLCONF`, for users whom Redis allows these. "
                 "`off` refuses them."},
                commands.replication, choice<bool>({{"off", false}, {"on", true}}));
}

template <class Visitor>
void visit_keys(Visitor& visit, Limits& limits) {
    using namespace std::chrono_literals;
    visit.value({"sessions",
                 "Client connections at one time, all listeners together; fewer where the limit of open files leaves "
                 "no room for them."},
                limits.sessions, CountRule{1, 1'000'000, ""});
    visit.value({"leases",
                 "Connections to Redis that serve one client alone (WATCH, blocking pops, MONITOR, subscribers of one "
                 "user), all together. A command that needs one more waits, at most `hold.time`. Redis counts them as "
                 "clients: keep it below its `maxclients`."},
                limits.leases, CountRule{1, 1'000'000, ""});
    visit.value({"handshake_time", "A client that has not finished its TLS handshake by then is closed."},
                limits.handshake_time, DurationRule{100ms, 10min, ""});
    visit.value({"request_bytes", "The largest request of one client."}, limits.request_bytes,
                SizeRule{{1ULL << 10U}, {4ULL << 30U}});
    visit.value({"output_bytes", "Replies that a client has not read yet; beyond it the client is closed."},
                limits.output_bytes, SizeRule{{64ULL << 10U}, {64ULL << 30U}});
    visit.value({"output_time", "A client that takes nothing of what waits for it for this long is closed."},
                limits.output_time, DurationRule{100ms, 1h, ""});
    visit.value({"script_bytes",
                 "Texts of scripts (EVAL, SCRIPT LOAD) that are kept, so that the next leader knows them before the "
                 "first EVALSHA reaches it; beyond it those go that were used least lately. `0B`: none are kept."},
                limits.script_bytes, SizeRule{{0}, {1ULL << 30U}});
    visit.value({"idle_time", "A client that sends nothing for this long is closed."}, limits.idle_time,
                DurationRule{1s, 720h, "no limit"});
    visit.value(
        {"keepalive",
         "A client of which nothing was heard for this long is probed by the kernel, and closed when it does not "
         "answer for as long again. Counts for new connections."},
        limits.keepalive, DurationRule{1s, 9h, "never"});
}

template <class Visitor>
void visit_keys(Visitor& visit, Upstream& upstream) {
    using namespace std::chrono_literals;
    visit.value({"answer_time",
                 "A connection to a node that stays silent for this long while a command waits for its answer is given "
                 "up, as if the node had closed it; commands that block may wait on. Longer than the slowest command."},
                upstream.answer_time, DurationRule{1s, 1h, "no limit"});
}

template <class Visitor>
void visit_keys(Visitor& visit, Tickets& tickets) {
    using namespace std::chrono_literals;
    visit.value({"secret_file",
                 "File with at least 32 random bytes that all portals share, so that each resumes the others' TLS "
                 "sessions; `null`: each process makes its own."},
                tickets.secret_file, FileRule{});
    visit.value({"rotation", "How often the ticket key changes; the same on all portals."}, tickets.rotation,
                DurationRule{1min, 720h, ""});
}

template <class Visitor>
void visit_keys(Visitor& visit, Drain& drain) {
    using namespace std::chrono_literals;
    visit.value(
        {"delay",
         "How long a portal that is told to end still takes connections while `/readyz` already says no, so that "
         "a load balancer has time to notice."},
        drain.delay, DurationRule{100ms, 10min, "no delay"});
    visit.value({"timeout",
                 "How long clients that are in the middle of something (subscribed, blocked, waiting for a reply, "
                 "within a pipeline) may go "
                 "on after that; the others are closed at once, between two commands."},
                drain.timeout, DurationRule{100ms, 1h, "close all at once"});
}

template <class Visitor>
void visit_keys(Visitor& visit, Log& log) {
    visit.value({"level", "The least important lines that are written."}, log.level,
                choice<LogLevel>({{"debug", LogLevel::debug},
                                  {"info", LogLevel::info},
                                  {"warn", LogLevel::warn},
                                  {"error", LogLevel::error}}));
    visit.value({"format", "One line per event, as `key=value` or as JSON."}, log.format,
                choice<LogFormat>({{"logfmt", LogFormat::logfmt}, {"json", LogFormat::json}}));
}

template <class Visitor>
void visit_keys(Visitor& visit, Admin& admin) {
    visit.value({"address", "Where the portal answers HTTP; keep it off the network that clients come from."},
                admin.address, AddressRule{});
    visit.value({"url",
                 "Where people reach that address, as the status pages of the other portals link to it; `null`: "
                 "`http://` and `address`, with the host's name for `0.0.0.0` and `[::]`."},
                admin.url, UrlRule{});
    visit.value(
        {"socket",
         "Path of a unix socket of this portal alone, which only its user can open (mode 0600): over it changes "
         "(`switchover`, `drain`) are taken. Its folder is made when it is missing."},
        admin.socket, FileRule{FileUse::write});
    visit.value(
        {"token_file",
         "File whose first line, at least 16 characters, lets changes in over `address` too, as `Authorization: "
         "Bearer ...`; read again for each. With neither this nor `socket` the portal takes no changes."},
        admin.token_file, FileRule{});
    visit.value({"ready_without_leader",
                 "`false`: `/readyz` says no while there is no leader, so that a load balancer sends no clients. All "
                 "portals then say no at once; with `true` they hold commands meanwhile."},
                admin.ready_without_leader, choice<bool>({{"false", false}, {"true", true}}));
}

template <class Visitor>
void visit_keys(Visitor& visit, NodeConfig& node_config) {
    visit.value({"follow_leader",
                 "Whether replicas are told what their leader's `CONFIG SET` has changed, so that it holds after a "
                 "change of leader: `notify-keyspace-events`, `maxmemory-policy`, `timeout`, "
                 "`client-output-buffer-limit`, and those of SLOWLOG, latency monitoring and busy scripts."},
                node_config.follow_leader, choice<bool>({{"off", false}, {"on", true}}));
    visit.list({"assert", "Settings that every node is told, leader and replicas."}, node_config.asserted,
               NodeSettingRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, Acl& acl) {
    visit.value({"assert",
                 "Whose users (ACL) every node is given: `leader`, those of the node that leads; a file in the form of "
                 "Redis's `aclfile`, read again when it changes; `off`, nobody's. `auto`: `leader` where the nodes let "
                 "the monitor do it."},
                acl.source, AclSourceRule{});
    visit.value({"strict", "`on`: a node that does not take these users is not promoted."}, acl.strict,
                choice<bool>({{"off", false}, {"on", true}}));
}

template <class Visitor>
void visit_keys(Visitor& visit, Config& config) {
    visit.value({"name",
                 "This portal's name in records, logs and metrics; differs between portals. Default: the host's "
                 "name.",
                 Need::optional, Change::restart},
                config.name, NameRule{});
    visit.sections({"listen", "Where clients connect; one entry per address.", Need::required}, config.listen);
    visit.sections({"nodes", "The Redis nodes: a leader and its replicas, in any order.", Need::required},
                   config.nodes);
    visit.section({"monitor", "How the portal logs in to the nodes, probes them and decides."}, config.monitor);
    visit.section({"arbiter", "Where the portals keep the one record of who leads; exactly one kind.", Need::required,
                   Change::restart},
                  config.arbiter);
    visit.section({"hold", "How long and how much may wait while there is no leader."}, config.hold);
    visit.section({"writes", "What the portal promises about writes."}, config.writes);
    visit.section({"pubsub", "What the portal promises to subscribers."}, config.pubsub);
    visit.section({"commands", "What clients may not do."}, config.commands);
    visit.section({"node_config", "Settings that Redis does not replicate, kept equal on the nodes."},
                  config.node_config);
    visit.section({"acl", "Users that Redis does not replicate, kept equal on the nodes."}, config.acl);
    visit.optional_section({"identity",
                            "Logins by token: a JWT in the place of a password is verified here and logs in as a user "
                            "of Redis. All other logins are judged by Redis. `null`: no tokens."},
                           config.identity);
    visit.section(
        {"limits",
         "Bounds: of one client (sizes and times), and of all together (`sessions`, `leases`, `script_bytes`)."},
        config.limits);
    visit.section({"upstream", "The connections to nodes that carry the clients' commands."}, config.upstream);
    visit.section({"tickets", "TLS session resumption."}, config.tickets);
    visit.section({"drain", "How a portal that is told to end lets its clients go."}, config.drain);
    visit.value(
        {"maintenance",
         "What clients hear that ask by `CLIENT MAINT_NOTIFICATIONS` to be told of maintenance: `off`, that there "
         "is no such command; `answer`, OK and no more; `on`, OK, and then when commands wait for a leader and "
         "when the portal goes away. Say `answer` on all portals before any says `on`."},
        config.maintenance,
        choice<Maintenance>({{"off", Maintenance::off}, {"answer", Maintenance::answer}, {"on", Maintenance::on}}));
    visit.value(
        {"threads",
         "Shards, one thread each; `auto`: one per core that this process may use, by its CPU set and the quota "
         "of its control group.",
         Need::optional, Change::restart},
        config.threads, CountRule{1, 256, "auto"});
    visit.value(
        {"busy_poll",
         "Microseconds for which a shard looks again after an event before it sleeps. Replies come sooner where few "
         "clients are at work, for more CPU; only where each shard has a core to itself.",
         Need::optional, Change::restart},
        config.busy_poll, CountRule{1, 1000, "off"});
    visit.section({"admin", "Health, metrics, status and control.", Need::optional, Change::restart}, config.admin);
    visit.section({"log", "What is written to standard error."}, config.log);
}

}  // namespace portal::config
