#include "certs/certificate_authority.hpp"
#include "certs/ticket_keys.hpp"
#include "certs/tls_context.hpp"
#include "connected_pair.hpp"
#include "net/stream.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

/// The server's side of one TLS connection, and a client that works with its own end by hand.
class TlsStreamTest : public ::testing::Test, protected StreamUser {
  protected:
    TlsStreamTest() {
        const auto folder = std::filesystem::temp_directory_path() / ("tls-stream-test-" + std::to_string(::getpid()));
        certs::init_directory(folder.string(), {"localhost"}).value();
        const auto material = certs::load_pair({folder / "tls.crt", folder / "tls.key", std::nullopt}).value();
        certs::ServerTlsOptions server;
        server.ticket_keys = certs::TicketKeys::random(std::chrono::hours(1)).value();
        server_context_ = certs::TlsContext::server(*material, server).value();
        certs::ClientTlsOptions options;
        options.authorities_pem = certs::load_authorities(folder / "ca.crt").value();
        client_context_ = certs::TlsContext::client(options).value();
        std::filesystem::remove_all(folder);
        connect();
        client_ = std::make_unique<TlsEngine>(std::shared_ptr<SSL_CTX>(client_context_, client_context_->native()),
                                              TlsEngine::Side::client, "localhost");
    }
    ~TlsStreamTest() override {
        stream_.reset();
        ::close(peer_);
    }

    void connect() {
        const auto [accepted, connected] = connected_pair();
        peer_ = connected;
        stream_ = std::make_unique<Stream>(accepted, scratch_,
                                           std::shared_ptr<SSL_CTX>(server_context_, server_context_->native()));
        EXPECT_TRUE(stream_->attach(loop_, *this));
    }

    void on_stream(bool /*readable*/, bool /*writable*/) override {}

