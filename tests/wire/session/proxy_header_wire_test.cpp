// A listener that expects the PROXY protocol: whom CLIENT INFO shows, and what becomes of those who do not send it.
#include "portal_fixture.hpp"

namespace portal::testing {
namespace {

const std::string kHeader = "PROXY TCP4 192.0.2.1 198.51.100.2 5000 6379\r\n";

class ProxyHeaderWireTest : public PortalTest {
  protected:
    ProxyHeaderWireTest() { config_.listen.front().proxy_protocol = true; }

    static std::string ends_of(const TestClient& app) {
        app.send("CLIENT INFO\r\n");
        std::string line;
        while (!line.ends_with("\n\r\n")) {
            const std::string more = app.read(1);
            if (more.empty()) {
                return "nothing came";
            }
            line += more;
        }
        const std::size_t begin = line.find("addr=");
        return line.substr(begin, line.find(" fd=") - begin);
    }
};

TEST_F(ProxyHeaderWireTest, TheClientHasTheAddressThatTheBalancerNames) {
    FakeNode node([](const auto&) { return "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->send(kHeader);
    EXPECT_EQ(ends_of(*app), "addr=192.0.2.1:5000 laddr=198.51.100.2:6379");
}

TEST_F(ProxyHeaderWireTest, AHeaderThatArrivesInPiecesWithRequestsBehindItIsTakenApart) {
    FakeNode node([](const auto&) { return "+OK\r\n"; });
    lead(node);
    for (std::size_t cut = 1; cut <= kHeader.size(); cut += 7) {
        const auto app = client();
        app->send(kHeader.substr(0, cut));
        app->send(kHeader.substr(cut) + "SET a 1\r\n");
        app->expect("+OK\r\n");
    }
}

TEST_F(ProxyHeaderWireTest, ABalancerThatSpeaksForItselfKeepsItsOwnAddress) {
    FakeNode node([](const auto&) { return "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->send(std::string("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16));
    EXPECT_TRUE(ends_of(*app).starts_with("addr=127.0.0.1:"));
}

TEST_F(ProxyHeaderWireTest, WhoSendsNoHeaderIsClosedUnansweredAndCounted) {
    const auto app = client();
    app->send("PING\r\n");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(counters().proxy_headers_refused.get(), 1U);
}

TEST_F(ProxyHeaderWireTest, WhoNeverFinishesTheHeaderIsClosedInTime) {
    config_.limits.handshake_time = std::chrono::milliseconds(100);
    const auto app = client();
    app->send("PROXY TCP4 ");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(counters().proxy_headers_refused.get(), 1U);
}

}  // namespace
}  // namespace portal::testing
