// The subcommands that talk to a running portal, against the real admin server with handlers of the test.
#include "admin/admin_responder.hpp"
#include "admin/http_server.hpp"
#include "cli/admin_client.hpp"
#include "cli/drain_command.hpp"
#include "cli/status_command.hpp"
#include "cli/switchover_command.hpp"
#include "observe/log.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace portal::cli {
namespace {

constexpr auto kStatus = R"({
    "name": "portal-0", "version": "0.1.0", "state": "ready", "reason": "redis-0 leads", "uptime_seconds": 3700,
    "topology": {"epoch": 7, "leader": "redis-0", "acting": "portal-0", "acting_here": true,
                 "nodes": [{"name": "redis-0", "address": "127.0.0.1:6390", "health": "up", "role": "leader", "offset": 1000},
                           {"name": "redis-1\u001b[31m", "address": "127.0.0.1:6391", "health": "up", "role": "replica",
                            "offset": 990, "lag_bytes": 10, "link_up": true}]},
    "sessions": {"current": 3, "limit": 100, "accepted": 9}, "links": {"shared": 2, "pinned": 1}, "last_failover": null,
    "certificates": [{"listener": "0.0.0.0:6380", "not_after": "2027-01-01T00:00:00Z", "days_left": 89}]})";

struct Outcome {
    int exit_status = -1;
    std::string out, err;
};

struct AdminCommandsTest : testing::Test {
    boost::json::object status = boost::json::parse(kStatus).as_object();
    std::vector<std::string> asked;
    std::string switchover_error;
    const std::string folder = make_folder();
    const std::string socket = folder + "/admin.sock";
    const std::string token_file = folder + "/token";
    admin::ChangeAccess access = access_by(socket, token_file);
    std::unique_ptr<admin::HttpServer> server;

    static std::string make_folder() {
        std::string name = "/tmp/admin-commands-test.XXXXXX";
        return ::mkdtemp(name.data());
    }
    static admin::ChangeAccess access_by(const std::string& socket, const std::string& token_file) {
        admin::ChangeAccess access;
        access.socket = socket;
        access.token_file = token_file;
        return access;
    }
    void serve() {
        admin::ServerOptions options;
        options.address->port = 0;
        options.socket = socket;
        server = std::make_unique<admin::HttpServer>(
            options,
            admin::admin_responder({
                                       .live = {},
                                       .ready = [] { return std::nullopt; },
                                       .metrics = [] { return std::string(); },
                                       .status = [this] { return status; },
                                       .switchover =
                                           [this](const std::optional<std::string>& to, const admin::Done& done) {
                                               asked.push_back("switchover to " + to.value_or("any"));
                                               done(switchover_error);
                                           },
                                       .drain = [this] { asked.emplace_back("drain"); },
                                   },
                                   access));
        ASSERT_EQ(server->start(), std::nullopt);
    }

    void SetUp() override {
        // The server logs to the standard error that the tests look at.
        observe::configure_log(observe::LogLevel::error, observe::LogFormat::logfmt);
        std::ofstream(token_file) << "0123456789abcdef\n";
        serve();
    }
    void TearDown() override {
        server.reset();
        std::filesystem::remove_all(folder);
    }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(server->port()); }

    static Outcome run(std::vector<std::string> arguments) {
        CLI::App app("test");
        Outcome outcome;
        add_status_command(app, outcome.exit_status);
        add_switchover_command(app, outcome.exit_status);
        add_drain_command(app, outcome.exit_status);
        std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        try {
            app.parse(arguments);
        } catch (const CLI::ParseError& error) {
            outcome.exit_status = 2;
            std::cerr << error.what();
        }
        outcome.out = testing::internal::GetCapturedStdout();
        outcome.err = testing::internal::GetCapturedStderr();
        return outcome;
    }
};

