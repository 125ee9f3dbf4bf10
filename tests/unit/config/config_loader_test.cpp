#include "config/config_loader.hpp"

#include "config_fixture.hpp"

namespace portal::config {
namespace {

using namespace std::chrono_literals;
using testing::ConfigTest;
using testing::kMinimal;

using ConfigLoader = ConfigTest;

TEST_F(ConfigLoader, more_patience_with_silence_than_with_a_busy_leader_is_no_mistake_when_only_that_is_given) {
    EXPECT_EQ(good(std::string(kMinimal) + "monitor: {down_after: 20s}\n").monitor.busy_after, 10s);
}

TEST_F(ConfigLoader, the_smallest_configuration_has_every_default) {
    const Config config = good(kMinimal);
    EXPECT_FALSE(config.name.empty());
    ASSERT_EQ(config.listen.size(), 1U);
    EXPECT_EQ(config.listen[0].address, (Address{"127.0.0.1", 6380}));
    EXPECT_FALSE(config.listen[0].tls);
    ASSERT_EQ(config.nodes.size(), 1U);
    EXPECT_EQ(config.nodes[0].name, "redis-0");
    EXPECT_EQ(config.monitor.ping_interval, 200ms);
    EXPECT_EQ(config.monitor.down_after, 1s);
    EXPECT_EQ(config.monitor.busy_after, 10s);
    EXPECT_EQ(config.monitor.fence_after, 2s);
    EXPECT_EQ(config.monitor.lease, 4s);
    EXPECT_EQ(config.hold.time, 10s);
    EXPECT_EQ(config.hold.bytes.count, 64U << 20U);
    EXPECT_EQ(config.writes.in_doubt, InDoubt::error);
    EXPECT_EQ(config.pubsub.on_gap, OnGap::ignore);
    EXPECT_EQ(config.limits.sessions, 10000U);
    EXPECT_EQ(config.threads, 0U);
    EXPECT_EQ(config.busy_poll, 0U);
    EXPECT_EQ(config.admin.address, (Address{"127.0.0.1", 9380}));
    EXPECT_EQ(config.commands.deny, Commands{}.deny);
}

TEST_F(ConfigLoader, a_full_file_is_read_key_by_key) {
    for (const char* file : {"tls.crt", "tls.key", "ca.crt", "node-ca.crt", "node.crt", "node.key"}) {
        write(file, "x");
    }
    write("password", "of the monitor\n");
    write("tickets", std::string(40, 't') + "\n");
    const Config config = good(R"(
name: portal-0
listen:
  - address: 0.0.0.0:6380
    tls: {certificate: tls.crt, key: tls.key, client_ca: ca.crt, min_version: "1.3"}
  - address: "[::1]:6381"
    tls: null
    in_doubt: error
    on_gap: ignore
nodes:
  - {name: redis-0, address: "redis-0.redis:6379"}
  - name: redis-1
    address: "[fd00::1]:6379"
    tls: {ca: node-ca.crt, certificate: node.crt, key: node.key, server_name: redis.internal}
monitor:
  username: portal
  password: null
  password_file: password
  ping_interval: 100ms
  down_after: 2s
  busy_after: 0s
  fence_after: 3s
  lease: 1m
arbiter: {file: {path: run/record}}
hold: {time: 0s, bytes: 16KiB}
writes: {in_doubt: close, proven: strict}
pubsub: {on_gap: close}
commands: {deny: [FLUSHALL, "config|set"]}
limits: {sessions: 5, handshake_time: 1s, request_bytes: 1GB, output_bytes: 1048576, output_time: 5s, script_bytes: 1MiB, idle_time: 1h, keepalive: 0s}
upstream: {answer_time: 30s}
tickets: {secret_file: tickets, rotation: 1h}
threads: 3
busy_poll: 100
admin: {address: 127.0.0.1:9999}
log: {level: debug, format: json}
)");
    EXPECT_EQ(config.name, "portal-0");
    ASSERT_EQ(config.listen.size(), 2U);
    ASSERT_TRUE(config.listen[0].tls);
    EXPECT_EQ(config.listen[0].tls->certificate, path("tls.crt"));
    EXPECT_EQ(config.listen[0].tls->key, path("tls.key"));
    EXPECT_EQ(config.listen[0].tls->client_ca, path("ca.crt"));
    EXPECT_EQ(config.listen[0].tls->min_version, TlsVersion::tls13);
    EXPECT_EQ(config.listen[0].in_doubt, std::nullopt);
    EXPECT_EQ(config.listen[1].address, (Address{"::1", 6381}));
    EXPECT_EQ(config.listen[0].on_gap, std::nullopt);
    EXPECT_EQ(config.listen[1].in_doubt, InDoubt::error);
    EXPECT_EQ(config.listen[1].on_gap, OnGap::ignore);
    ASSERT_EQ(config.nodes.size(), 2U);
    EXPECT_EQ(config.nodes[0].address, (Address{"redis-0.redis", 6379}));
    EXPECT_FALSE(config.nodes[0].tls);
    ASSERT_TRUE(config.nodes[1].tls);
    EXPECT_EQ(config.nodes[1].address, (Address{"fd00::1", 6379}));
    EXPECT_EQ(config.nodes[1].tls->ca, path("node-ca.crt"));
    EXPECT_EQ(config.nodes[1].tls->server_name, "redis.internal");
    EXPECT_EQ(config.monitor.username, "portal");
    EXPECT_EQ(config.monitor.password, "of the monitor");
    EXPECT_EQ(config.monitor.ping_interval, 100ms);
    EXPECT_EQ(config.monitor.busy_after, 0s);
    EXPECT_EQ(config.monitor.lease, 60s);
    ASSERT_TRUE(std::holds_alternative<FileArbiter>(config.arbiter));
    EXPECT_EQ(std::get<FileArbiter>(config.arbiter).path, path("run/record"));
    EXPECT_EQ(config.hold.time, 0ms);
    EXPECT_EQ(config.hold.bytes.count, 16384U);
    EXPECT_EQ(config.writes.in_doubt, InDoubt::close);
    EXPECT_EQ(config.pubsub.on_gap, OnGap::close);
    EXPECT_EQ(config.writes.proven, Proven::strict);
    EXPECT_EQ(config.commands.deny, (std::vector<std::string>{"flushall", "config|set"}));
    EXPECT_EQ(config.limits.sessions, 5U);
    EXPECT_EQ(config.limits.request_bytes.count, 1'000'000'000U);
    EXPECT_EQ(config.limits.output_bytes.count, 1'048'576U);
    EXPECT_EQ(config.limits.output_time, 5s);
    EXPECT_EQ(config.limits.script_bytes.count, 1'048'576U);
    EXPECT_EQ(config.limits.idle_time, 1h);
    EXPECT_EQ(config.limits.keepalive, 0s);
    EXPECT_EQ(config.upstream.answer_time, 30s);
    EXPECT_EQ(config.tickets.secret, std::string(40, 't'));
    EXPECT_EQ(config.tickets.rotation, 1h);
    EXPECT_EQ(config.threads, 3U);
    EXPECT_EQ(config.busy_poll, 100U);
    EXPECT_EQ(config.admin.address.port, 9999);
    EXPECT_EQ(config.log.level, LogLevel::debug);
    EXPECT_EQ(config.log.format, LogFormat::json);
}

TEST_F(ConfigLoader, the_arbiter_can_be_etcd_or_kubernetes) {
    const std::string rest = kMinimal.substr(0, kMinimal.find("arbiter"));
    write("etcd-password", "secret\n");
    const Config etcd = good(rest +
                             "arbiter:\n  etcd:\n    endpoints: [\"https://etcd-0:2379/\", \"http://[::1]:2379\"]\n"
                             "    prefix: /redis/one/\n    username: portal\n    password_file: etcd-password\n");
    ASSERT_TRUE(std::holds_alternative<EtcdArbiter>(etcd.arbiter));
    EXPECT_EQ(std::get<EtcdArbiter>(etcd.arbiter).endpoints,
              (std::vector<std::string>{"https://etcd-0:2379", "http://[::1]:2379"}));
    EXPECT_EQ(std::get<EtcdArbiter>(etcd.arbiter).prefix, "/redis/one/");
    EXPECT_EQ(std::get<EtcdArbiter>(etcd.arbiter).password, "secret");
    const Config kubernetes = good(rest + "arbiter: {kubernetes: {namespace: data, name: redis-one}}\n");
    ASSERT_TRUE(std::holds_alternative<KubernetesArbiter>(kubernetes.arbiter));
    EXPECT_EQ(std::get<KubernetesArbiter>(kubernetes.arbiter).namespace_name, "data");
}

TEST_F(ConfigLoader, an_absolute_path_stays_as_it_is) {
    const std::string elsewhere = write("else/where", "the password\n");
    EXPECT_EQ(good(kMinimal + "monitor: {password_file: " + elsewhere + "}\n").monitor.password_file, elsewhere);
}

TEST_F(ConfigLoader, a_password_file_gives_its_first_line_only) {
    write("windows", "with carriage return\r\nsecond line\n");
    EXPECT_EQ(good(kMinimal + "monitor: {password_file: windows}\n").monitor.password, "with carriage return");
    write("bare", "no end of line");
    EXPECT_EQ(good(kMinimal + "monitor: {password_file: bare}\n").monitor.password, "no end of line");
}

TEST_F(ConfigLoader, users_are_read_of_a_file_or_of_the_leader) {
    EXPECT_EQ(good(kMinimal).acl.source, kAclAuto);
    EXPECT_FALSE(good(kMinimal + "acl: {assert: off}\n").acl.names_file());
    EXPECT_FALSE(good(kMinimal + "acl: {assert: leader, strict: on}\n").acl.names_file());
    const std::string file = write("users.acl", "user app on >secret\n");
    const Config config = good(kMinimal + "acl: {assert: users.acl}\n");
    EXPECT_EQ(config.acl.source, file);
    EXPECT_EQ(config.acl.users, (std::map<std::string, std::string>{{"app", "on >secret"}}));
}

TEST_F(ConfigLoader, a_password_that_looks_like_a_number_stays_text) {
    EXPECT_EQ(good(kMinimal + "monitor: {password: 0123}\n").monitor.password, "0123");
}

TEST_F(ConfigLoader, a_section_without_keys_is_all_defaults) {
    EXPECT_EQ(good(kMinimal + "monitor:\nhold: {}\nlog: null\n").monitor.lease, 4s);
}

TEST_F(ConfigLoader, a_file_is_loaded_with_paths_relative_to_its_folder) {
    write("sub/password", "secret\n");
    const std::string file = write("sub/portal.yaml", kMinimal + "monitor: {password_file: password}\n");
    const LoadResult result = load_file(file);
    ASSERT_TRUE(result.config) << all(result);
    EXPECT_EQ(result.config->monitor.password, "secret");
}

TEST_F(ConfigLoader, a_missing_file_is_one_problem_without_a_line) {
    const LoadResult result = load_file(path("absent.yaml"));
    EXPECT_FALSE(result.config);
    ASSERT_EQ(result.problems.size(), 1U);
    EXPECT_EQ(result.problems[0].line, 0);
    EXPECT_NE(result.problems[0].message.find("No such file"), std::string::npos) << all(result);
}

TEST_F(ConfigLoader, later_checks_can_ask_where_a_key_stands) {
    const LoadResult result = load(kMinimal);
    EXPECT_EQ(result.findings.where("nodes[0].address").line, 4);
    EXPECT_EQ(result.findings.where("arbiter.file.path").line, 6);
    // A key that the file leaves out: the section around it.
    EXPECT_EQ(result.findings.where("nodes[0].tls.key").line, 4);
    EXPECT_EQ(result.findings.where("monitor.lease").line, 1);
}

TEST_F(ConfigLoader, no_text_makes_it_throw) {
    const std::string full = kMinimal +
                             "monitor: {password: \"a\\tb\", lease: 4s}\ncommands: {deny: [a, b]}\n"
                             "limits: &limits {sessions: 10}\n";
    for (std::size_t cut = 0; cut <= full.size(); ++cut) {
        EXPECT_NO_THROW(load(full.substr(0, cut))) << cut;
        std::string changed = full;
        for (const char c : {'\0', '\t', '[', '{', '}', '"', ':', '*', '&', '-', '\xff', '\n', '%', '!'}) {
            if (cut < full.size()) {
                changed[cut] = c;
                EXPECT_NO_THROW(load(changed)) << cut << " " << c;
            }
        }
    }
    EXPECT_NO_THROW(load(std::string(5000, '[')));
    EXPECT_NO_THROW(load(std::string(2U << 20U, 'x')));
    EXPECT_NO_THROW(load("nodes: &a [*a]\n"));
    EXPECT_NO_THROW(load("? [a, b]\n: c\n"));
}

}  // namespace
}  // namespace portal::config
