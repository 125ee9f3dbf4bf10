#include "admin/status_page.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace portal::admin {
namespace {

constexpr std::string_view kEvil = R"(<script>alert(1)</script>"'&)";

StatusView full_view(const std::string& text) {
    StatusView view;
    view.name = view.version = view.state = view.reason = view.leader = view.leader_since = view.acting = text;
    view.uptime_seconds = 5;
    view.epoch = 7;
    view.nodes.push_back({text, text, text, text, 100, 10, true});
    view.last_failover.emplace_back(text, text);
    view.certificates.push_back({text, text, 1});
    return view;
}

TEST(StatusPage, EscapesTheCharactersThatHtmlGivesMeaning) {
    EXPECT_EQ(escape_html(R"(a<b>&"')"), "a&lt;b&gt;&amp;&quot;&#39;");
    EXPECT_EQ(escape_html("plain größer"), "plain größer");
}

TEST(StatusPage, NoTextFromOutsideReachesThePageUnescaped) {
    const auto page = render_status_page(full_view(std::string(kEvil)));
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_EQ(page.find("\"'&"), std::string::npos);
    std::size_t count = 0;
    for (auto at = page.find("&lt;script&gt;"); at != std::string::npos; at = page.find("&lt;script&gt;", at + 1)) {
        ++count;
    }
    // title twice, heading twice, reason, version, leader, leader_since, acting, 4 of the node, 2 of the failover, 2 of
    // the certificate: all of them are shown
    EXPECT_EQ(count, 17U);
}

TEST(StatusPage, ShowsTopologySessionsLinksAndCertificates) {
    StatusView view;
    view.name = "portal-0";
    view.state = "ready";
    view.leader = "redis-0";
    view.epoch = 12;
    view.acting = "portal-0";
    view.acting_here = true;
    view.sessions = 17;
    view.links_shared = 4;
    view.nodes.push_back({"redis-1", "127.0.0.1:6391", "suspected", "replica", 4711, 23, false});
    view.certificates.push_back({"0.0.0.0:6380", "2027", 40});
    view.certificates.push_back({"0.0.0.0:6381", "2026", 9});
    const auto page = render_status_page(view);
    for (const auto* part : {"portal-0", "redis-0", ">12<", "this one", ">17<", "4 shared", "suspected", "4711", ">23<",
                             "9 days left", "None is known"}) {
        EXPECT_NE(page.find(part), std::string::npos) << part;
    }
}

TEST(StatusPage, BeginsWithWhetherAllIsWellAndElseWithEveryReason) {
    StatusView view;
    view.state = "ready";
    EXPECT_NE(render_status_page(view).find("All is well."), std::string::npos);
    view.state = "degraded";
    view.why = {"redis-1 does not answer", std::string(kEvil)};
    const auto page = render_status_page(view);
    EXPECT_EQ(page.find("All is well"), std::string::npos);
    EXPECT_NE(page.find("<p class=\"warn\">redis-1 does not answer</p>"), std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
}

TEST(StatusPage, ShowsAllPortalsWithLinksThatAreLinksAndTheChangesOfLeader) {
    StatusView view;
    view.acting = "portal-1";
    view.portals.push_back({"portal-0", "http://10.0.0.1:9380/", "", true, true});
    view.portals.push_back({"portal-1", "javascript:alert(1)", "bring redis-1 back", false, false});
    view.changes.push_back(
        {"2026-11-30T10:00:00Z", "redis-0", "redis-1", "redis-0 is gone", "portal-1", false, false, 62, 3});
    const auto page = render_status_page(view);
    for (const auto* part : {R"(<a href="http://10.0.0.1:9380/">portal-0</a>)", "<td>portal-1</td>", "stands still",
                             "bring redis-1 back", "2026-11-30T10:00:00Z", ">failover<", ">62<", "redis-0 is gone"}) {
        EXPECT_NE(page.find(part), std::string::npos) << part;
    }
    EXPECT_EQ(page.find("javascript"), std::string::npos);
}

TEST(StatusPage, SaysWhenThereIsNoLeader) {
    const auto page = render_status_page(StatusView{});
    EXPECT_NE(page.find("<dd class=\"bad\">none</dd>"), std::string::npos);
}

TEST(StatusPage, HoldsNoScriptAndNothingFromElsewhere) {
    const auto page = render_status_page(full_view("text"));
    for (const auto* part : {"<script", "<img", "<link", "<iframe", "<form", "http://", "https://", "src=", "url(",
                             "@import", " style="}) {
        EXPECT_EQ(page.find(part), std::string::npos) << part;
    }
    EXPECT_NE(page.find("prefers-color-scheme: dark"), std::string::npos);
    EXPECT_NE(page.find("http-equiv=\"refresh\""), std::string::npos);
    EXPECT_NE(page.find("width=device-width"), std::string::npos);
}

}  // namespace
}  // namespace portal::admin
