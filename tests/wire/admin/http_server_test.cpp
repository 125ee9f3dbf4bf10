// The admin server over real loopback sockets, spoken to in raw bytes.
#include "admin/http_server.hpp"

#include "admin/admin_responder.hpp"

#include <atomic>
#include <chrono>
#include <concepts>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace portal::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

constexpr auto kToken = "0123456789abcdef0123456789abcdef";

/// One blocking client connection.
template <class Protocol>
class ClientOf {
  public:
    explicit ClientOf(const typename Protocol::endpoint& endpoint) { socket_.connect(endpoint); }
    explicit ClientOf(std::uint16_t port) requires std::same_as<Protocol, tcp>
        : ClientOf(tcp::endpoint(asio::ip::address_v4::loopback(), port)) {}

    void send(std::string_view bytes) {
        boost::system::error_code ignored;  // the server may have closed already; what it said is read anyway
        asio::write(socket_, asio::buffer(bytes), ignored);
    }
    /// Until the server has begun to answer; what it said stays unread.
    void wait_for_bytes() { socket_.wait(asio::socket_base::wait_read); }
    /// Everything until the server closes.
    std::string read_all() {
        boost::system::error_code error;
        std::string text;
        asio::read(socket_, asio::dynamic_buffer(text), error);
        return text;
    }
    /// One response with a body of `body_size` bytes.
    std::string read_response(std::size_t body_size) {
        boost::system::error_code error;
        const auto header = asio::read_until(socket_, asio::dynamic_buffer(text_), "\r\n\r\n", error);
        if (!error && text_.size() < header + body_size) {
            asio::read(socket_, asio::dynamic_buffer(text_), asio::transfer_exactly(header + body_size - text_.size()),
                       error);
        }
        return std::exchange(text_, {});
    }

  private:
    asio::io_context context_;
    typename Protocol::socket socket_{context_};
    std::string text_;
};
using Client = ClientOf<tcp>;
using SocketClient = ClientOf<asio::local::stream_protocol>;

struct HttpServerTest : testing::Test {
    std::atomic<int> drains{0};
    std::promise<Done> switchover_started;
    std::size_t status_padding = 0;
    ServerOptions options{.address = config::Address{"127.0.0.1", 0},
                          .socket = socket_file("admin.sock"),
                          .max_connections = 64,
                          .request_time = 5s,
                          .answer_time = 5s,
                          .idle_time = 5s};
    const std::string token_file = socket_file("token");
    ChangeAccess access;
    std::chrono::milliseconds switchover_time = 5s;
    std::unique_ptr<HttpServer> server;

    AdminHandlers handlers() {
        return {
            .live = {},
            .ready = [] { return std::optional<std::string>("no certificate is loaded"); },
            .metrics = []() -> std::string { throw std::runtime_error("metrics broke"); },
            .status =
                [this] {
                    boost::json::object status{{"name", "portal-0"}};
                    if (status_padding > 0) {
                        status["padding"] = std::string(status_padding, 'x');
                    }
                    return status;
                },
            .switchover =
                [this](const std::optional<std::string>& to, const Done& done) {
                    if (to == "redis-9") {
                        done("There is no node redis-9.");
                    } else {
                        switchover_started.set_value(done);
                    }
                },
            .drain = [this] { ++drains; },
        };
    }
    HttpServerTest() {
        access.token_file = token_file;
        std::ofstream(token_file) << kToken << "\n";
    }
    ~HttpServerTest() override { std::filesystem::remove(token_file); }

    static std::string socket_file(const std::string& name) {
        return (std::filesystem::temp_directory_path() / ("http-server-" + std::to_string(::getpid()) + "-" + name))
            .string();
    }
    void start() {
        server = std::make_unique<HttpServer>(options, admin_responder(handlers(), access, switchover_time));
        ASSERT_EQ(server->start(), std::nullopt);
        ASSERT_NE(server->port(), 0);
    }
    [[nodiscard]] std::string ask(const std::string& request) const {
        Client client(server->port());
        client.send(request);
        return client.read_all();
    }
    static std::string last(const std::string& method, const std::string& target, const std::string& more = "\r\n") {
        return method + " " + target + " HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n" + more;
    }
    static std::string change(const std::string& target, const std::string& more = "\r\n") {
        return last("POST", target, std::string("Authorization: Bearer ") + kToken + "\r\n" + more);
    }
};