    void say(std::string_view bytes) const {
        EXPECT_EQ(::send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    /// What lies at the client's end, encrypted. Loopback delivers within the server's send.
    [[nodiscard]] std::string heard() const {
        std::string bytes(64 * 1024, '\0');
        const ssize_t n = ::recv(peer_, bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return bytes;
    }
    /// The client's part of `bytes`, decrypted.
    std::string decrypted(std::string_view bytes) {
        std::string plain;
        std::string answer;
        std::array<char, 1024> space{};
        while (!bytes.empty()) {
            std::size_t size = 0;
            last_ = client_->read(bytes, space, size, answer);
            if (last_ == TlsStatus::failed || last_ == TlsStatus::closed) {
                break;
            }
            plain.append(space.data(), size);
        }
        return plain;
    }

    /// Until the server has received the client's last handshake message, and `behind` in one piece with it.
    void shake_hands(std::string_view behind = {}) {
        std::string_view nothing;
        std::string out;
        ASSERT_EQ(client_->handshake(nothing, out), TlsStatus::want_more);
        say(out);
        EXPECT_EQ(stream_->receive(plain_).status, Stream::Status::again);
        const std::string flight = heard();
        std::string_view in = flight;
        out.clear();
        ASSERT_EQ(client_->handshake(in, out), TlsStatus::ok);
        if (!behind.empty()) {
            client_->write(behind, out);
        }
        say(out);
        const Stream::Received received = stream_->receive(plain_);
        EXPECT_EQ(std::string_view(plain_.data(), received.size), behind);
        ASSERT_TRUE(stream_->established());
    }

    Turn turn_;
    Loop loop_{turn_};
    Scratch scratch_;
    std::string plain_ = std::string(Scratch::kPlain, '\0');
    std::shared_ptr<certs::TlsContext> server_context_;
    std::shared_ptr<certs::TlsContext> client_context_;
    std::unique_ptr<Stream> stream_;
    std::unique_ptr<TlsEngine> client_;
    TlsStatus last_ = TlsStatus::ok;
    int peer_ = -1;
};

TEST_F(TlsStreamTest, TicketsGoOutTogetherWithTheFirstReply) {
    shake_hands("PING");
    EXPECT_TRUE(stream_->owes());
    EXPECT_EQ(heard(), "");
    EXPECT_EQ(stream_->send("PONG").status, Stream::Status::data);
    EXPECT_FALSE(stream_->owes());
    EXPECT_EQ(decrypted(heard()), "PONG");
}

TEST_F(TlsStreamTest, TicketsGoOutAloneToAClientThatSaysNothing) {
    shake_hands();
    EXPECT_EQ(stream_->send({}).status, Stream::Status::data);
    EXPECT_FALSE(stream_->owes());
    const std::string tickets = heard();
    EXPECT_NE(tickets, "");
    EXPECT_EQ(decrypted(tickets), "");
    EXPECT_EQ(last_, TlsStatus::want_more);
    EXPECT_EQ(stream_->send("later").status, Stream::Status::data);
    EXPECT_EQ(decrypted(heard()), "later");
}

TEST_F(TlsStreamTest, AGoodbyeStandsBehindTheTickets) {
    shake_hands();
    stream_->close();
    EXPECT_EQ(decrypted(heard()), "");
    EXPECT_EQ(last_, TlsStatus::closed);
}

TEST_F(TlsStreamTest, WhoHasHungUpIsNotSentAnything) {
    shake_hands();
    ASSERT_EQ(::shutdown(peer_, SHUT_WR), 0);
    EXPECT_EQ(stream_->receive(plain_).status, Stream::Status::closed);
    stream_->close();
    EXPECT_EQ(heard(), "");
}

TEST_F(TlsStreamTest, WhoHasHungUpAndWasSentSomethingSinceIsToldGoodbye) {
    shake_hands();
    ASSERT_EQ(::shutdown(peer_, SHUT_WR), 0);
    EXPECT_EQ(stream_->receive(plain_).status, Stream::Status::closed);
    EXPECT_EQ(stream_->send("reply").status, Stream::Status::data);
    stream_->close();
    EXPECT_EQ(decrypted(heard()), "reply");
    EXPECT_EQ(last_, TlsStatus::closed);
}

/// The client's end by OpenSSL itself, which can ask for new keys.
class ClientByHand {
  public:
    explicit ClientByHand(SSL_CTX* context)
        : ssl_(SSL_new(context)), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
        SSL_set_bio(ssl_, in_, out_);
        SSL_set_connect_state(ssl_);
        SSL_set1_host(ssl_, "localhost");
    }
    ~ClientByHand() { SSL_free(ssl_); }
    ClientByHand(const ClientByHand&) = delete;
    ClientByHand& operator=(const ClientByHand&) = delete;

    /// What it says to `heard`, as long as the handshake lasts.
    std::string shake_hands(std::string_view heard) {
        BIO_write(in_, heard.data(), static_cast<int>(heard.size()));
        SSL_do_handshake(ssl_);
        return said();
    }
    std::string ask_for_new_keys() {
        EXPECT_EQ(SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED), 1);
        EXPECT_EQ(SSL_do_handshake(ssl_), 1);
        return said();
    }

  private:
    std::string said() {
        std::string bytes(BIO_ctrl_pending(out_), '\0');
        BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
        return bytes;
    }
    SSL* ssl_;
    BIO* in_;
    BIO* out_;
};

TEST_F(TlsStreamTest, WhoAsksForNewKeysAgainAndAgainAndReadsNothingHasFailed) {
    ClientByHand client(client_context_->native());
    say(client.shake_hands({}));
    EXPECT_EQ(stream_->receive(plain_).status, Stream::Status::again);
    say(client.shake_hands(heard()));
    stream_->receive(plain_);
    ASSERT_TRUE(stream_->established());
    while (!stream_->blocked()) {
        ASSERT_EQ(stream_->send(std::string(Stream::kSlice, 'x')).taken, Stream::kSlice);
    }
    Stream::Status status = Stream::Status::again;
    for (int asked = 0; asked < 100'000 && status == Stream::Status::again; asked += 100) {
        std::string questions;
        for (int i = 0; i < 100; ++i) {
            questions += client.ask_for_new_keys();
        }
        say(questions);
        status = stream_->receive(plain_).status;
    }
    EXPECT_EQ(status, Stream::Status::failed);
}

}  // namespace
}  // namespace portal::net
