#include "certs/tls_context.hpp"

#include "certs/certificate_authority.hpp"
#include "memory_handshake.hpp"
#include "temporary_folder.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace portal::certs {
namespace {

using testing::foreign_client;
using testing::HandshakeOutcome;
using testing::shake_hands;
using testing::TemporaryFolder;

const std::string kSecret(48, 's');

class TlsContextTest : public ::testing::Test {
  protected:
    TlsContextTest() {
        init_directory(folder_.path(), {"localhost", "127.0.0.1", "::1"}).value();
        files_ = {folder_.file("tls.crt"), folder_.file("tls.key"), std::nullopt};
        ca_ = folder_.read("ca.crt");
    }

    std::shared_ptr<TlsContext> server(const ServerTlsOptions& options = {}) const {
        return TlsContext::server(*load_pair(files_).value(), options).value();
    }
    std::shared_ptr<TlsContext> server_with(std::shared_ptr<const TicketKeys> keys) const {
        ServerTlsOptions options;
        options.ticket_keys = std::move(keys);
        return server(options);
    }
    std::shared_ptr<TlsContext> client(CertificateMaterialPtr identity = nullptr) const {
        ClientTlsOptions options;
        options.authorities_pem = ca_;
        options.identity = std::move(identity);
        return TlsContext::client(options).value();
    }
    /// A pair of its own CA, for clients.
    CertificateMaterialPtr client_pair(const TemporaryFolder& folder) const {
        init_directory(folder.path(), {"app-1"}).value();
        return load_pair({folder.file("tls.crt"), folder.file("tls.key"), std::nullopt}).value();
    }

