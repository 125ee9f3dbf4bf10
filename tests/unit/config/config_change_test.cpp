#include "config/config_change.hpp"

#include "config/config_merge.hpp"
#include "config_fixture.hpp"

namespace portal::config {
namespace {

using testing::ConfigTest;
using testing::kMinimal;
using Paths = std::vector<std::string>;
using ConfigChanges = ConfigTest;

ConfigChange compare(const Config& running, const Config& wanted) {
    return config::compare(PortalFile{running, {}}, PortalFile{wanted, {}});
}

TEST_F(ConfigChanges, equal_configurations_differ_in_nothing) {
    const ConfigChange change = compare(good(kMinimal), good(kMinimal + "hold: {time: 10s}\n"));
    EXPECT_EQ(change.reloadable, Paths{});
    EXPECT_EQ(change.restart, Paths{});
}

TEST_F(ConfigChanges, names_what_a_running_portal_takes_over_and_what_it_cannot) {
    const ConfigChange change = compare(
        good(kMinimal), good(kMinimal + "hold: {time: 3s}\ncommands: {deny: []}\nlog: {level: debug}\nthreads: 3\n"
                                        "monitor: {down_after: 2s}\n"));
    EXPECT_EQ(change.reloadable, (Paths{"hold.time", "commands.deny", "log.level"}));
    EXPECT_EQ(change.restart, (Paths{"monitor.down_after", "threads"}));
}

TEST_F(ConfigChanges, a_node_that_comes_or_goes_needs_no_restart_and_an_address_to_listen_on_does) {
    const Config running = good(kMinimal);
    Config wanted = running;
    wanted.nodes.push_back({"redis-9", {"10.0.0.9", 6379}, {}});
    EXPECT_EQ(compare(running, wanted).restart, Paths{});
    EXPECT_FALSE(compare(running, wanted).reloadable.empty());
    EXPECT_EQ(compare(wanted, running).reloadable, compare(running, wanted).reloadable);

    wanted = running;
    wanted.listen.push_back({{"127.0.0.1", 7000}, {}, false});
    EXPECT_EQ(compare(running, wanted).restart, (Paths{"listen[1].address", "listen[1].serves"}));
    EXPECT_EQ(compare(wanted, running).restart, (Paths{"listen[1].address", "listen[1].serves"}));
}

TEST_F(ConfigChanges, another_kind_of_arbiter_needs_a_restart) {
    const Config running = good(kMinimal);
    Config wanted = running;
    wanted.arbiter = EtcdArbiter{{"http://e:1"}, "/p/", {}, {}, {}, {}, {}, {}};
    const ConfigChange change = compare(running, wanted);
    EXPECT_EQ(change.reloadable, Paths{});
    EXPECT_FALSE(change.restart.empty());
}

TEST_F(ConfigChanges, a_secret_that_changed_inside_its_file_is_seen_and_not_shown) {
    Config running = good(kMinimal);
    running.tickets.secret_file = "/s";
    running.tickets.secret = std::string(32, 'a');
    running.monitor.password_file = "/p";
    running.monitor.password = "old secret";
    Config wanted = running;
    wanted.tickets.secret = std::string(32, 'b');
    wanted.monitor.password = "new secret";
    const ConfigChange change = compare(running, wanted);
    EXPECT_EQ(change.reloadable, (Paths{"monitor.password_file", "tickets.secret_file"}));
    EXPECT_EQ(change.restart, Paths{});
}

TEST_F(ConfigChanges, users_that_changed_inside_their_file_are_seen_and_not_shown) {
    Config running = good(kMinimal);
    running.acl.source = "/users";
    running.acl.users = {{"app", "on >old"}};
    Config wanted = running;
    EXPECT_EQ(compare(running, wanted).reloadable, Paths{});
    wanted.acl.users["app"] = "on >new";
    EXPECT_EQ(compare(running, wanted).reloadable, (Paths{"acl.assert"}));
}

using ConfigMerge = ConfigTest;

TEST_F(ConfigMerge, what_needs_a_restart_stays_as_it_is_and_holds_up_nothing_else) {
    const PortalFile running{good(kMinimal), {}};
    const PortalFile wanted{
        good(kMinimal +
             "hold: {time: 3s}\nthreads: 3\nmonitor: {down_after: 2s, password: new}\nlog: {level: debug}\n"),
        {}};
    const auto next = keep_what_needs_a_restart(running, wanted);
    EXPECT_EQ(config::compare(running, next).restart, Paths{});
    EXPECT_EQ(config::compare(running, next).reloadable, (Paths{"monitor.password", "hold.time", "log.level"}));
    EXPECT_EQ(next.config.threads, running.config.threads);
    EXPECT_EQ(next.config.monitor.down_after, running.config.monitor.down_after);
}

TEST_F(ConfigMerge, whatever_changes_nothing_that_needs_a_restart_is_left) {
    const PortalFile running{good(kMinimal), {}};
    PortalFile wanted = running;
    wanted.config.name = "another";
    wanted.config.nodes.push_back({"redis-9", {"10.0.0.9", 6379}, {}});
    wanted.config.arbiter = EtcdArbiter{{"http://e:1"}, "/p/", {}, {}, {}, {}, {}, {}};
    wanted.config.admin.address.port = 9999;
    wanted.config.writes = {InDoubt::close, Proven::strict};
    wanted.config.busy_poll = 7;
    wanted.upkeep.agents.push_back({"redis-9", {"10.0.0.9", 9121}, {}});
    const auto next = keep_what_needs_a_restart(running, wanted);
    EXPECT_EQ(config::compare(running, next).restart, Paths{});
    EXPECT_EQ(next.config.nodes.size(), wanted.config.nodes.size()) << "nodes come and go";
    EXPECT_EQ(next.config.writes.in_doubt, InDoubt::close);
    EXPECT_EQ(next.config.writes.proven, Proven::off);
}

TEST_F(ConfigMerge, listeners_stay_and_take_the_certificate_of_the_same_address) {
    PortalFile running{good(kMinimal), {}};
    running.config.listen = {{{"127.0.0.1", 7000}, ListenerTls{"/a.crt", "/a.key", {}, {}}, false},
                             {{"127.0.0.1", 7001}, {}, false}};
    PortalFile wanted = running;
    wanted.config.listen = {{{"127.0.0.1", 7009}, {}, false},
                            {{"127.0.0.1", 7000}, ListenerTls{"/b.crt", "/b.key", {}, {}}, true}};
    const auto next = keep_what_needs_a_restart(running, wanted).config.listen;
    ASSERT_EQ(next.size(), 2U);
    EXPECT_EQ(next[0].address.port, 7000);
    EXPECT_EQ(next[0].tls->certificate, "/b.crt");
    EXPECT_TRUE(next[0].proxy_protocol);
    EXPECT_EQ(next[1].address.port, 7001);
}

TEST(ListInWords, reads_as_a_sentence_does) {
    EXPECT_EQ(list_in_words({"a"}), "a");
    EXPECT_EQ(list_in_words({"a", "b"}), "a and b");
    EXPECT_EQ(list_in_words({"a", "b", "c"}), "a, b and c");
}

}  // namespace
}  // namespace portal::config
