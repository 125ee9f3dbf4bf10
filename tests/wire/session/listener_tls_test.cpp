// A listener that is to speak TLS, and has no certificate.
#include "portal_fixture.hpp"

namespace portal::testing {
namespace {

class ListenerTlsTest : public PortalTest {};

TEST_F(ListenerTlsTest, WithoutACertificateNobodyIsServedInTheClear) {
    config_.listen.front().tls.emplace();
    FakeNode node([](const std::vector<std::string>&) { return "+PONG\r\n"; });
    lead(node);
    const auto app = client();
    EXPECT_TRUE(app->closed());
    EXPECT_TRUE(node.seen().empty());
    EXPECT_EQ(counters().client_connections_closed[static_cast<std::size_t>(observe::Closed::handshake)].get(), 1U);
    EXPECT_EQ(counters().client_connections.get(), 0U);
}

}  // namespace
}  // namespace portal::testing