    TemporaryFolder folder_;
    CertificateFiles files_;
    std::string ca_;
};

TEST_F(TlsContextTest, a_client_that_trusts_the_authority_connects_by_name_and_by_address) {
    const auto portal = server();
    const auto app = client();
    for (const std::string host : {"localhost", "127.0.0.1", "::1"}) {
        const HandshakeOutcome outcome = shake_hands(portal->native(), app->native(), host);
        EXPECT_TRUE(outcome.done) << host << ": " << outcome.client_error << " / " << outcome.server_error;
        EXPECT_EQ(outcome.version, "TLSv1.3");
        EXPECT_EQ(outcome.cipher, "TLS_AES_128_GCM_SHA256");
        EXPECT_EQ(outcome.group, "x25519");
    }
}

TEST_F(TlsContextTest, a_client_refuses_the_portal_under_another_name_or_of_another_authority) {
    const auto portal = server();
    EXPECT_FALSE(shake_hands(portal->native(), client()->native(), "example.org").done);
    EXPECT_FALSE(shake_hands(portal->native(), client()->native(), "127.0.0.2").done);
    const TemporaryFolder elsewhere;
    init_directory(elsewhere.path(), {"localhost"}).value();
    ClientTlsOptions options;
    options.authorities_pem = elsewhere.read("ca.crt");
    const auto stranger = TlsContext::client(options).value();
    EXPECT_FALSE(shake_hands(portal->native(), stranger->native(), "localhost").done);
}

TEST_F(TlsContextTest, tls_12_works_with_forward_secrecy_and_authenticated_encryption) {
    const auto foreign = foreign_client(TLS1_2_VERSION, TLS1_2_VERSION, ca_);
    const HandshakeOutcome outcome = shake_hands(server()->native(), foreign.get(), "localhost");
    EXPECT_TRUE(outcome.done) << outcome.client_error << " / " << outcome.server_error;
    EXPECT_EQ(outcome.version, "TLSv1.2");
    EXPECT_EQ(outcome.cipher, "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST_F(TlsContextTest, tls_11_is_refused) {
    const auto foreign = foreign_client(TLS1_VERSION, TLS1_1_VERSION, ca_);
    const HandshakeOutcome outcome = shake_hands(server()->native(), foreign.get(), "localhost");
    EXPECT_FALSE(outcome.done);
    EXPECT_EQ(outcome.server_error, "unsupported protocol");
}

TEST_F(TlsContextTest, tls_12_is_refused_where_13_is_the_least) {
    ServerTlsOptions options;
    options.min_version = MinTlsVersion::tls13;
    const auto portal = server(options);
    const auto foreign = foreign_client(TLS1_2_VERSION, TLS1_2_VERSION, ca_);
    EXPECT_FALSE(shake_hands(portal->native(), foreign.get(), "localhost").done);
    EXPECT_TRUE(shake_hands(portal->native(), client()->native(), "localhost").done);
}

TEST_F(TlsContextTest, a_tls_12_client_with_only_old_ciphers_is_refused) {
    const auto foreign = foreign_client(TLS1_2_VERSION, TLS1_2_VERSION, ca_);
    ASSERT_EQ(SSL_CTX_set_cipher_list(foreign.get(), "ECDHE-ECDSA-AES128-SHA:AES128-SHA"), 1);
    EXPECT_FALSE(shake_hands(server()->native(), foreign.get(), "localhost").done);
}

TEST_F(TlsContextTest, a_client_that_prefers_chacha_gets_it) {
    const auto foreign = foreign_client(TLS1_3_VERSION, TLS1_3_VERSION, ca_);
    ASSERT_EQ(SSL_CTX_set_ciphersuites(foreign.get(), "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"), 1);
    EXPECT_EQ(shake_hands(server()->native(), foreign.get(), "localhost").cipher, "TLS_CHACHA20_POLY1305_SHA256");
}

TEST_F(TlsContextTest, a_session_is_resumed_on_another_shard_and_on_another_portal) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto keys = TicketKeys::from_secret(kSecret).value();
        const auto first = server_with(keys);
        const auto other_shard = server_with(keys);
        const auto other_portal = server_with(TicketKeys::from_secret(kSecret).value());
        const auto app = foreign_client(version, version, ca_);
        const HandshakeOutcome begun = shake_hands(first->native(), app.get(), "localhost");
        ASSERT_TRUE(begun.done) << begun.client_error;
        EXPECT_FALSE(begun.resumed);
        ASSERT_NE(begun.session, nullptr);
        for (const auto& next : {other_shard, other_portal}) {
            const HandshakeOutcome again = shake_hands(next->native(), app.get(), "localhost", begun.session.get());
            EXPECT_TRUE(again.done) << again.client_error << " / " << again.server_error;
            EXPECT_TRUE(again.resumed);
        }
    }
}

TEST_F(TlsContextTest, a_session_sealed_with_another_secret_falls_back_to_a_full_handshake) {
    const auto app = client();
    const auto begun = shake_hands(server_with(TicketKeys::random().value())->native(), app->native(), "localhost");
    ASSERT_NE(begun.session, nullptr);
    const auto again = shake_hands(server_with(TicketKeys::random().value())->native(), app->native(), "localhost",
                                   begun.session.get());
    EXPECT_TRUE(again.done) << again.client_error << " / " << again.server_error;
    EXPECT_FALSE(again.resumed);
}

TEST_F(TlsContextTest, a_session_of_the_previous_epoch_is_resumed_and_an_older_one_is_not) {
    auto now = std::make_shared<TimePoint>(std::chrono::system_clock::now());
    const auto keys = TicketKeys::from_secret(kSecret, std::chrono::hours{1}, [now] { return *now; }).value();
    const auto portal = server_with(keys);
    const auto app = client();
    const auto begun = shake_hands(portal->native(), app->native(), "localhost");
    ASSERT_NE(begun.session, nullptr);
    *now += std::chrono::hours{1};
    const auto previous = shake_hands(portal->native(), app->native(), "localhost", begun.session.get());
    EXPECT_TRUE(previous.resumed);
    EXPECT_NE(previous.session, nullptr);
    *now += std::chrono::hours{1};
    const auto older = shake_hands(portal->native(), app->native(), "localhost", begun.session.get());
    EXPECT_TRUE(older.done);
    EXPECT_FALSE(older.resumed);
}

