// The least that a front of Redis can do, to measure against: ends TLS, passes requests on over one shared link, hands
// replies back in order. One thread, one write for each client and for the link per turn of epoll. It has no limits, no
// login, no failover, and trusts both sides: never to be used for anything but bench/compare.
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <openssl/ssl.h>

namespace {

constexpr std::size_t kReceive = 128 * 1024;
constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

/// Where the RESP value that begins at `at` ends; nothing while it is not whole. Requests and RESP2 replies.
std::optional<std::size_t> value_end(std::string_view bytes, std::size_t at) {
    for (long values = 1; values > 0; --values) {
        const std::size_t line = bytes.find("\r\n", at);
        if (line == std::string_view::npos) {
            return std::nullopt;
        }
        long number = -1;
        std::from_chars(bytes.data() + at + 1, bytes.data() + line, number);
        const char kind = bytes[at];
        at = line + 2;
        if (kind == '*' && number > 0) {
            values += number;
        } else if (kind == '$' && number >= 0) {
            at += static_cast<std::size_t>(number) + 2;
        }
        if (at > bytes.size()) {
            return std::nullopt;
        }
    }
    return at;
}

/// Sends what the socket takes and leaves the rest. False when the connection is broken.
bool send_some(int socket, std::string& bytes) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    bytes.erase(0, static_cast<std::size_t>(sent));
    return true;
}

struct Client {
    int socket = -1;
    SSL* ssl = nullptr;
    BIO* in = nullptr;   // of ssl
    BIO* out = nullptr;  // of ssl
    std::string request;
    std::string reply;
    std::string kept;         // encrypted, not taken by the socket yet
    std::size_t pending = 0;  // requests without a reply; it lives on until there is none
    bool marked = false;
};

class Front {
  public:
    Front(int listener, int link, SSL_CTX* context) : listener_(listener), link_(link), context_(context) {
        add(listener_, &listener_, EPOLLIN);
        add(link_, &link_, kEvents);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 128> events{};
        for (;;) {
            const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(std::max(ready, 0)))) {
                if (event.data.ptr == &listener_) {
                    accept_one();
                } else if (event.data.ptr == &link_) {
                    read_link();
                } else {
                    serve(*static_cast<Client*>(event.data.ptr), event.events);
                }
            }
            end_turn();
        }
    }

  private:
    void add(int descriptor, void* owner, std::uint32_t wanted) const {
        epoll_event event{};
        event.events = wanted;
        event.data.ptr = owner;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
            fail("epoll_ctl");
        }
    }

    void accept_one() const {
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) {
            return;
        }
        const int on = 1;
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto client = std::make_unique<Client>();
        client->socket = socket;
        client->ssl = SSL_new(context_);
        client->in = BIO_new(BIO_s_mem());
        client->out = BIO_new(BIO_s_mem());
        SSL_set_bio(client->ssl, client->in, client->out);
        SSL_set_accept_state(client->ssl);
        add(socket, client.release(), kEvents);  // ends itself in end_turn()
    }

    void mark(Client& client) {
        if (!client.marked) {
            client.marked = true;
            marked_.push_back(&client);
        }
    }

    static void hang_up(Client& client) {
        if (client.socket >= 0) {
            ::close(client.socket);
            client.socket = -1;
        }
    }

    void serve(Client& client, std::uint32_t events) {
        if (client.socket < 0) {
            return;
        }
        if (!client.kept.empty()) {
            mark(client);
        }
        bool more = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        while (more) {
            const ssize_t size = ::recv(client.socket, buffer_.data(), buffer_.size(), 0);
            if (size <= 0) {
                if (size == 0 || errno != EAGAIN) {
                    hang_up(client);
                    mark(client);
                }
                return;
            }
            more = static_cast<std::size_t>(size) == buffer_.size() || (events & EPOLLRDHUP) != 0;
            BIO_write(client.in, buffer_.data(), static_cast<int>(size));
            decrypt(client);
        }
    }

    void decrypt(Client& client) {
        while (BIO_ctrl_pending(client.in) > 0) {
            std::size_t size = 0;
            if (SSL_read_ex(client.ssl, buffer_.data(), buffer_.size(), &size) != 1) {
                break;
            }
            client.request.append(buffer_.data(), size);
        }
        std::size_t at = 0;
        while (at < client.request.size()) {
            const auto end = value_end(client.request, at);
            if (!end) {
                break;
            }
            order_.push_back(&client);
            ++client.pending;
            at = *end;
        }
        to_link_.append(client.request, 0, at);
        client.request.erase(0, at);
        if (BIO_ctrl_pending(client.out) > 0) {  // the handshake
            mark(client);
        }
    }

    void read_link() {
        for (bool more = true; more;) {
            const ssize_t size = ::recv(link_, buffer_.data(), buffer_.size(), 0);
            if (size <= 0) {
                if (size < 0 && errno == EAGAIN) {
                    return;
                }
                fail("Redis closed the link");
            }
            more = static_cast<std::size_t>(size) == buffer_.size();
            from_link_.append(buffer_.data(), static_cast<std::size_t>(size));
            std::size_t at = 0;
            while (at < from_link_.size()) {
                const auto end = value_end(from_link_, at);
                if (!end) {
                    break;
                }
                Client& client = *order_.front();
                order_.pop_front();
                --client.pending;
                client.reply.append(from_link_, at, *end - at);
                mark(client);
                at = *end;
            }
            from_link_.erase(0, at);
        }
    }

    void end_turn() {
        if (!to_link_.empty() && !send_some(link_, to_link_)) {
            fail("send to Redis");
        }
        for (Client* client : marked_) {
            client->marked = false;
            if (client->socket >= 0 && !write(*client)) {
                hang_up(*client);
            }
            if (client->socket < 0 && client->pending == 0) {
                SSL_free(client->ssl);
                delete client;
            }
        }
        marked_.clear();
    }

    static bool write(Client& client) {
        if (!client.reply.empty()) {
            std::size_t size = 0;
            SSL_write_ex(client.ssl, client.reply.data(), client.reply.size(), &size);
            client.reply.clear();
        }
        char* bytes = nullptr;
        if (const long size = BIO_get_mem_data(client.out, &bytes); size > 0) {
            client.kept.append(bytes, static_cast<std::size_t>(size));
            BIO_reset(client.out);
        }
        return client.kept.empty() || send_some(client.socket, client.kept);
    }

    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    int listener_;
    int link_;
    SSL_CTX* context_;
    std::vector<char> buffer_ = std::vector<char>(kReceive);
    std::string to_link_;
    std::string from_link_;
    std::deque<Client*> order_;  // whose reply comes next
    std::vector<Client*> marked_;
};

sockaddr_in loopback(const char* port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    return address;
}

}  // namespace

int main(int count, char** words) {
    if (count != 5) {
        std::fputs("usage: plain_front PORT REDIS_PORT CERTIFICATE KEY (all on 127.0.0.1)\n", stderr);
        return 2;
    }
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");  // the cheapest, which the portal prefers
    if (SSL_CTX_use_certificate_chain_file(context, words[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, words[4], SSL_FILETYPE_PEM) != 1) {
        std::fputs("plain_front: certificate or key cannot be read\n", stderr);
        return 1;
    }
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in here = loopback(words[1]);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 || ::listen(listener, 4096) != 0) {
        fail("listen");
    }
    const int link = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in redis = loopback(words[2]);
    if (::connect(link, reinterpret_cast<const sockaddr*>(&redis), sizeof redis) != 0) {
        fail("connect to Redis");
    }
    ::setsockopt(link, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(link, F_SETFL, O_NONBLOCK);
    Front(listener, link, context).run();
}
