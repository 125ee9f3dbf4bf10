// Sends raw bytes to a real redis-server and holds what it answers against what our scanner makes of the same bytes: as
// many replies as we see commands, the same protocol error, and of ECHO the argument that we see.
#include "resp/frame_scanner.hpp"
#include "resp/reply_writer.hpp"
#include "resp/request_view.hpp"
#include "tests/unit/resp/feed.hpp"
#include "tests/unit/resp/malformed_requests.hpp"
#include "tests/wire/local_redis.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

using testing::Event;
using testing::feed_replies;
using testing::feed_requests;

class Socket {
  public:
    explicit Socket(const std::string& path) : descriptor_(portal::testing::connect_unix(path)) {
        const timeval limit{.tv_sec = 10, .tv_usec = 0};
        setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() { close(descriptor_); }

    /// Sends the bytes and the end of the stream, and gives all that comes back. The server may hang up before it has
    /// read everything, which is no failure.
    [[nodiscard]] std::string answer_to(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                break;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        shutdown(descriptor_, SHUT_WR);
        std::string answer;
        std::array<char, 16384> piece;
        while (true) {
            const ssize_t got = recv(descriptor_, piece.data(), piece.size(), 0);
            if (got <= 0) {
                EXPECT_FALSE(got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) << "no end of the answer";
                return answer;
            }
            answer.append(piece.data(), static_cast<std::size_t>(got));
        }
    }

  private:
    int descriptor_;
};

std::string answer_to(const portal::testing::LocalRedis& server, std::string_view bytes) {
    return Socket(server.socket_path()).answer_to(bytes);
}

/// What redis-server does not refuse.
const std::string kOurs = make_error_code(Error::expected_line_end).message();

std::string printable(std::string_view bytes) {
    std::ostringstream out;
    for (const char byte : bytes.substr(0, 300)) {
        if (byte >= ' ' && byte <= '~') {
            out << byte;
        } else {
            out << '<' << static_cast<int>(static_cast<unsigned char>(byte)) << '>';
        }
    }
    return out.str();
}

/// The reply that redis-server must give to a command that we framed, if it is one that we can tell.
std::optional<std::string> expected_reply(const std::string& frame) {
    const std::string request = is_inline(frame) ? inline_to_multibulk(frame).value() : frame;
    const RequestView view(request);
    std::string reply;
    if (view.argc() == 1 && view.arg(0) == "PING") {
        write_simple(reply, "PONG");
        return reply;
    }
    if (view.argc() == 2 && view.arg(0) == "ECHO") {
        write_bulk(reply, view.arg(1));
        return reply;
    }
    return std::nullopt;
}

void expect_the_same(const portal::testing::LocalRedis& server, const std::string& bytes, bool authenticated) {
    SCOPED_TRACE(printable(bytes));
    const RequestLimits limits{.authenticated = authenticated};
    const std::vector<Event> commands = feed_requests(limits, bytes).events;
    const std::string answer = answer_to(server, bytes);
    const std::vector<Event> replies = feed_replies({}, answer).events;
    std::size_t next = 0;
    for (const Event& command : commands) {
        if (command.status == ScanStatus::empty) {
            continue;
        }
        if (command.status == ScanStatus::error && command.error == kOurs) {
            return;  // redis-server goes on, with whatever it takes for the next request
        }
        ASSERT_LT(next, replies.size()) << "too few replies: " << printable(answer);
        const std::string& reply = replies[next++].bytes;
        if (command.status == ScanStatus::error) {
            EXPECT_EQ(reply, "-ERR " + command.error + "\r\n");
        } else if (!reply.starts_with("-NOAUTH ")) {
            EXPECT_FALSE(reply.starts_with("-ERR Protocol error")) << printable(reply);
            EXPECT_EQ(reply, expected_reply(command.bytes).value_or(reply));
        }
    }
    EXPECT_EQ(next, replies.size()) << "too many replies: " << printable(answer);
}

class RequestScannerAgainstRedis : public ::testing::Test {
  protected:
    void SetUp() override {
        const std::string program = portal::testing::path_of_program("redis-server");
        if (program.empty()) {
            GTEST_SKIP() << "redis-server is not installed";
        }
        open_.emplace(program);
        locked_.emplace(program, "secret");
        ASSERT_TRUE(open_->up() && locked_->up()) << "redis-server did not come up";
        const std::string info = answer_to(*open_, "INFO server\r\n");
        if (info.find("redis_version:7.0.") == std::string::npos) {
            GTEST_SKIP() << "the scanner follows redis-server 7.0; another version is installed";
        }
    }

