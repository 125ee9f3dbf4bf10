#include "demo/portal_client.hpp"

#include <array>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace portal::demo {

namespace {

std::string frame_of(const std::vector<std::string>& words) {
    std::string frame = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
        frame += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    return frame;
}

PortalClient::Reply reply_of(const redisReply& reply) {
    switch (reply.type) {
        case REDIS_REPLY_INTEGER:
            return {false, std::to_string(reply.integer)};
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
        case REDIS_REPLY_ERROR:
            return {reply.type == REDIS_REPLY_ERROR, std::string(reply.str, reply.len)};
        default:
            return {};
    }
}

int connected(std::uint16_t port, int patience_seconds) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{patience_seconds, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(socket);
        return -1;
    }
    return socket;
}

}  // namespace

std::shared_ptr<ssl_ctx_st> ClientTrust::of(const std::filesystem::path& ca_file) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    if (!context || SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    return context;
}

PortalClient::PortalClient(std::uint16_t port, const std::shared_ptr<ssl_ctx_st>& trust, const std::string& password,
                           int patience_seconds)
    : socket_(trust ? connected(port, patience_seconds) : -1),
      tls_(socket_ >= 0 ? SSL_new(trust.get()) : nullptr, &SSL_free),
      reader_(redisReaderCreate(), [](redisReader* reader) { redisReaderFree(reader); }) {
    if (!tls_ || !reader_) {
        return;
    }
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), "127.0.0.1");
    open_ = SSL_set_fd(tls_.get(), socket_) == 1 && SSL_connect(tls_.get()) == 1;
    const auto login = ask({"AUTH", password});
    open_ = open_ && login && !login->is_error;
    ERR_clear_error();
}

PortalClient::~PortalClient() {
    if (open_) {
        SSL_shutdown(tls_.get());
        ERR_clear_error();
    }
    tls_.reset();
    if (socket_ >= 0) {
        ::close(socket_);
    }
}

std::optional<PortalClient::Reply> PortalClient::ask(const std::vector<std::string>& words) {
    std::optional<Reply> reply;
    if (open_ && send(frame_of(words))) {
        reply = read();
    }
    open_ = reply.has_value();
    return reply;
}

bool PortalClient::send(std::string_view bytes) {
    const bool sent = SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
    ERR_clear_error();
    return sent;
}

std::optional<PortalClient::Reply> PortalClient::read() {
    for (;;) {
        void* found = nullptr;
        if (redisReaderGetReply(reader_.get(), &found) != REDIS_OK) {
            return std::nullopt;
        }
        if (found != nullptr) {
            const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(static_cast<redisReply*>(found),
                                                                                &freeReplyObject);
            return reply_of(*reply);
        }
        std::array<char, 4096> part{};
        const int size = SSL_read(tls_.get(), part.data(), static_cast<int>(part.size()));
        if (size <= 0) {
            ERR_clear_error();
            return std::nullopt;
        }
        redisReaderFeed(reader_.get(), part.data(), static_cast<std::size_t>(size));
    }
}

}  // namespace portal::demo
