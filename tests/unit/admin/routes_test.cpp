#include "admin/routes.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace portal::admin {
namespace {

namespace http = boost::beast::http;

struct RoutesTest : testing::Test {
    Peer peer;  // over the portal's own socket
    ChangeAccess access;
    std::optional<std::string> not_ready;
    int drains = 0;
    AdminHandlers handlers{
        .live = {},
        .ready = [this] { return not_ready; },
        .metrics = [] { return std::string("redis_portal_ready 1\n"); },
        .status =
            [] {
                return boost::json::object{{"name", "portal-<0>"}};
            },
        .switchover = [](const std::optional<std::string>&, const Done&) { FAIL() << "route() starts nothing itself"; },
        .drain = [this] { ++drains; },
    };

    static Request request(http::verb verb, std::string_view target, std::string_view body = {}) {
        Request made(verb, target, 11);
        made.body() = body;
        return made;
    }
    Response respond(const Request& asked) { return std::get<Response>(route(handlers, access, asked, peer)); }
    Response get(std::string_view target) { return respond(request(http::verb::get, target)); }
};

TEST_F(RoutesTest, LivenessIsOkWithoutAskingAnybody) {
    for (const auto* path : {"/livez", "/healthz"}) {
        EXPECT_EQ(get(path).result(), http::status::ok);
        EXPECT_EQ(get(path).body(), "ok\n");
    }
}

TEST_F(RoutesTest, LivenessFailsWithTheReasonOfTheHandler) {
    handlers.live = [] { return std::optional<std::string>("shard 1 stands still"); };
    EXPECT_EQ(get("/livez").result(), http::status::service_unavailable);
    EXPECT_EQ(get("/livez").body(), "not alive: shard 1 stands still\n");
}

TEST_F(RoutesTest, ReadinessGivesItsReason) {
    EXPECT_EQ(get("/readyz").result(), http::status::ok);
    not_ready = "draining";
    EXPECT_EQ(get("/readyz").result(), http::status::service_unavailable);
    EXPECT_EQ(get("/readyz").body(), "not ready: draining\n");
}

TEST_F(RoutesTest, MetricsHaveTheContentTypeOfPrometheus) {
    const auto response = get("/metrics");
    EXPECT_EQ(response.body(), "redis_portal_ready 1\n");
    EXPECT_TRUE(response[http::field::content_type].starts_with("text/plain; version=0.0.4"));
}

TEST_F(RoutesTest, StatusIsServedAsDataAndAsAPageUnderAStrictPolicy) {
    EXPECT_EQ(boost::json::parse(get("/status.json").body()).at("name"), "portal-<0>");
    const auto page = get("/");
    EXPECT_NE(page.body().find("portal-&lt;0&gt;"), std::string::npos);
    EXPECT_TRUE(page["Content-Security-Policy"].starts_with("default-src 'none'"));
    EXPECT_EQ(page["X-Content-Type-Options"], "nosniff");
    EXPECT_EQ(page[http::field::cache_control], "no-store");
}

TEST_F(RoutesTest, AQueryDoesNotChangeThePath) {
    EXPECT_EQ(get("/readyz?verbose").result(), http::status::ok);
}

TEST_F(RoutesTest, AnUnknownPathGetsTheListOfPathsInOneLine) {
    for (const auto* path : {"/nothing", "/metrics/", "/../etc/passwd", "//", "*", "/STATUS.JSON"}) {
        const auto response = get(path);
        EXPECT_EQ(response.result(), http::status::not_found) << path;
        EXPECT_NE(response.body().find("/status.json"), std::string::npos);
        EXPECT_EQ(response.body().find('\n'), response.body().size() - 1);
    }
}

TEST_F(RoutesTest, TheWrongMethodGets405AndTheRightOnes) {
    const auto post = respond(request(http::verb::post, "/metrics"));
    EXPECT_EQ(post.result(), http::status::method_not_allowed);
    EXPECT_EQ(post[http::field::allow], "GET, HEAD");
    for (const auto* path : {"/drain", "/switchover"}) {
        for (const auto verb :
             {http::verb::get, http::verb::head, http::verb::put, http::verb::delete_, http::verb::options}) {
            const auto response = respond(request(verb, path));
            EXPECT_EQ(response.result(), http::status::method_not_allowed);
            EXPECT_EQ(response[http::field::allow], "POST");
        }
    }
    EXPECT_EQ(drains, 0);
}

TEST_F(RoutesTest, DrainIsStartedAndAccepted) {
    EXPECT_EQ(respond(request(http::verb::post, "/drain")).result(), http::status::accepted);
    EXPECT_EQ(drains, 1);
}

TEST_F(RoutesTest, ChangesWithoutALoginOrFromAWebPageAreForbidden) {
    auto from_page = request(http::verb::post, "/drain");
    from_page.set(http::field::origin, "http://127.0.0.1:9380");
    EXPECT_EQ(respond(from_page).result(), http::status::forbidden);
    for (const auto* from : {"10.1.2.3", "127.0.0.1", "127.0.0.6", "::1"}) {
        peer.address = boost::asio::ip::make_address(from);
        for (const auto* path : {"/drain", "/switchover"}) {
            EXPECT_EQ(respond(request(http::verb::post, path)).result(), http::status::forbidden) << from;
        }
    }
    EXPECT_EQ(drains, 0);
    EXPECT_EQ(get("/readyz").result(), http::status::ok) << "reading is open to others";
}

TEST_F(RoutesTest, ASwitchoverTakesItsNodeFromQueryOrBody) {
    const auto to = [this](std::string_view target, std::string_view body) {
        return std::get<StartSwitchover>(route(handlers, access, request(http::verb::post, target, body), peer)).to;
    };
    EXPECT_EQ(to("/switchover", ""), std::nullopt);
    EXPECT_EQ(to("/switchover", " \r\n"), std::nullopt);
    EXPECT_EQ(to("/switchover", "{}"), std::nullopt);
    EXPECT_EQ(to("/switchover?to=redis-1", ""), "redis-1");
    EXPECT_EQ(to("/switchover", R"({"to": "redis-1"})"), "redis-1");
}

TEST_F(RoutesTest, ASwitchoverThatIsNotUnderstoodIsRefusedNotGuessed) {
    const auto refused = [this](std::string_view target, std::string_view body) {
        return respond(request(http::verb::post, target, body)).result() == http::status::bad_request;
    };
    EXPECT_TRUE(refused("/switchover?to=", ""));
    EXPECT_TRUE(refused("/switchover?node=redis-1", ""));
    EXPECT_TRUE(refused("/switchover?to=a&to=b", ""));
    EXPECT_TRUE(refused("/switchover?to=a%0ab", ""));
    EXPECT_TRUE(refused("/switchover", "redis-1"));
    EXPECT_TRUE(refused("/switchover", R"("redis-1")"));
    EXPECT_TRUE(refused("/switchover", R"({"to": 1})"));
    EXPECT_TRUE(refused("/switchover", R"({"to": null})"));
    EXPECT_TRUE(refused("/switchover", R"({"node": "redis-1"})"));
    EXPECT_TRUE(refused("/switchover", R"({"to": "a", "force": true})"));
    EXPECT_TRUE(refused("/switchover?to=a", R"({"to": "a"})"));
    EXPECT_TRUE(refused("/switchover", std::string(4000, '[')));
}

TEST_F(RoutesTest, TheOutcomeOfASwitchoverDecidesTheStatus) {
    EXPECT_EQ(switchover_response("").result(), http::status::ok);
    EXPECT_EQ(switchover_response("redis-1 is down").result(), http::status::conflict);
    EXPECT_EQ(boost::json::parse(switchover_response("redis-1 is down").body()).at("error"), "redis-1 is down");
    EXPECT_EQ(switchover_response(std::nullopt).result(), http::status::gateway_timeout);
}

}  // namespace
}  // namespace portal::admin