TEST_F(HttpServerTest, AnswersProbesAndStatus) {
    start();
    EXPECT_TRUE(ask(last("GET", "/livez")).starts_with("HTTP/1.1 200 OK\r\n"));
    const auto ready = ask(last("GET", "/readyz"));
    EXPECT_TRUE(ready.starts_with("HTTP/1.1 503 "));
    EXPECT_TRUE(ready.ends_with("\r\n\r\nnot ready: no certificate is loaded\n"));
    EXPECT_TRUE(ask(last("GET", "/status.json")).ends_with("{\"name\":\"portal-0\"}\n"));
    EXPECT_NE(ask(last("GET", "/")).find("<h1>portal-0"), std::string::npos);
    EXPECT_TRUE(ask(last("GET", "/nothing")).starts_with("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, HeadSendsTheHeaderOfGetAndNoBody) {
    start();
    const auto head = ask(last("HEAD", "/livez"));
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_NE(head.find("Content-Length: 3\r\n"), std::string::npos);
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, KeepsAConnectionForFurtherRequestsAlsoPipelinedOnes) {
    start();
    Client client(server->port());
    const std::string request = "GET /livez HTTP/1.1\r\nHost: portal\r\n\r\n";
    client.send(request);
    EXPECT_TRUE(client.read_response(3).ends_with("\r\n\r\nok\n"));
    client.send("HEAD /livez HTTP/1.1\r\nHost: portal\r\n\r\n");
    EXPECT_TRUE(client.read_response(0).ends_with("\r\n\r\n"));
    client.send(request + last("GET", "/livez"));
    const auto two = client.read_all();
    EXPECT_NE(two.find("ok\nHTTP/1.1 200"), std::string::npos);
}

TEST_F(HttpServerTest, AnOversizedHeaderIsRefusedWith431) {
    start();
    const auto response = ask(last("GET", "/livez", "X-Long: " + std::string(20'000, 'x') + "\r\n\r\n"));
    EXPECT_TRUE(response.starts_with("HTTP/1.1 431 ")) << response;
    EXPECT_NE(response.find("8 KiB"), std::string::npos);
}

TEST_F(HttpServerTest, AnOversizedBodyIsRefusedWith413) {
    start();
    const std::string body(5000, 'x');
    const auto response = ask(last("POST", "/drain", "Content-Length: 5000\r\n\r\n" + body));
    EXPECT_TRUE(response.starts_with("HTTP/1.1 413 ")) << response;
    const auto chunked =
        ask(last("POST", "/drain", "Transfer-Encoding: chunked\r\n\r\n1388\r\n" + body + "\r\n0\r\n\r\n"));
    EXPECT_TRUE(chunked.starts_with("HTTP/1.1 413 ")) << chunked;
    EXPECT_EQ(drains, 0);
}

TEST_F(HttpServerTest, WhatIsNotHttpGets400) {
    start();
    EXPECT_TRUE(ask("*1\r\n$4\r\nPING\r\n\r\n").starts_with("HTTP/1.1 400 "));
    EXPECT_TRUE(ask("\x16\x03\x01\x02\x01\x01\x01\x01\x01\x01\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, AClientThatSendsTooSlowlyIsClosed) {
    options.request_time = 100ms;
    start();
    Client client(server->port());
    client.send("GET /livez HTTP/1.1\r\nHos");
    EXPECT_EQ(client.read_all(), "");
}

TEST_F(HttpServerTest, AClientThatSendsNothingIsClosedSoonerIfItHasNeverAsked) {
    options.request_time = 100ms;
    start();
    Client client(server->port());
    EXPECT_EQ(client.read_all(), "");
    options.request_time = 5s;
    options.idle_time = 100ms;
    start();
    Client asked(server->port());
    asked.send("GET /livez HTTP/1.1\r\nHost: portal\r\n\r\n");
    EXPECT_TRUE(asked.read_all().ends_with("ok\n"));
}

TEST_F(HttpServerTest, AConnectionAboveTheLimitTakesThePlaceOfTheOneThatHasSaidNothingForLongest) {
    options.max_connections = 2;
    start();
    Client first(server->port());
    Client second(server->port());
    Client third(server->port());
    EXPECT_EQ(first.read_all(), "");
    for (Client* served : {&second, &third}) {
        served->send(last("GET", "/livez"));
        EXPECT_TRUE(served->read_all().ends_with("ok\n"));
    }
}

TEST_F(HttpServerTest, WhileOthersAreWorkedOnAProbeIsStillAnswered) {
    options.max_connections = 4;
    start();
    std::vector<std::unique_ptr<Client>> waiting;
    std::vector<Done> done;
    for (int i = 0; i < 3; ++i) {
        switchover_started = {};
        waiting.push_back(std::make_unique<Client>(server->port()));
        waiting.back()->send(change("/switchover"));
        done.push_back(switchover_started.get_future().get());
    }
    EXPECT_TRUE(ask(last("GET", "/status.json")).starts_with("HTTP/1.1 503 "));
    EXPECT_TRUE(ask(last("GET", "/livez")).ends_with("ok\n"));
    for (int i = 0; i < 3; ++i) {
        done[static_cast<std::size_t>(i)]("");
        EXPECT_TRUE(waiting[static_cast<std::size_t>(i)]->read_all().starts_with("HTTP/1.1 200 "));
    }
}

TEST_F(HttpServerTest, OverItsSocketChangesAreTakenAlsoWhileTheNetworkKeepsEveryPlace) {
    access.token_file.reset();
    access.socket = options.socket;
    start();
    std::vector<std::unique_ptr<Client>> waiting;
    for (int i = 0; i < 64; ++i) {
        waiting.push_back(std::make_unique<Client>(server->port()));
    }
    SocketClient client(*options.socket);
    client.send(last("POST", "/drain"));
    EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 202 "));
    EXPECT_EQ(drains, 1);
    server->stop();
    EXPECT_FALSE(std::filesystem::exists(*options.socket));
}

TEST_F(HttpServerTest, MayListenOnItsSocketAlone) {
    options.address.reset();
    server = std::make_unique<HttpServer>(options, admin_responder(handlers(), access, switchover_time));
    ASSERT_EQ(server->start(), std::nullopt);
    SocketClient client(*options.socket);
    client.send(last("GET", "/livez"));
    EXPECT_TRUE(client.read_all().ends_with("ok\n"));
}

TEST_F(HttpServerTest, SaysInASentenceThatAnotherUsesItsSocket) {
    start();
    HttpServer second(options, admin_responder(handlers(), access));
    const auto error = second.start();
    ASSERT_TRUE(error);
    EXPECT_NE(error->find(*options.socket + " (another process that runs uses it): change admin.socket"),
              std::string::npos)
        << *error;
}

TEST_F(HttpServerTest, SixtyFourConnectionsThatSayNothingDoNotKeepAProbeOut) {
    start();
    std::vector<std::unique_ptr<Client>> idle;
    for (int i = 0; i < 64; ++i) {
        idle.push_back(std::make_unique<Client>(server->port()));
    }
    for (const auto* path : {"/livez", "/readyz"}) {
        EXPECT_TRUE(ask(last("GET", path)).starts_with("HTTP/1.1 ")) << path;
    }
}

TEST_F(HttpServerTest, HalfSentRequestsDoNotKeepAProbeOut) {
    start();
    std::vector<std::unique_ptr<Client>> slow;
    for (int i = 0; i < 64; ++i) {
        slow.push_back(std::make_unique<Client>(server->port()));
        slow.back()->send("GET /metrics HTTP/1.1\r\nHost: por");
    }
    EXPECT_TRUE(ask(last("GET", "/livez")).ends_with("ok\n"));
}

TEST_F(HttpServerTest, ClientsThatDoNotReadTheirAnswersDoNotKeepAProbeOut) {
    options.max_connections = 4;
    status_padding = 16 << 20;  // more than the buffers of a connection take
    start();
    std::vector<std::unique_ptr<Client>> deaf;
    for (int i = 0; i < 4; ++i) {
        deaf.push_back(std::make_unique<Client>(server->port()));
        deaf.back()->send("GET /status.json HTTP/1.1\r\nHost: portal\r\n\r\n");
        deaf.back()->wait_for_bytes();
    }
    EXPECT_TRUE(ask(last("GET", "/livez")).ends_with("ok\n"));
}

TEST_F(HttpServerTest, AHandlerThatThrowsGives500AndTheServerGoesOn) {
    start();
    const auto response = ask(last("GET", "/metrics"));
    EXPECT_TRUE(response.starts_with("HTTP/1.1 500 "));
    EXPECT_EQ(response.find("metrics broke"), std::string::npos);
    EXPECT_TRUE(ask(last("GET", "/livez")).starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, BeingOnLoopbackIsNoLogin) {
    access.token_file.reset();
    start();
    for (const auto* path : {"/drain", "/switchover"}) {
        const auto response = ask(last("POST", path));
        EXPECT_TRUE(response.starts_with("HTTP/1.1 403 ")) << response;
        EXPECT_NE(response.find("admin.socket"), std::string::npos) << response;
    }
    EXPECT_EQ(drains, 0);
}

TEST_F(HttpServerTest, DrainIsPassedOn) {
    start();
    EXPECT_TRUE(ask(change("/drain")).starts_with("HTTP/1.1 202 "));
    EXPECT_EQ(drains, 1);
    EXPECT_TRUE(ask(change("/drain", "Origin: http://evil.example\r\n\r\n")).starts_with("HTTP/1.1 403 "));
    EXPECT_TRUE(ask(last("POST", "/drain")).starts_with("HTTP/1.1 401 "));
    EXPECT_TRUE(ask(last("GET", "/drain")).starts_with("HTTP/1.1 405 "));
    EXPECT_EQ(drains, 1);
}

TEST_F(HttpServerTest, ASwitchoverIsAnsweredWhenAnotherThreadReportsItsEnd) {
    start();
    Client client(server->port());
    client.send(change("/switchover", "Content-Length: 17\r\n\r\n{\"to\": \"redis-1\"}"));
    const auto done = switchover_started.get_future().get();
    EXPECT_TRUE(ask(last("GET", "/livez")).starts_with("HTTP/1.1 200 ")) << "others are served meanwhile";
    done("");
    done("reported twice");
    EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ASwitchoverThatIsRefusedAtOnceGives409) {
    start();
    const auto response = ask(change("/switchover?to=redis-9"));
    EXPECT_TRUE(response.starts_with("HTTP/1.1 409 "));
    EXPECT_TRUE(response.ends_with("{\"error\":\"There is no node redis-9.\"}\n"));
}

TEST_F(HttpServerTest, ASwitchoverThatTakesTooLongGives504AndItsLateReportIsHarmless) {
    switchover_time = 50ms;
    start();
    EXPECT_TRUE(ask(change("/switchover")).starts_with("HTTP/1.1 504 "));
    switchover_started.get_future().get()("too late");
}

TEST_F(HttpServerTest, StopsWhileRequestsWaitAndAReportAfterTheEndIsHarmless) {
    start();
    Client client(server->port());
    Client idle(server->port());
    client.send(change("/switchover"));
    const auto done = switchover_started.get_future().get();
    server->stop();
    done("between stop and end");
    server.reset();
    done("after the end");
    EXPECT_EQ(client.read_all(), "");
    EXPECT_EQ(idle.read_all(), "");
}

TEST_F(HttpServerTest, SaysInASentenceThatItsAddressIsTaken) {
    start();
    options.address->port = server->port();
    HttpServer second(options, admin_responder(handlers(), access));
    const auto error = second.start();
    ASSERT_TRUE(error);
    EXPECT_NE(error->find("Cannot listen on 127.0.0.1:" + std::to_string(server->port())), std::string::npos);
    EXPECT_NE(error->find("Address already in use"), std::string::npos);
    EXPECT_NE(error->find("admin.address"), std::string::npos);
}

TEST_F(HttpServerTest, SaysInASentenceThatItsHostIsUnknown) {
    options.address->host = "no such host.invalid";
    HttpServer unknown(options, admin_responder(handlers(), access));
    const auto error = unknown.start();
    ASSERT_TRUE(error);
    EXPECT_NE(error->find("Cannot listen on no such host.invalid"), std::string::npos);
}

TEST_F(HttpServerTest, ListensOnIpv6WhereTheMachineHasIt) {
    options.address->host = "::1";
    server = std::make_unique<HttpServer>(options, admin_responder(handlers(), access, switchover_time));
    if (const auto error = server->start()) {
        GTEST_SKIP() << *error;
    }
    EXPECT_NE(server->port(), 0);
}

}  // namespace
}  // namespace portal::admin
