// A password that changes at a node, or at the monitor, is noticed before a failover needs it. Real redis-servers.
#include "sentinel/login_check.hpp"

#include "one_loop.hpp"
#include "two_monitors.hpp"

#include <boost/asio/detached.hpp>

namespace portal::sentinel {
namespace {

using Word = LoginState::Word;

class LoginCheckTest : public MonitorTest {
  protected:
    void watch() {
        check = std::make_shared<LoginCheck>(loop.executor(),
                                             config::Node{"redis-0", {"127.0.0.1", redis0.port()}, std::nullopt}, login,
                                             LoginCheck::Timing{milliseconds(50), milliseconds(50), milliseconds(500)},
                                             [this](LoginState told, Visitors seen) {
                                                 state = std::move(told);
                                                 visitors = std::move(seen);
                                             });
        boost::asio::co_spawn(loop.executor(), check->run(), boost::asio::detached);
    }
    void TearDown() override {
        if (check) {
            check->stop();
            loop.run_for(milliseconds(50));
        }
    }
    bool comes_to(Word word) {
        return loop.run_until([&] { return state.word == word; }, seconds(5));
    }

    testing::OneLoop loop;
    std::shared_ptr<Login> login = std::make_shared<Login>(Login{std::nullopt, "secret-1"});
    std::shared_ptr<LoginCheck> check;
    LoginState state;
    Visitors visitors;
};

TEST_F(LoginCheckTest, a_password_that_was_changed_at_the_node_is_noticed_and_so_is_its_cure) {
    redis0.start();
    redis0.ask({"ACL", "SETUSER", "watcher", "on", ">secret-1", "+@all"});
    login->username = "watcher";
    watch();
    ASSERT_TRUE(comes_to(Word::accepted));
    redis0.ask({"ACL", "SETUSER", "watcher", "resetpass", ">secret-2"});
    ASSERT_TRUE(comes_to(Word::refused));
    EXPECT_NE(state.answer.find("WRONGPASS"), std::string::npos) << state.answer;
    EXPECT_EQ(state.answer.find("secret"), std::string::npos) << state.answer;
    login->password = "secret-2";
    EXPECT_TRUE(comes_to(Word::accepted)) << "the password of the monitor was changed, too";
    redis0.ask({"ACL", "SETUSER", "watcher", "-info"});
    EXPECT_TRUE(comes_to(Word::refused)) << "a right that each probe needs";
}

TEST_F(LoginCheckTest, a_password_where_there_was_none_is_noticed_by_a_monitor_without_one) {
    redis0.start();
    login->password.reset();
    watch();
    ASSERT_TRUE(comes_to(Word::accepted));
    redis0.ask({"CONFIG", "SET", "requirepass", "secret-2"});
    ASSERT_TRUE(comes_to(Word::refused));
    EXPECT_NE(state.answer.find("NOAUTH"), std::string::npos) << state.answer;
}

TEST_F(LoginCheckTest, a_node_that_does_not_answer_says_nothing_about_the_password) {
    redis0.start();
    login->password.reset();
    watch();
    ASSERT_TRUE(comes_to(Word::accepted));
    redis0.pause();
    EXPECT_TRUE(comes_to(Word::unknown));
    redis0.resume();
    EXPECT_TRUE(comes_to(Word::accepted));
    redis0.kill();
    EXPECT_TRUE(comes_to(Word::unknown));
}

class MonitorLoginTest : public MonitorTest {
  protected:
    bool login_ok(const std::string& node, bool wanted) const {
        return eventually([&] {
            const auto status = portal0->monitor().status();
            for (const auto& each : status.at("nodes").as_array()) {
                const auto* ok = each.as_object().if_contains("login_ok");
                if (each.at("name").as_string() == node && ok != nullptr) {
                    return ok->as_bool() == wanted;
                }
            }
            return false;
        });
    }
};

TEST_F(MonitorLoginTest, another_password_of_the_monitor_counts_at_once_and_a_switchover_needs_no_restart) {
    const std::vector<std::string> locked{"--requirepass", "secret-1", "--masterauth", "secret-1"};
    redis0.start(locked);
    redis1.start(locked);
    auto config = config_for("portal-0");
    config.monitor.password = "secret-1";
    portal0 = std::make_unique<Portal>(config);
    ASSERT_TRUE(eventually([&] { return portal0->leader() == "redis-0" && portal0->in_sync("redis-1"); }));
    ASSERT_TRUE(login_ok("redis-0", true) && login_ok("redis-1", true));

    portal0->monitor().use_login({std::nullopt, "wrong"});
    ASSERT_TRUE(login_ok("redis-0", false) && login_ok("redis-1", false));
    EXPECT_EQ(portal0->leader(), "redis-0") << "connections that are logged in stay so";
    const auto refused = portal0->switchover("redis-1");
    EXPECT_NE(refused.find("refuses the monitor's login"), std::string::npos) << refused;
    EXPECT_EQ(portal0->epoch(), 1U) << "nobody had to stop for a change that cannot be";

    portal0->monitor().use_login({std::nullopt, "secret-1"});
    ASSERT_TRUE(login_ok("redis-0", true) && login_ok("redis-1", true));
    EXPECT_EQ(portal0->switchover("redis-1"), "");
    EXPECT_TRUE(eventually([&] { return portal0->leader() == "redis-1"; }));
}

}  // namespace
}  // namespace portal::sentinel
