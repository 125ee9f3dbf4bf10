// One test for each kind of problem: that it is found, on its line, and that the message says what to do.
#include "config_fixture.hpp"

namespace portal::config {
namespace {

using testing::ConfigTest;
using testing::kMinimal;

using ConfigProblems = ConfigTest;

TEST_F(ConfigProblems, all_problems_are_reported_in_the_order_of_the_file) {
    const LoadResult result = load(
        "name: two words\n"
        "listen:\n"
        "  - {address: 6380, tls: null}\n"
        "nodes:\n"
        "  - {name: redis-0}\n"
        "hold: {time: 10}\n"
        "thread: 4\n");
    EXPECT_EQ(all(result),
              "F:1: arbiter: is missing. Where the portals keep the one record of who leads; exactly one kind.\n"
              "F:1: name: 'two words' is not a name; use 1 to 63 letters, digits, '.', '_' and '-'\n"
              "F:3: listen[0].address: '6380' has no port; write host:port\n"
              "F:5: nodes[0].address: is missing. Where Redis listens. A name is looked up again for new connections.\n"
              "F:6: hold.time: '10' has no unit; write 10ms or 10s\n"
              "F:7: unknown key 'thread'; did you mean threads?\n");
}

TEST_F(ConfigProblems, broken_yaml_carries_its_line) {
    expect_problem_after_minimal("hold: {time: 1s\nwrites: {}\n", 2, "is not YAML here");
    expect_problem_after_minimal("hold:\n\ttime: 1s\n", 2,
                                 "holds a TAB; YAML is indented and separated by spaces alone");
    expect_problem_after_minimal("hold:\n  time: 1s\n \tbytes: 1MiB\n", 3, "holds a TAB");
    expect_problem_after_minimal("# a \t comment\nlog: {]\n", 2, "is not YAML here");
    expect_problem_after_minimal("log: {]\n", 1, "is not YAML here");
}

TEST_F(ConfigProblems, an_empty_file_and_a_second_document_are_refused) {
    expect_problem("", 1, "holds no configuration");
    expect_problem("# only a comment\n", 1, "holds no configuration");
    expect_problem_after_minimal("---\nname: other\n", 2, "second document");
    expect_problem("just a word\n", 1, "must be a section of keys");
    expect_problem("- a\n- b\n", 1, "must be a section of keys");
}

TEST_F(ConfigProblems, an_unknown_key_comes_with_a_suggestion) {
    expect_problem_after_minimal("hold: {tiem: 1s}\n", 1, "hold: unknown key 'tiem'; did you mean time?");
    expect_problem_after_minimal("montior: {}\n", 1, "unknown key 'montior'; did you mean monitor?");
    expect_problem_after_minimal("Hold: {}\n", 1, "did you mean hold?");
}

TEST_F(ConfigProblems, a_key_in_the_wrong_section_is_sent_home) {
    expect_problem_after_minimal("down_after: 1s\n", 1, "unknown key 'down_after'; it belongs under monitor");
    expect_problem_after_minimal("monitor: {threads: 2}\n", 1, "it belongs under the top level");
}

TEST_F(ConfigProblems, an_unknown_key_like_no_other_lists_what_there_is) {
    expect_problem_after_minimal("hold: {xyzzy: 1s}\n", 1, "unknown key 'xyzzy'; the keys here are time, bytes");
}

TEST_F(ConfigProblems, a_key_given_twice_is_refused_with_both_lines) {
    expect_problem_after_minimal("threads: 2\nlog: {}\nthreads: 3\n", 3, "'threads' is given twice, first on line 7");
    expect_problem_after_minimal("hold:\n  time: 1s\n  time: 2s\n", 3, "hold: 'time' is given twice, first on line 8");
}

TEST_F(ConfigProblems, a_value_of_the_wrong_shape_is_refused) {
    expect_problem_after_minimal("hold: 10s\n", 1, "hold: must be a section of keys");
    expect_problem_after_minimal("hold: [10s]\n", 1, "hold: must be a section of keys");
    expect_problem_after_minimal("threads: [2]\n", 1, "threads: must be a single value");
    expect_problem_after_minimal("threads: {auto: 1}\n", 1, "threads: must be a single value");
    expect_problem_after_minimal("commands: {deny: flushall}\n", 1, "commands.deny: must be a list");
    expect_problem_after_minimal("threads:\n", 1, "threads: has no value");
    expect_problem_after_minimal("? [a, b]\n: c\n", 1, "a key must be a single word");
}

TEST_F(ConfigProblems, numbers_are_whole_and_within_bounds) {
    expect_problem_after_minimal("threads: many\n", 1, "'many' is not a whole number; choose 1 to 256, or auto");
    expect_problem_after_minimal("threads: 0\n", 1, "'0' is out of bounds; choose 1 to 256, or auto");
    expect_problem_after_minimal("busy_poll: 1001\n", 1, "'1001' is out of bounds; choose 1 to 1000, or off");
    expect_problem_after_minimal("threads: 1.5\n", 1, "is not a whole number");
    expect_problem_after_minimal("limits: {sessions: -1}\n", 1, "is not a whole number");
    expect_problem_after_minimal("limits: {sessions: 99999999999999999999}\n", 1, "out of bounds");
}

TEST_F(ConfigProblems, durations_need_a_unit_and_keep_their_bounds) {
    expect_problem_after_minimal("monitor: {lease: 4}\n", 1, "monitor.lease: '4' has no unit; write 4ms or 4s");
    expect_problem_after_minimal("monitor: {lease: 4sec}\n", 1, "the units are ms, s, m and h");
    expect_problem_after_minimal("monitor: {lease: soon}\n", 1, "'soon' is not a duration");
    expect_problem_after_minimal("monitor: {lease: -1s}\n", 1, "is not a duration");
    expect_problem_after_minimal("monitor: {lease: 1.5s}\n", 1, "is not a duration");
    expect_problem_after_minimal("monitor: {lease: 11m}\n", 1, "out of bounds; choose 200ms to 10m");
    expect_problem_after_minimal("limits: {idle_time: 10ms}\n", 1, "choose 1s to 720h, or 0s for no limit");
    expect_problem_after_minimal("limits: {keepalive: 10h}\n", 1, "choose 1s to 9h, or 0s for never");
    expect_problem_after_minimal("upstream: {answer_time: 10ms}\n", 1, "choose 1s to 1h, or 0s for no limit");
    expect_problem_after_minimal("hold: {time: 99999999999999999999h}\n", 1, "out of bounds");
}

TEST_F(ConfigProblems, sizes_have_known_units_and_keep_their_bounds) {
    expect_problem_after_minimal("hold: {bytes: 64M}\n", 1, "hold.bytes: '64M' is not a size; the units are");
    expect_problem_after_minimal("hold: {bytes: lots}\n", 1, "'lots' is not a size");
    expect_problem_after_minimal("limits: {request_bytes: 10}\n", 1, "out of bounds; choose 1KiB to 4GiB");
    expect_problem_after_minimal("limits: {request_bytes: 99999999999TiB}\n", 1, "out of bounds");
}

TEST_F(ConfigProblems, addresses_have_a_host_and_a_port) {
    const auto listen = [](const std::string& address) {
        return "arbiter: {file: {path: r}}\nnodes: [{name: a, address: 'h:1'}]\nlisten: [{tls: null, address: '" +
               address + "'}]\n";
    };
    expect_problem(listen("localhost"), 3, "'localhost' has no port; write host:port");
    expect_problem(listen("[::1]"), 3, "has no port");
    expect_problem(listen("::1:6380"), 3, "put an IPv6 address in brackets");
    expect_problem(listen(":6380"), 3, "has no host; write 0.0.0.0:6380 or [::]:6380");
    expect_problem(listen("*:6380"), 3, "has no host");
    expect_problem(listen("localhost:0"), 3, "has no usable port; choose 1 to 65535");
    expect_problem(listen("localhost:65536"), 3, "has no usable port");
    expect_problem(listen("localhost:redis"), 3, "has no usable port");
    expect_problem(listen("[host]:6380"), 3, "holds no IPv6 address in its brackets");
    expect_problem(listen("redis://host:6380"), 3, "is not clear");
    expect_problem(listen("two words:6380"), 3, "without a scheme or spaces");
}

TEST_F(ConfigProblems, choices_say_what_there_is) {
    expect_problem_after_minimal("writes: {proven: always}\n", 1,
                                 "'always' is not known; choose off, available or strict");
    expect_problem_after_minimal("log: {level: wran}\n", 1, "did you mean warn? Choose debug, info, warn or error");
    expect_problem_after_minimal("log: {level: INFO}\n", 1, "'INFO' is not known");
}

TEST_F(ConfigProblems, denied_commands_are_names) {
    expect_problem_after_minimal("commands:\n  deny:\n    - get\n    - 'two words'\n", 4,
                                 "commands.deny[1]: 'two words' is not a command");
    expect_problem_after_minimal("commands: {deny: ['config|']}\n", 1, "is not a command");
    expect_problem_after_minimal("commands: {deny: [[get]]}\n", 1, "must be a single value");
}

TEST_F(ConfigProblems, without_a_listener_or_a_node_there_is_nothing_to_do) {
    expect_problem("nodes: [{name: a, address: 'h:1'}]\narbiter: {file: {path: r}}\n", 1, "listen: is missing");
    expect_problem("listen: []\nnodes: [{name: a, address: 'h:1'}]\narbiter: {file: {path: r}}\n", 1,
                   "listen: is an empty list");
    expect_problem("listen: [{address: 'h:1', tls: null}]\narbiter: {file: {path: r}}\n", 1, "nodes: is missing");
    expect_problem("listen: [{address: 'h:1', tls: null}]\nnodes: []\narbiter: {file: {path: r}}\n", 2,
                   "nodes: is an empty list");
}

TEST_F(ConfigProblems, plain_text_must_be_asked_for) {
    expect_problem("listen:\n  - address: h:1\nnodes: [{name: a, address: 'h:2'}]\narbiter: {file: {path: r}}\n", 2,
                   "listen[0].tls: is missing. Encryption towards clients. Write `tls: null` for plain text.");
}

TEST_F(ConfigProblems, two_nodes_cannot_share_a_name_or_an_address) {
    const std::string rest = "listen: [{address: 'h:1', tls: null}]\narbiter: {file: {path: r}}\nnodes:\n";
    expect_problem(rest + "  - {name: a, address: 'h:2'}\n  - {name: a, address: 'h:3'}\n", 5,
                   "nodes[1].name: 'a' is taken by nodes[0].name on line 4");
    expect_problem(rest + "  - {name: a, address: 'h:2'}\n  - {name: b, address: 'h:2'}\n", 5,
                   "nodes[1].address: 'h:2' is taken by nodes[0].address on line 4");
}

TEST_F(ConfigProblems, two_sockets_cannot_listen_on_one_address) {
    expect_problem_after_minimal("admin: {address: '127.0.0.1:6380'}\n", 1,
                                 "admin.address: '127.0.0.1:6380' is taken by listen[0].address on line 2");
}

TEST_F(ConfigProblems, a_lease_must_outlast_the_fence) {
    expect_problem_after_minimal("monitor:\n  fence_after: 4s\n", 2,
                                 "fence_after (4s) must be shorter than lease (4s)");
    expect_problem_after_minimal("monitor:\n  lease: 2s\n", 2, "fence_after (2s) must be shorter than lease (2s)");
    expect_problem_after_minimal("monitor:\n  lease: 3s\n  fence_after: 5s\n", 3, "must be shorter than lease (3s)");
}

TEST_F(ConfigProblems, probes_must_be_more_frequent_than_the_verdict) {
    expect_problem_after_minimal("monitor: {ping_interval: 2s}\n", 1,
                                 "ping_interval (2s) must not exceed down_after (1s)");
    expect_problem_after_minimal("monitor: {down_after: 100ms}\n", 1,
                                 "ping_interval (200ms) must not exceed down_after (100ms)");
}

TEST_F(ConfigProblems, patience_with_a_busy_leader_is_longer_than_with_a_silent_one_or_none) {
    expect_problem_after_minimal("monitor: {busy_after: 1s}\n", 1,
                                 "busy_after (1s) must be 0 or longer than down_after (1s)");
    expect_problem_after_minimal("monitor:\n  down_after: 20s\n  busy_after: 15s\n", 3,
                                 "must be 0 or longer than down_after (20s)");
}

TEST_F(ConfigProblems, a_refused_value_is_not_held_against_other_keys) {
    expect_problem_after_minimal("monitor:\n  lease: 1\n  fence_after: 5s\n", 2, "has no unit");
    expect_problem_after_minimal("monitor:\n  ping_interval: 5s\n  down_after: x\n", 3, "is not a duration");
}

TEST_F(ConfigProblems, a_password_is_given_in_one_way_only) {
    write("password", "secret\n");
    expect_problem_after_minimal("monitor:\n  password_file: password\n  password: secret\n", 3,
                                 "monitor.password: stands beside password_file");
}

TEST_F(ConfigProblems, a_password_file_must_be_readable_and_hold_something) {
    expect_problem_after_minimal("monitor: {password_file: absent}\n", 1,
                                 "monitor.password_file: cannot be read: " + path("absent") + " (No such file");
    expect_problem_after_minimal("monitor: {password_file: .}\n", 1, "is a folder, not a file");
    write("empty", "\n");
    expect_problem_after_minimal("monitor: {password_file: empty}\n", 1, "holds nothing: " + path("empty"));
}

TEST_F(ConfigProblems, a_file_of_users_must_be_one) {
    expect_problem_after_minimal("acl: {assert: lead}\n", 1, "acl.assert: cannot be read: " + path("lead"));
    write("users.acl", "user app on >secret\nusr b\n");
    expect_problem_after_minimal("acl: {assert: users.acl}\n", 1, "acl.assert: must hold lines 'user NAME RULES...'");
    expect_problem_after_minimal("acl: {assert: off, strict: on}\n", 1, "acl.strict: goes with users");
}

TEST_F(ConfigProblems, certificate_files_must_be_readable) {
    write("tls.crt", "x");
    const std::string rest =
        "nodes: [{name: a, address: 'h:2'}]\narbiter: {file: {path: r}}\nlisten:\n- address: h:1\n";
    expect_problem(rest + "  tls:\n    certificate: tls.crt\n    key: tls.key\n", 7,
                   "listen[0].tls.key: cannot be read: " + path("tls.key"));
    expect_problem(rest + "  tls:\n    certificate: tls.crt\n", 5, "listen[0].tls.key: is missing");
    expect_problem(rest + "  tls:\n    certificate: tls.crt\n    key:\n", 7, "listen[0].tls.key: has no value");
    expect_problem(rest + "  tls: {certificate: tls.crt, key: tls.crt, client_ca: gone.crt}\n", 5,
                   "listen[0].tls.client_ca: cannot be read");
}

TEST_F(ConfigProblems, a_client_certificate_goes_with_its_key) {
    write("node.crt", "x");
    const std::string rest = "listen: [{address: 'h:1', tls: null}]\narbiter: {file: {path: r}}\nnodes:\n";
    expect_problem(rest + "  - {name: a, address: 'h:2', tls: {certificate: node.crt}}\n", 4,
                   "nodes[0].tls.certificate: goes with key; give both or neither");
}

TEST_F(ConfigProblems, there_is_exactly_one_arbiter) {
    const std::string rest = "listen: [{address: 'h:1', tls: null}]\nnodes: [{name: a, address: 'h:2'}]\n";
    expect_problem(rest, 1, "arbiter: is missing");
    expect_problem(rest + "arbiter:\n", 3, "arbiter: has no value");
    expect_problem(rest + "arbiter: {}\n", 3, "arbiter: names no kind; choose one of file, etcd, kubernetes");
    expect_problem(rest + "arbiter:\n  kubernetes: {namespace: n, name: l}\n  file: {path: r}\n", 4,
                   "arbiter.kubernetes: stands beside file; keep one of the two");
    expect_problem(rest + "arbiter: {file: {}}\n", 3, "arbiter.file.path: is missing");
}

TEST_F(ConfigProblems, etcd_needs_members_and_both_parts_of_a_login) {
    const std::string rest =
        "listen: [{address: 'h:1', tls: null}]\nnodes: [{name: a, address: 'h:2'}]\narbiter:\n  etcd:\n";
    expect_problem(rest + "    prefix: /p/\n", 4, "arbiter.etcd.endpoints: is missing");
    expect_problem(rest + "    endpoints: []\n", 5, "arbiter.etcd.endpoints: is an empty list");
    expect_problem(rest + "    endpoints: [etcd-0]\n", 5, "arbiter.etcd.endpoints[0]: is not the address of a server");
    expect_problem(rest + "    endpoints: ['http://e:1']\n    username: u\n", 6, "username: goes with password_file");
}

TEST_F(ConfigProblems, a_short_ticket_secret_is_refused) {
    write("short", "only a few bytes");
    expect_problem_after_minimal("tickets: {secret_file: short}\n", 1,
                                 "tickets.secret_file: holds fewer than 32 bytes");
}

TEST_F(ConfigProblems, an_admin_token_that_could_be_guessed_or_not_travel_in_a_header_is_refused) {
    write("token", "fifteen-letters\n");
    expect_problem_after_minimal("admin: {token_file: token}\n", 1, "admin.token_file: holds fewer than 16 characters");
    write("token", "sixteen letters!\n");
    expect_problem_after_minimal("admin: {token_file: token}\n", 1, "holds other characters than visible ASCII");
    write("token", "sixteen-letters!\nand no more");
    EXPECT_EQ(good(kMinimal + "admin: {token_file: token}\n").admin.token_file, path("token"));
    expect_problem_after_minimal("admin: {token_file: not-there}\n", 1, "admin.token_file: cannot be read");
}

TEST_F(ConfigProblems, a_socket_whose_path_is_longer_than_the_kernel_takes_is_refused) {
    expect_problem_after_minimal("admin: {socket: /" + std::string(107, 'x') + "}\n", 1,
                                 "admin.socket: is longer than the 107 bytes");
    EXPECT_TRUE(good(kMinimal + "admin: {socket: /" + std::string(106, 'x') + "}\n").admin.socket);
    EXPECT_EQ(good(kMinimal).admin.socket, std::nullopt) << "a portal takes no changes unless it is asked to";
}

TEST_F(ConfigProblems, no_message_holds_a_secret) {
    write("password", "hunter2\n");
    for (const std::string lines : {
             "monitor: {password: hunter2, password_file: password}\n",
             "monitor: {password: [hunter2]}\n",
             "monitor: {password: {hunter2: x}}\n",
             "monitor: {password: *hunter2}\n",
             "monitor: {password: !hunter2 }\n",
             "monitor: {password: \"hunter2\n",
             "monitor: {password: \"\\hunter2\"}\n",
             "monitor: {password hunter2}\n",
             "monitor: {password, hunter2}\n",
             "monitor: hunter2\n",
             "monitor: [password, hunter2]\n",
             "monitor:\n  password: a\n  password: hunter2\n",
             "monitor:\n  password: hunter2: x\n",
             "monitor:\n  password: a\n    hunter2\n  : b\n",
             "tickets: {secret_file: password}\n",
             "arbiter: {etcd: {endpoints: ['http://root:hunter2@etcd:2379']}}\n",
         }) {
        const LoadResult result = load(kMinimal + lines);
        EXPECT_FALSE(result.problems.empty()) << lines;
        EXPECT_EQ(all(result).find("unter2"), std::string::npos) << all(result) << lines;
    }
    const std::string etcd =
        "listen: [{address: 'h:1', tls: null}]\nnodes: [{name: a, address: 'h:2'}]\n"
        "arbiter: {etcd: {endpoints: ['http://root:hunter2@etcd:2379']}}\n";
    expect_problem(etcd, 3, "must not hold a user or password");
    EXPECT_EQ(all(load(etcd)).find("hunter2"), std::string::npos);
}

TEST_F(ConfigProblems, a_message_stays_on_one_line_whatever_the_value) {
    for (const Problem& problem : load(kMinimal + "threads: \"a\\nb\\e[31m\"\n\"x\\ny\": 1\n").problems) {
        EXPECT_EQ(problem.message.find_first_of("\n\x1b"), std::string::npos) << problem.message;
    }
}

}  // namespace
}  // namespace portal::config