TEST_F(TlsContextTest, without_ticket_keys_nothing_is_resumed) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const auto portal = server();
        const auto app = foreign_client(version, version, ca_);
        const auto outcome = shake_hands(portal->native(), app.get(), "localhost");
        EXPECT_TRUE(outcome.done);
        EXPECT_EQ(outcome.session, nullptr);
    }
}

TEST_F(TlsContextTest, a_client_certificate_is_required_where_a_client_authority_is_given) {
    const TemporaryFolder clients;
    const auto identity = client_pair(clients);
    files_.client_ca = clients.file("ca.crt");
    const auto portal = server();
    const auto good = shake_hands(portal->native(), client(identity)->native(), "localhost");
    EXPECT_TRUE(good.done) << good.client_error << " / " << good.server_error;

    const auto without = shake_hands(portal->native(), client()->native(), "localhost");
    EXPECT_FALSE(without.done);
    EXPECT_EQ(without.server_error, "peer did not return a certificate");

    const TemporaryFolder strangers;
    const auto stranger = shake_hands(portal->native(), client(client_pair(strangers))->native(), "localhost");
    EXPECT_FALSE(stranger.done);
    EXPECT_EQ(stranger.server_error, "certificate verify failed");
}

TEST_F(TlsContextTest, a_session_with_a_client_certificate_is_resumed) {
    const TemporaryFolder clients;
    const auto identity = client_pair(clients);
    files_.client_ca = clients.file("ca.crt");
    const auto keys = TicketKeys::random().value();
    const auto app = client(identity);
    const auto begun = shake_hands(server_with(keys)->native(), app->native(), "localhost");
    ASSERT_NE(begun.session, nullptr);
    EXPECT_TRUE(shake_hands(server_with(keys)->native(), app->native(), "localhost", begun.session.get()).resumed);
}

TEST_F(TlsContextTest, a_session_of_an_open_listener_does_not_open_one_that_wants_client_certificates) {
    const auto keys = TicketKeys::random().value();
    const auto app = client();
    const auto begun = shake_hands(server_with(keys)->native(), app->native(), "localhost");
    ASSERT_NE(begun.session, nullptr);
    const TemporaryFolder clients;
    client_pair(clients);
    files_.client_ca = clients.file("ca.crt");
    const auto outcome = shake_hands(server_with(keys)->native(), app->native(), "localhost", begun.session.get());
    EXPECT_FALSE(outcome.done);
    EXPECT_FALSE(outcome.resumed);
}

TEST_F(TlsContextTest, contexts_come_and_go_without_touching_each_other) {
    const auto keys = TicketKeys::random().value();
    const auto app = client();
    const auto kept = server_with(keys);
    for (int i = 0; i < 5; ++i) {
        const auto brief = server_with(keys);
        EXPECT_TRUE(shake_hands(brief->native(), app->native(), "localhost").done);
    }
    EXPECT_TRUE(shake_hands(kept->native(), app->native(), "localhost").done);
}

TEST_F(TlsContextTest, a_context_is_made_on_one_thread_and_used_and_freed_on_another) {
    // As after a certificate change: a reloading thread makes what a shard uses. Without care OpenSSL would tidy up in
    // the freed library when this thread ends, which valgrind sees.
    const auto keys = TicketKeys::random().value();
    bool done = false;
    std::thread shard([portal = server_with(keys), app = client(), &done]() mutable {
        done = shake_hands(portal->native(), app->native(), "localhost").done;
        portal.reset();
        app.reset();
    });
    shard.join();
    EXPECT_TRUE(done);
}

TEST_F(TlsContextTest, a_client_without_a_ca_file_uses_the_systems_trust_store) {
    const auto app = TlsContext::client({}).value();
    EXPECT_FALSE(shake_hands(server()->native(), app->native(), "localhost").done);
}

}  // namespace
}  // namespace portal::certs