TEST_F(AdminCommandsTest, StatusPrintsATableAndSucceedsWhileThereIsALeader) {
    const auto outcome = run({"status", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(outcome.out, R"(Portal          portal-0 (redis-portal 0.1.0, up 1h 1m)
State           ready (redis-0 leads)
Leader          redis-0
Epoch           7
Acting portal   portal-0 (this one)
Sessions        3 of 100, 9 accepted so far
Links to Redis  2 shared, 1 pinned
Certificate     0.0.0.0:6380: ends 2027-01-01T00:00:00Z, 89 days left

  NODE           ADDRESS          ROLE      HEALTH   LINK   OFFSET   LAG BYTES
  redis-0        127.0.0.1:6390   leader    up       -        1000           -
  redis-1?[31m   127.0.0.1:6391   replica   up       up        990          10

Last failover   none is known
)");
}

TEST_F(AdminCommandsTest, StatusPrintsTheJsonItGot) {
    const auto outcome = run({"status", "--json", "--admin", url() + "/"});
    EXPECT_EQ(outcome.exit_status, 0);
    EXPECT_EQ(boost::json::parse(outcome.out), boost::json::value(status));
}

TEST_F(AdminCommandsTest, StatusFailsWithoutALeaderAndStillPrints) {
    status["state"] = "no_leader";
    status["topology"].as_object()["leader"] = nullptr;
    status["last_failover"] = {{"from", "redis-0"}, {"result", "no candidate"}};
    const auto outcome = run({"status", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_NE(outcome.out.find("Leader          none\n"), std::string::npos);
    EXPECT_NE(outcome.out.find("Last failover\n  from: redis-0\n  result: no candidate\n"), std::string::npos);
}

TEST_F(AdminCommandsTest, StatusSaysWhyItIsDegradedAndStillSucceeds) {
    status["state"] = "degraded";
    status["reason"] = "";
    status["why"] = {"redis-1 does not answer", "portal-1 is away"};
    const auto outcome = run({"status", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 0) << "there is a leader";
    EXPECT_NE(
        outcome.out.find("State           degraded\nWhy             redis-1 does not answer\n                portal-1 "
                         "is away\nLeader          redis-0\n"),
        std::string::npos)
        << outcome.out;
}

TEST_F(AdminCommandsTest, TheCheckPrintsOneLineAndAnExitStatusForMonitors) {
    auto outcome = run({"status", "--check", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 0);
    EXPECT_EQ(outcome.out, "portal-0 ready: redis-0 leads\n");
    status["state"] = "degraded";
    status["why"] = {"redis-1 does not answer", "portal-1 is\naway"};
    outcome = run({"status", "--check", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_EQ(outcome.out, "portal-0 degraded: redis-1 does not answer; portal-1 is?away\n");
    status["state"] = "draining";
    EXPECT_EQ(run({"status", "--check", "--admin", url()}).exit_status, 1);
    status["state"] = "no_leader";
    status["why"] = {"no node can be promoted"};
    outcome = run({"status", "--check", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 2);
    EXPECT_EQ(outcome.out, "portal-0 no_leader: no node can be promoted\n");
    const auto gone = url();
    server.reset();
    outcome = run({"status", "--check", "--admin", gone});
    EXPECT_EQ(outcome.exit_status, 3);
    EXPECT_NE(outcome.out.find("Cannot reach a portal"), std::string::npos) << "monitors read standard output";
}

TEST_F(AdminCommandsTest, StatusToleratesAnEmptyStatus) {
    status.clear();
    EXPECT_EQ(run({"status", "--admin", url()}).exit_status, 1);
}

TEST_F(AdminCommandsTest, TheAdminAddressMayComeFromTheEnvironment) {
    setenv("REDIS_PORTAL_ADMIN", url().c_str(), 1);
    EXPECT_EQ(run({"status"}).exit_status, 0);
    unsetenv("REDIS_PORTAL_ADMIN");
}

TEST_F(AdminCommandsTest, APortalThatIsNotThereGivesOneSentence) {
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
    const auto port = std::to_string(acceptor.local_endpoint().port());
    acceptor.close();
    for (const auto* command : {"status", "switchover", "drain"}) {
        const auto outcome = run({command, "--admin", "http://127.0.0.1:" + port});
        EXPECT_EQ(outcome.exit_status, 1);
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(outcome.err,
                  "Cannot reach a portal at http://127.0.0.1:" + port +
                      " (Connection refused): check that it runs, or give its admin address with --admin.\n");
    }
}

TEST_F(AdminCommandsTest, SwitchoverNamesTheNodeAndWaitsForTheEnd) {
    EXPECT_EQ(run({"switchover", "--admin", url()}).exit_status, 0);
    const auto outcome = run({"switchover", "--to", "redis-1", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 0);
    EXPECT_NE(outcome.out.find("Switched over to redis-1"), std::string::npos);
    EXPECT_EQ(asked, (std::vector<std::string>{"switchover to any", "switchover to redis-1"}));
}

TEST_F(AdminCommandsTest, ASwitchoverThatIsRefusedFailsWithThePortalsSentence) {
    switchover_error = "redis-1 is down.";
    const auto outcome = run({"switchover", "--to", "redis-1", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_EQ(outcome.err, "redis-1 is down.\n");
}

TEST_F(AdminCommandsTest, DrainAsksThePortal) {
    EXPECT_EQ(run({"drain", "--admin", url()}).exit_status, 0);
    EXPECT_EQ(asked, std::vector<std::string>{"drain"});
}

TEST_F(AdminCommandsTest, TheAdminAddressNeedsNoScheme) {
    EXPECT_EQ(run({"status", "--admin", url().substr(std::string("http://").size())}).exit_status, 0);
}

TEST_F(AdminCommandsTest, AWrongAdminAddressIsWrongUse) {
    for (const auto* bad :
         {"127.0.0.1", "portal-0", "127.0.0.1:99999", "https://127.0.0.1:9380", "http://", "http://host:0",
          "http://host:99999", "http://host:x", "http://host/path", "http://[::1", "http://a b", "unix:", "unix"}) {
        EXPECT_EQ(run({"status", "--admin", bad}).exit_status, 2) << bad;
    }
}

TEST(AdminClient, GivesUpOnAPortalThatDoesNotAnswer) {
    boost::asio::io_context context;
    const boost::asio::ip::tcp::acceptor silent(context, {boost::asio::ip::address_v4::loopback(), 0});
    const auto url = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
    const auto reply = ask_admin({.url = url}, AdminMethod::get, "/status.json", {}, std::chrono::milliseconds(50));
    EXPECT_NE(reply.error.find("no answer"), std::string::npos) << reply.error;
}

TEST_F(AdminCommandsTest, ASocketIsAnAdminAddressToo) {
    const auto unix_url = "unix:" + socket;
    EXPECT_EQ(run({"status", "--admin", unix_url}).exit_status, 0);
    EXPECT_EQ(run({"switchover", "--to", "redis-1", "--admin", unix_url}).exit_status, 0);
    EXPECT_EQ(run({"drain", "--admin", unix_url}).exit_status, 0);
    EXPECT_EQ(asked, (std::vector<std::string>{"switchover to redis-1", "drain"}));
    const auto gone = run({"drain", "--admin", unix_url + "-that-is-not-there"});
    EXPECT_EQ(gone.exit_status, 1);
    EXPECT_NE(gone.err.find("(No such file or directory): check that it runs"), std::string::npos) << gone.err;
}

TEST_F(AdminCommandsTest, WithoutAnythingGivenAChangeFindsTheSocketOfThePortalOfThisMachine) {
    for (const auto& address : {url(), "http://localhost:" + std::to_string(server->port())}) {
        asked.clear();
        EXPECT_EQ(run({"drain", "--admin", address}).exit_status, 0);
        EXPECT_EQ(asked, std::vector<std::string>{"drain"});
    }
}

TEST_F(AdminCommandsTest, ASocketOfThatNameThatIsAnothersIsNotAsked) {
    // As with `kubectl port-forward`: the portal that refuses is far away, and another one here has a socket of its
    // name.
    server.reset();
    access.instance = "that of another";
    serve();
    admin::ServerOptions far_away;
    far_away.address->port = 0;
    admin::ChangeAccess its_access = access_by(socket, token_file);
    admin::HttpServer remote(far_away, admin::admin_responder({}, its_access));
    ASSERT_EQ(remote.start(), std::nullopt);
    const auto outcome = run({"drain", "--admin", "http://127.0.0.1:" + std::to_string(remote.port())});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_NE(outcome.err.find("admin.token_file"), std::string::npos) << outcome.err;
    EXPECT_EQ(asked, std::vector<std::string>{});
}

TEST_F(AdminCommandsTest, TheTokenOfAFileIsALogin) {
    server.reset();
    access.socket.reset();
    serve();
    const auto without = run({"drain", "--admin", url()});
    EXPECT_EQ(without.exit_status, 1);
    EXPECT_EQ(without.err,
              "A change needs the token of admin.token_file: give it with --token-file, or as `Authorization: Bearer "
              "...`.\n");
    EXPECT_EQ(run({"drain", "--admin", url(), "--token-file", token_file}).exit_status, 0);
    setenv("REDIS_PORTAL_TOKEN_FILE", token_file.c_str(), 1);
    EXPECT_EQ(run({"switchover", "--admin", url()}).exit_status, 0);
    unsetenv("REDIS_PORTAL_TOKEN_FILE");
    EXPECT_EQ(asked, (std::vector<std::string>{"drain", "switchover to any"}));

    const auto other_file = folder + "/other";
    std::ofstream(other_file) << "fedcba9876543210";
    const auto wrong = run({"drain", "--admin", url(), "--token-file", other_file});
    EXPECT_EQ(wrong.err, "The token is not that of admin.token_file.\n");
    std::ofstream(other_file) << "short";
    const auto unusable = run({"drain", "--admin", url(), "--token-file", other_file});
    EXPECT_EQ(unusable.exit_status, 1);
    EXPECT_NE(unusable.err.find("holds fewer than 16 characters"), std::string::npos) << unusable.err;
    EXPECT_EQ(asked.size(), 2U);
}

TEST_F(AdminCommandsTest, WithNeitherThePortalsSentenceSaysWhatToConfigure) {
    server.reset();
    access.socket.reset();
    access.token_file.reset();
    serve();
    const auto outcome = run({"switchover", "--admin", url()});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_EQ(outcome.err,
              "Changes need a login, and none is configured: set admin.socket, a unix socket, or admin.token_file, a "
              "bearer token.\n");
    EXPECT_EQ(asked.size(), 0U);
}

TEST(AdminUrl, HasHostAndPort) {
    EXPECT_EQ(parse_admin_url("http://portal-0:1234")->port, "1234");
    EXPECT_EQ(parse_admin_url("http://portal-0")->port, "9380");
    EXPECT_EQ(parse_admin_url("http://[::1]:1234/")->host, "::1");
    EXPECT_EQ(parse_admin_url("http://[::1]:1234/")->port, "1234");
    EXPECT_EQ(parse_admin_url("http://[::1]")->port, "9380");
}

}  // namespace
}  // namespace portal::cli