    [[nodiscard]] const portal::testing::LocalRedis& server(bool authenticated) const {
        return authenticated ? *open_ : *locked_;
    }

  private:
    std::optional<portal::testing::LocalRedis> open_;
    std::optional<portal::testing::LocalRedis> locked_;
};

TEST_F(RequestScannerAgainstRedis, ReportsEachMalformedRequestInTheSameWords) {
    for (const testing::MalformedRequest& request : testing::malformed_requests()) {
        expect_the_same(server(request.authenticated), request.bytes, request.authenticated);
    }
}

TEST_F(RequestScannerAgainstRedis, RefusesLineEndsThatRedisServerTakes) {
    std::size_t seen = 0;
    for (const testing::MalformedRequest& request : testing::malformed_requests()) {
        if (request.redis_passes) {
            ++seen;
            EXPECT_EQ(request.error, kOurs);
            const std::string answer = answer_to(server(true), request.bytes);
            const std::string first = answer.substr(0, answer.find('\n'));
            EXPECT_FALSE(first.starts_with("-ERR Protocol error")) << printable(request.bytes) << printable(answer);
        }
    }
    EXPECT_GT(seen, 10U);
}

TEST_F(RequestScannerAgainstRedis, SeesTheSameCommandsInAnySequenceOfTokens) {
    const std::vector<std::string> tokens = {"*",
                                             "$",
                                             "\r",
                                             "\n",
                                             "\r\n",
                                             "\r\n",
                                             "\r\n",
                                             "0",
                                             "1",
                                             "2",
                                             "4",
                                             "9",
                                             "-",
                                             "-1",
                                             "+",
                                             "x",
                                             " ",
                                             "\"",
                                             "'",
                                             "\\",
                                             "\\x4a",
                                             "\\n",
                                             "\\\"",
                                             "\\'",
                                             "\t",
                                             "\v",
                                             "\f",
                                             std::string(1, '\0'),
                                             "\xc3",
                                             "ECHO",
                                             "ECHO ",
                                             "PING",
                                             "PING\r\n",
                                             "*1\r\n",
                                             "*2\r\n",
                                             "*10\r\n",
                                             "*11\r\n",
                                             "$4\r\n",
                                             "$1\r\n",
                                             "$0\r\n\r\n",
                                             "$4\r\nPING\r\n",
                                             "$4\r\nECHO\r\n",
                                             "*2\r\n$4\r\nECHO\r\n",
                                             "*1\r\n$4\r\nPING\r\n",
                                             "$16384\r\n",
                                             "$16385\r\n",
                                             "$536870913\r\n",
                                             "*2147483648\r\n"};
    std::mt19937 random(20240229);
    std::uniform_int_distribution<std::size_t> token(0, tokens.size() - 1);
    std::uniform_int_distribution<int> length(1, 14);
    for (int round = 0; round < 6000 && !HasFailure(); ++round) {
        std::string bytes = round % 3 == 0 ? "ECHO " : "";
        for (int i = length(random); i > 0; --i) {
            bytes += tokens[token(random)];
        }
        bytes += round % 2 == 0 ? "\r\n" : "";
        expect_the_same(server(round % 4 != 0), bytes, round % 4 != 0);
    }
}

TEST_F(RequestScannerAgainstRedis, SeesTheSameCommandsWhereSingleBytesAreDamaged) {
    const std::string good =
        "*2\r\n$4\r\nECHO\r\n$12\r\nhello\r\nworld\r\n*1\r\n$4\r\nPING\r\nECHO \"a b\\x41\\n\" \r\n*-1\r\n\r\n"
        "*2\r\n$4\r\nECHO\r\n$0\r\n\r\nECHO 'it\\'s'\r\n*0\r\nPING\r\n";
    const std::string bytes = std::string("\r\n*$-+0129: \"'\\xE", 16) + '\0';
    for (std::size_t at = 0; at < good.size() && !HasFailure(); ++at) {
        for (const char byte : bytes) {
            std::string damaged = good;
            damaged[at] = byte;
            expect_the_same(server(true), damaged, true);
        }
        expect_the_same(server(true), std::string(good).erase(at, 1), true);
        expect_the_same(server(true), good.substr(0, at), true);
    }
}

}  // namespace
}  // namespace portal::resp
