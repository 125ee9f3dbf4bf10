// The one HTTP client against servers that answer well, badly, slowly or not at all.
#include "net/http/http_client.hpp"

#include "certs/certificate_authority.hpp"
#include "certs/tls_context.hpp"
#include "scripted_server.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace portal::net {
namespace {

using std::chrono::milliseconds;
using testing::Peer;
using testing::ScriptedServer;
using Script = ScriptedServer::Script;
using Clock = HttpClient::Clock;

constexpr milliseconds kPatience{10'000};
constexpr milliseconds kSoon{200};
constexpr std::size_t kMostBody = 4U << 20U;

/// Answers each request of a connection with `answer`, until the client goes.
Script answers(std::string answer) {
    return [answer = std::move(answer)](Peer& peer) {
        while (!peer.hear().empty() && peer.say(answer)) {
        }
    };
}
/// Answers one request, as far as `answer` goes, and closes.
Script answers_once(std::string answer) {
    return [answer = std::move(answer)](Peer& peer) {
        (void)peer.hear();
        peer.say(answer);
    };
}
/// Says `piece` again and again, a little at a time, until the client goes.
Script dribbles(std::string first, std::string piece, milliseconds pause) {
    return [=](Peer& peer) {
        (void)peer.hear();
        for (bool there = peer.say(first); there; there = peer.say(piece)) {
            std::this_thread::sleep_for(pause);
        }
    };
}
/// Takes a request and says nothing, until the client goes.
void stays_silent(Peer& peer) {
    while (!peer.hear().empty()) {
    }
}

constexpr auto kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr auto kUnavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n";

HttpServer at(const ScriptedServer& server) {
    return {"127.0.0.1", server.port()};
}
HttpRequest get(bool repeatable = true) {
    HttpRequest request;
    request.target = "/path?query";
    request.repeatable = repeatable;
    return request;
}
HttpReply ask(const Script& script, milliseconds time = kPatience) {
    const ScriptedServer server({script});
    return ask_once(at(server), get(), time);
}

/// Lets one client ask several times, as those do who keep it.
class Asker {
  public:
    explicit Asker(std::vector<HttpServer> servers, certs::PeerTlsFiles tls = {})
        : client(std::move(servers), std::move(tls)) {}

    HttpReply ask(HttpRequest request, milliseconds time = kPatience) {
        return run(client.ask(std::move(request), Clock::now() + time));
    }
    HttpReply follow(milliseconds silence, HttpClient::OnLine on_line) {
        return run(client.follow(get(), silence, std::move(on_line)));
    }
    HttpReply run(boost::asio::awaitable<HttpReply> question) {
        HttpReply reply;
        boost::asio::co_spawn(context, std::move(question), [&](const std::exception_ptr& escaped, HttpReply answer) {
            EXPECT_FALSE(escaped);
            reply = std::move(answer);
        });
        context.restart();
        context.run();
        return reply;
    }

    boost::asio::io_context context;
    HttpClient client;
};

void expect_failure(const HttpReply& reply, HttpFailure failure, const char* what) {
    EXPECT_EQ(reply.failure, failure) << what << ": " << reply.error;
    EXPECT_EQ(reply.status, 0U) << what;
    EXPECT_EQ(reply.body, "") << what << ": nothing of it is believed";
    EXPECT_FALSE(reply.error.empty() || reply.cause.empty()) << what;
}

// ------------------------------------------------------------------------------------------- what is asked and
// answered

TEST(HttpClient, sends_what_it_is_told_and_gives_the_answer_whole) {
    std::string heard;
    std::optional<ScriptedServer> server;
    server.emplace(std::vector<Script>{[&](Peer& peer) {
        heard = peer.hear();
        peer.say("HTTP/1.1 201 Created\r\nContent-Length: 5\r\nRetry-After: 3\r\n\r\nhello");
    }});
    HttpRequest request;
    request.method = HttpMethod::patch;
    request.target = "/a/b?c=1";
    request.body = "{}";
    request.content_type = "application/merge-patch+json";
    request.authorization = "Bearer token";
    request.headers = {{"Redis-Portal-Instance", "7"}};
    const std::string name = "127.0.0.1:" + std::to_string(server->port());
    const auto reply = ask_once(at(*server), request, kPatience);
    server.reset();
    EXPECT_EQ(reply.status, 201U) << reply.error;
    EXPECT_EQ(reply.body, "hello");
    EXPECT_EQ(reply.retry_after.count(), 3);
    EXPECT_EQ(reply.failure, HttpFailure::none);
    EXPECT_EQ(heard.substr(0, heard.find("\r\n")), "PATCH /a/b?c=1 HTTP/1.1");
    for (const std::string& line : {"Host: " + name, std::string("Content-Type: application/merge-patch+json"),
                                    std::string("Authorization: Bearer token"), std::string("Redis-Portal-Instance: 7"),
                                    std::string("Content-Length: 2")}) {
        EXPECT_NE(heard.find("\r\n" + line + "\r\n"), std::string::npos) << line << " in " << heard;
    }
    EXPECT_TRUE(heard.ends_with("\r\n\r\n{}"));
}

TEST(HttpClient, takes_an_answer_in_chunks_whatever_pieces_they_come_in) {
    const std::string chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: "
        "t\r\n\r\n";
    EXPECT_EQ(ask(answers(chunked)).body, "abc0123456789");
    EXPECT_EQ(ask([&](Peer& peer) {
                  (void)peer.hear();
                  for (const char byte : chunked) {
                      peer.say({&byte, 1});
                  }
                  (void)peer.hear();
              }).body,
              "abc0123456789");
}

TEST(HttpClient, takes_an_answer_that_ends_with_the_connection) {
    const auto reply = ask(answers_once("HTTP/1.1 200 OK\r\n\r\nall of it"));
    EXPECT_EQ(reply.status, 200U) << reply.error;
    EXPECT_EQ(reply.body, "all of it");
}

TEST(HttpClient, asks_again_on_the_same_connection) {
    const ScriptedServer server({answers(kOk)});
    Asker asker({at(server)});
    EXPECT_EQ(asker.ask(get()).body, "ok");
    EXPECT_EQ(asker.ask(get()).body, "ok");
    EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpClient, a_kept_connection_that_was_closed_costs_only_what_may_not_be_repeated) {
    const ScriptedServer server({answers_once(kOk)});
    Asker asker({at(server)});
    EXPECT_EQ(asker.ask(get()).body, "ok");
    EXPECT_EQ(asker.ask(get()).body, "ok") << "on a new connection";
    EXPECT_EQ(server.connections(), 2U);
    const auto reply = asker.ask(get(false));
    EXPECT_EQ(reply.status, 0U) << "it may have been carried out";
    EXPECT_EQ(server.connections(), 2U);
    EXPECT_EQ(asker.ask(get(false)).body, "ok");
}

TEST(HttpClient, an_answer_that_says_close_is_the_last_of_its_connection) {
    const ScriptedServer server({answers_once("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")});
    Asker asker({at(server)});
    EXPECT_EQ(asker.ask(get(false)).body, "ok");
    EXPECT_EQ(asker.ask(get(false)).body, "ok");
    EXPECT_EQ(server.connections(), 2U);
}

TEST(HttpClient, the_next_server_is_asked_when_one_fails) {
    const ScriptedServer ill({answers(kUnavailable)});
    const ScriptedServer well({answers(kOk)});
    {
        Asker asker({{"127.0.0.1", 1}, at(ill), at(well)});
        EXPECT_EQ(asker.ask(get()).body, "ok");
        EXPECT_EQ(asker.client.server(), "127.0.0.1:" + std::to_string(well.port()));
    }
    Asker careful({at(ill), at(well)});
    const auto refused = careful.ask(get(false));
    EXPECT_EQ(refused.status, 503U) << "the server may have done it";
    EXPECT_EQ(refused.retry_after.count(), 7);
    EXPECT_EQ(careful.ask(get(false)).body, "ok");
}

TEST(HttpClient, speaks_over_a_unix_socket) {
    const std::string path = std::filesystem::temp_directory_path() / ("http-client-" + std::to_string(::getpid()));
    std::filesystem::remove(path);
    HttpServer server;
    server.socket = path;
    const auto missing = ask_once(server, get(), kPatience);
    expect_failure(missing, HttpFailure::unreachable, "no socket");
    EXPECT_NE(missing.error.find(path), std::string::npos) << missing.error;
    {
        const ScriptedServer there({answers(kOk)}, path);
        EXPECT_EQ(ask_once(server, get(), kPatience).body, "ok");
    }
    std::filesystem::remove(path);
}

TEST(HttpClient, looks_up_a_name) {
    const ScriptedServer server({answers(kOk)});
    EXPECT_EQ(ask_once({"localhost", server.port()}, get(), kPatience).body, "ok");
}

// ------------------------------------------------------------------------------------------- bad answers

TEST(HttpClient, an_answer_that_ends_early_is_none) {
    const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        expect_failure(ask(answers_once(whole.substr(0, size))), HttpFailure::no_http,
                       ("cut at " + std::to_string(size)).c_str());
    }
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (std::size_t size = chunked.find("3\r\n"); size < chunked.size(); ++size) {
        expect_failure(ask(answers_once(chunked.substr(0, size))), HttpFailure::no_http,
                       ("cut at " + std::to_string(size)).c_str());
    }
}

TEST(HttpClient, what_is_no_http_is_no_answer) {
    for (const char* said : {"-ERR unknown command 'GET'\r\n", "\r\n\r\n\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\na\r\n",
                             "HTTP/1.1 200 OK\r\nContent Length: 2\r\n\r\nok"}) {
        expect_failure(ask(answers_once(said)), HttpFailure::no_http, said);
    }
}

TEST(HttpClient, an_answer_of_the_longest_kind_is_taken_and_no_longer_one) {
    const std::string most(kMostBody, 'x');
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
    EXPECT_EQ(ask(answers(head + std::to_string(kMostBody) + "\r\n\r\n" + most)).body, most);
    expect_failure(ask([&](Peer& peer) {
                       (void)peer.hear();
                       peer.say(head + std::to_string(kMostBody + 1) + "\r\n\r\n");
                       (void)peer.hear();  // nothing of it has to come
                   }),
                   HttpFailure::no_http, "announced");
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    expect_failure(ask(dribbles("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, milliseconds(0))),
                   HttpFailure::no_http, "chunks without an end");
    expect_failure(ask(dribbles("HTTP/1.1 200 OK\r\n\r\n", chunk, milliseconds(0))), HttpFailure::no_http,
                   "a body without an end");
}

TEST(HttpClient, headers_are_bounded) {
    expect_failure(ask(dribbles("HTTP/1.1 200 OK\r\n", "Field: " + std::string(100, 'x') + "\r\n", milliseconds(0))),
                   HttpFailure::no_http, "fields without an end");
    expect_failure(ask(dribbles("HTTP/1.1 200 OK\r\nField: ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", milliseconds(0))),
                   HttpFailure::no_http, "a field without an end");
}

// ------------------------------------------------------------------------------------------- time

TEST(HttpClient, the_time_holds_whatever_the_server_does_meanwhile) {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    for (const auto& [what, script] : std::vector<std::pair<const char*, Script>>{
             {"silent", stays_silent},
             {"dribbles its head", dribbles(head, "F: v\r\n", milliseconds(20))},
             {"dribbles its body", dribbles(head + "Content-Length: 1000000\r\n\r\n", "x", milliseconds(20))},
             {"dribbles chunks",
              dribbles(head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", milliseconds(20))}}) {
        const auto begin = Clock::now();
        expect_failure(ask(script, kSoon), HttpFailure::silent, what);
        EXPECT_GE(Clock::now() - begin, kSoon) << what;
        EXPECT_LT(Clock::now() - begin, kPatience) << what;
    }
}

TEST(HttpClient, the_time_holds_for_a_handshake_that_does_not_go_on) {
    const ScriptedServer server({stays_silent});
    Asker asker({{"127.0.0.1", server.port(), true}});
    expect_failure(asker.ask(get(), kSoon), HttpFailure::silent, "handshake");
}

TEST(HttpClient, a_port_where_nobody_listens_is_told_with_its_cause) {
    const auto reply = ask_once({"127.0.0.1", 1}, get(), kPatience);
    expect_failure(reply, HttpFailure::unreachable, "port 1");
    EXPECT_EQ(reply.error, "127.0.0.1:1: cannot connect: Connection refused");
    EXPECT_EQ(reply.cause, "Connection refused");
}

TEST(HttpClient, closing_it_lets_what_is_going_on_fail) {
    std::optional<Asker> asker;
    const ScriptedServer server({[&](Peer& peer) {
        (void)peer.hear();
        boost::asio::post(asker->context, [&] { asker->client.close(); });
        (void)peer.hear();
    }});
    asker.emplace(std::vector<HttpServer>{at(server)});
    const auto begin = Clock::now();
    EXPECT_EQ(asker->ask(get()).status, 0U);
    EXPECT_LT(Clock::now() - begin, kPatience);
}

// ------------------------------------------------------------------------------------------- a stream of lines

TEST(HttpClient, follows_lines_until_the_stream_or_its_owner_ends) {
    const std::string stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n4\r\nc\nd\n\r\n";
    std::vector<std::string> lines;
    const auto note = [&](std::string_view line) {
        lines.emplace_back(line);
        return line != "d";
    };
    {
        const ScriptedServer server({answers_once(stream + "0\r\n\r\n")});
        Asker asker({at(server)});
        const auto ended = asker.follow(kPatience, note);
        EXPECT_EQ(ended.status, 200U);
        EXPECT_EQ(ended.error, "ended by its owner");
        EXPECT_EQ(lines, (std::vector<std::string>{"a", "bc", "d"}));
    }
    {
        lines.clear();
        const ScriptedServer server({answers_once(stream.substr(0, stream.find("d\n\r\n")))});
        Asker asker({at(server)});
        EXPECT_NE(asker.follow(kPatience, note).error, "");
        EXPECT_EQ(lines, (std::vector<std::string>{"a", "bc"})) << "no line that has not ended";
    }
}

TEST(HttpClient, a_stream_that_falls_silent_or_has_a_line_without_an_end_is_given_up) {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n";
    const auto take = [](std::string_view) { return true; };
    {
        const ScriptedServer server({[&](Peer& peer) {
            (void)peer.hear();
            peer.say(head);
            (void)peer.hear();
        }});
        Asker asker({at(server)});
        EXPECT_NE(asker.follow(kSoon, take).error.find("no answer in time"), std::string::npos);
    }
    {
        const ScriptedServer server({dribbles(head, "1000\r\n" + std::string(0x1000, 'x') + "\r\n", milliseconds(0))});
        Asker asker({at(server)});
        const auto ended = asker.follow(kPatience, take);
        EXPECT_EQ(ended.failure, HttpFailure::no_http) << ended.error;
    }
}

TEST(HttpClient, an_answer_in_place_of_a_stream_is_given_whole) {
    const ScriptedServer server({answers("HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone")});
    Asker asker({at(server)});
    const auto reply = asker.follow(kPatience, [](std::string_view) { return true; });
    EXPECT_EQ(reply.status, 410U);
    EXPECT_EQ(reply.body, "gone");
}

// ------------------------------------------------------------------------------------------- TLS

/// A server with a certificate for "localhost", which may want one of its client.
class HttpClientTls : public ::testing::Test {
  protected:
    HttpClientTls() {
        std::filesystem::remove_all(folder_);
        certs::init_directory(file("tls"), {"localhost"}).value();
        certs::init_directory(file("other"), {"localhost"}).value();
    }
    ~HttpClientTls() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string file(const std::string& name) const { return folder_ / name; }

    [[nodiscard]] Script secured(bool wants_certificate = false) const {
        const auto material = certs::load_pair({file("tls/tls.crt"), file("tls/tls.key"),
                                                wants_certificate ? std::optional(file("tls/ca.crt")) : std::nullopt})
                                  .value();
        const std::shared_ptr<certs::TlsContext> context = certs::TlsContext::server(*material, {}).value();
        return [context](Peer& peer) {
            const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context->native()), &SSL_free);
            SSL_set_fd(tls.get(), peer.descriptor());
            std::array<char, 1024> request{};
            if (SSL_accept(tls.get()) == 1 && SSL_read(tls.get(), request.data(), int(request.size())) > 0) {
                const std::string_view answer = kOk;
                SSL_write(tls.get(), answer.data(), int(answer.size()));
            }
        };
    }
    HttpReply ask(const Script& script, certs::PeerTlsFiles files, const std::string& host = "localhost") {
        const ScriptedServer server({script});
        Asker asker({{host, server.port(), true}}, std::move(files));
        return asker.ask(get(false));
    }

    const std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("http-client-tls-" + std::to_string(::getpid()));
};

TEST_F(HttpClientTls, a_server_that_the_authority_signed_is_asked) {
    const auto reply = ask(secured(), {file("tls/ca.crt"), {}, {}});
    EXPECT_EQ(reply.body, "ok") << reply.error;
}

TEST_F(HttpClientTls, a_server_with_anothers_name_authority_or_none_is_not) {
    const Script speaks_first = [](Peer& peer) {
        peer.say(kOk);
        (void)peer.hear();
    };
    for (const auto& [what, reply] : std::vector<std::pair<const char*, HttpReply>>{
             {"another authority", ask(secured(), {file("other/ca.crt"), {}, {}})},
             {"only the system's authorities", ask(secured(), {})},
             {"another name", ask(secured(), {file("tls/ca.crt"), {}, {}}, "127.0.0.1")},
             {"no TLS at all", ask(speaks_first, {file("tls/ca.crt"), {}, {}})}}) {
        expect_failure(reply, HttpFailure::unreachable, what);
        EXPECT_NE(reply.error.find("TLS handshake failed"), std::string::npos) << what << ": " << reply.error;
    }
}

TEST_F(HttpClientTls, a_certificate_is_shown_to_a_server_that_wants_one) {
    const certs::PeerTlsFiles own{file("tls/ca.crt"), file("tls/tls.crt"), file("tls/tls.key")};
    EXPECT_EQ(ask(secured(true), own).body, "ok");
    EXPECT_EQ(ask(secured(true), {own.ca, {}, {}}).status, 0U);
}

TEST_F(HttpClientTls, files_that_cannot_be_read_are_named) {
    const auto reply = ask(secured(), {file("absent.crt"), {}, {}});
    expect_failure(reply, HttpFailure::unreachable, "no CA file");
    EXPECT_NE(reply.error.find("absent.crt"), std::string::npos) << reply.error;
}

}  // namespace
}  // namespace portal::net
