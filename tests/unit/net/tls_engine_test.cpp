#include "net/tls_engine.hpp"

#include "certs/certificate_authority.hpp"
#include "certs/tls_context.hpp"

#include <array>
#include <filesystem>
#include <unistd.h>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

/// Two engines joined by two strings; no socket.
class TlsEngineTest : public ::testing::Test {
  protected:
    TlsEngineTest() {
        const auto folder = std::filesystem::temp_directory_path() / ("tls-engine-test-" + std::to_string(::getpid()));
        certs::init_directory(folder.string(), {"localhost"}).value();
        const auto material = certs::load_pair({folder / "tls.crt", folder / "tls.key", std::nullopt}).value();
        server_context_ = certs::TlsContext::server(*material, {}).value();
        certs::ClientTlsOptions options;
        options.authorities_pem = certs::load_authorities(folder / "ca.crt").value();
        client_context_ = certs::TlsContext::client(options).value();
        std::filesystem::remove_all(folder);
        server_ = std::make_unique<TlsEngine>(share(server_context_), TlsEngine::Side::server);
        client_ = std::make_unique<TlsEngine>(share(client_context_), TlsEngine::Side::client, "localhost");
    }

    static std::shared_ptr<SSL_CTX> share(const std::shared_ptr<certs::TlsContext>& context) {
        return {context, context->native()};
    }

    /// Carries the handshake on until both sides wait; at most `step` bytes are handed over at a time.
    void shake_hands(std::size_t step = static_cast<std::size_t>(-1)) {
        std::string to_server;
        std::string to_client;
        std::string_view nothing;
        ASSERT_NE(client_->handshake(nothing, to_server), TlsStatus::failed);
        while (!to_server.empty() || !to_client.empty()) {
            deliver(*server_, to_server, to_client, step);
            deliver(*client_, to_client, to_server, step);
        }
    }

    static void deliver(TlsEngine& engine, std::string& from, std::string& answers, std::size_t step) {
        while (!from.empty()) {
            const std::string piece = from.substr(0, step);
            from.erase(0, piece.size());
            std::string_view in = piece;
            if (!engine.established()) {
                ASSERT_NE(engine.handshake(in, answers), TlsStatus::failed);
            }
            if (engine.established()) {
                std::array<char, 1024> space{};
                std::size_t size = 0;
                ASSERT_NE(engine.read(in, space, size, answers), TlsStatus::failed);
            }
            ASSERT_TRUE(in.empty());
        }
    }

    std::shared_ptr<certs::TlsContext> server_context_;
    std::shared_ptr<certs::TlsContext> client_context_;
    std::unique_ptr<TlsEngine> server_;
    std::unique_ptr<TlsEngine> client_;
};

TEST_F(TlsEngineTest, AHandshakeSucceedsWhateverTheSizeOfThePieces) {
    shake_hands(1);
    EXPECT_TRUE(server_->established());
    EXPECT_TRUE(client_->established());
    EXPECT_EQ(server_->version(), TLS1_3_VERSION);
}

TEST_F(TlsEngineTest, BytesArriveWholeAndInOrderWhateverTheSizeOfThePieces) {
    shake_hands();
    std::string plain;
    for (int i = 0; i < 60'000; ++i) {
        plain += static_cast<char>('a' + i % 26);
    }
    std::string wire;
    ASSERT_EQ(client_->write(plain, wire), TlsStatus::ok);
    EXPECT_GT(wire.size(), plain.size());
    std::string received;
    std::string answers;
    std::string space(8 * 1024, '\0');
    for (std::size_t at = 0; at < wire.size(); at += 777) {
        const std::string piece = wire.substr(at, 777);
        std::string_view in = piece;
        TlsStatus status = TlsStatus::ok;
        while (status == TlsStatus::ok) {
            std::size_t size = 0;
            status = server_->read(in, {space.data(), space.size()}, size, answers);
            received.append(space.data(), size);
        }
        ASSERT_EQ(status, TlsStatus::want_more);
        ASSERT_TRUE(in.empty());
    }
    EXPECT_EQ(received, plain);
}

TEST_F(TlsEngineTest, PlainTextToTheTlsPortIsRecognised) {
    for (const std::string_view text :
         {"*1\r\n$4\r\nPING\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PING\r\nPING\r\n"}) {
        TlsEngine engine(share(server_context_), TlsEngine::Side::server);
        std::string_view in = text;
        std::string out;
        EXPECT_EQ(engine.handshake(in, out), TlsStatus::failed);
        EXPECT_EQ(engine.failure(), TlsFailure::plaintext) << text;
    }
}

TEST_F(TlsEngineTest, TheClosingAlertOfThePeerIsSeen) {
    shake_hands();
    std::string wire;
    client_->shutdown(wire);
    std::string_view in = wire;
    std::string answers;
    std::array<char, 64> space{};
    std::size_t size = 0;
    EXPECT_FALSE(server_->peer_closed());
    EXPECT_EQ(server_->read(in, space, size, answers), TlsStatus::closed);
    EXPECT_TRUE(server_->peer_closed());
}

TEST_F(TlsEngineTest, ADamagedRecordBreaksTheSession) {
    shake_hands();
    std::string wire;
    ASSERT_EQ(client_->write("secret", wire), TlsStatus::ok);
    wire.back() = static_cast<char>(wire.back() ^ 1);
    std::string_view in = wire;
    std::string answers;
    std::array<char, 64> space{};
    std::size_t size = 0;
    EXPECT_EQ(server_->read(in, space, size, answers), TlsStatus::failed);
    EXPECT_EQ(size, 0U);
}

TEST_F(TlsEngineTest, ABrokenSessionDoesNotBreakAnotherOnTheSameThread) {
    shake_hands();
    TlsEngine broken(share(server_context_), TlsEngine::Side::server);
    std::string answers;
    std::string_view nonsense = "not TLS at all, and quite long enough to be seen as such";
    ASSERT_EQ(broken.handshake(nonsense, answers), TlsStatus::failed);
    std::string wire;
    ASSERT_EQ(client_->write("whole", wire), TlsStatus::ok);
    const std::size_t half = wire.size() / 2;
    std::array<char, 64> space{};
    std::size_t size = 0;
    std::string_view in = std::string_view(wire).substr(0, half);
    EXPECT_EQ(server_->read(in, space, size, answers), TlsStatus::want_more);
    in = std::string_view(wire).substr(half);
    EXPECT_EQ(server_->read(in, space, size, answers), TlsStatus::ok);
    EXPECT_EQ(std::string_view(space.data(), size), "whole");
    std::string_view damaged = wire;  // the same record once more: its sequence number is used up
    EXPECT_EQ(server_->read(damaged, space, size, answers), TlsStatus::failed);
    in = {};
    EXPECT_EQ(client_->read(in, space, size, answers), TlsStatus::want_more);
}

}  // namespace
}  // namespace portal::net
