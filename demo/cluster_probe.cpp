#include "demo/cluster_probe.hpp"

#include <array>
#include <memory>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fmt/core.h>
#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace portal::demo {

namespace {

struct Descriptor {
    int number = -1;
    explicit Descriptor(int n) : number(n) {}
    ~Descriptor() {
        if (number >= 0) {
            ::close(number);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

using RedisContext = std::unique_ptr<redisContext, decltype(&redisFree)>;

std::optional<std::string> command(redisContext& context, std::initializer_list<std::string_view> words) {
    std::array<const char*, 4> argv{};
    std::array<std::size_t, 4> lengths{};
    int count = 0;
    for (const std::string_view word : words) {
        argv.at(static_cast<std::size_t>(count)) = word.data();
        lengths.at(static_cast<std::size_t>(count++)) = word.size();
    }
    const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(
        static_cast<redisReply*>(redisCommandArgv(&context, count, argv.data(), lengths.data())), &freeReplyObject);
    if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)) {
        return std::nullopt;
    }
    return std::string(reply->str, reply->len);
}

unsigned count_of(std::string_view text, std::string_view part) {
    unsigned count = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) {
        ++count;
    }
    return count;
}

std::string bulk(std::string_view text) {
    return fmt::format("${}\r\n{}\r\n", text.size(), text);
}

}  // namespace

std::optional<NodeAnswer> ask_node(std::uint16_t port, const std::string& password) {
    const timeval limit{1, 0};
    const RedisContext context(redisConnectWithTimeout("127.0.0.1", port, limit), &redisFree);
    if (!context || context->err != 0 || redisSetTimeout(context.get(), limit) != REDIS_OK ||
        !command(*context, {"AUTH", password}) || !command(*context, {"PING"})) {
        return std::nullopt;
    }
    const auto info = command(*context, {"INFO", "replication"});
    if (!info) {
        return std::nullopt;
    }
    return NodeAnswer{.leader = info->find("role:master") != std::string::npos,
                      .link_up = info->find("master_link_status:up") != std::string::npos,
                      .online_replicas = count_of(*info, ",state=online,")};
}

bool portal_answers(std::uint16_t port, const std::filesystem::path& ca_file, const std::string& password) {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{2, 0};
    const sockaddr_in address = loopback(port);
    ::setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(socket.number, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return false;
    }
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    if (!context || SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
        ERR_clear_error();
        return false;
    }
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), &SSL_free);
    SSL_set_verify(tls.get(), SSL_VERIFY_PEER, nullptr);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls.get()), "127.0.0.1");
    const std::string request = "*2\r\n" + bulk("AUTH") + bulk(password) + "*1\r\n" + bulk("PING");
    const std::string_view wanted = "+OK\r\n+PONG\r\n";
    std::string reply;
    bool good = SSL_set_fd(tls.get(), socket.number) == 1 && SSL_connect(tls.get()) == 1 &&
                SSL_write(tls.get(), request.data(), static_cast<int>(request.size())) > 0;
    while (good && reply.size() < wanted.size()) {
        std::array<char, 512> part{};
        const int size = SSL_read(tls.get(), part.data(), static_cast<int>(part.size()));
        good = size > 0;
        reply.append(part.data(), good ? static_cast<std::size_t>(size) : 0);
    }
    if (good) {
        SSL_shutdown(tls.get());
    }
    ERR_clear_error();
    return reply == wanted;
}

bool port_is_free(std::uint16_t port) {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.number, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = loopback(port);
    return ::bind(socket.number, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           ::listen(socket.number, 1) == 0;
}

}  // namespace portal::demo
