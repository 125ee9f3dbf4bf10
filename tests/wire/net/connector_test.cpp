// Connecting by several addresses, of which some swallow packets, some refuse. Loopback has 16 million addresses.
#include "net/connector.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

using boost::asio::ip::make_address;
using std::chrono::milliseconds;

/// Listens on an address of loopback.
class Server {
  public:
    explicit Server(const char* host, std::uint16_t port = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        address_.sin_family = AF_INET;
        address_.sin_port = htons(port);
        ::inet_pton(AF_INET, host, &address_.sin_addr);
        EXPECT_EQ(::bind(socket_, where(), sizeof address_), 0);
        EXPECT_EQ(::listen(socket_, 16), 0);
        socklen_t size = sizeof address_;
        EXPECT_EQ(::getsockname(socket_, where(), &size), 0);
    }
    ~Server() {
        for (const int each : callers_) {
            ::close(each);
        }
        ::close(socket_);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }
    /// From here on it answers nobody: its queue is full, so the kernel drops who knocks.
    void swallow() {
        EXPECT_EQ(::listen(socket_, 0), 0);
        for (int i = 0; i < 2; ++i) {
            callers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
            ::connect(callers_.back(), where(), sizeof address_);
        }
    }

  private:
    sockaddr* where() { return reinterpret_cast<sockaddr*>(&address_); }
    int socket_;
    sockaddr_in address_{};
    std::vector<int> callers_;
};

class ConnectorTest : public ::testing::Test {
  protected:
    Turn turn_;
    Loop loop_{turn_};
    Loop::Timer deadline_{loop_};
    std::vector<const char*> addresses_;
    NameLookup names_{loop_, [this](const std::string&) {
                          NameLookup::Found found;
                          for (const char* each : addresses_) {
                              found.addresses.push_back(make_address(each));
                          }
                          found.error = addresses_.empty() ? "no such name" : "";
                          return found;
                      }};
    std::string reached_;  // address, or the error

    void run() {
        deadline_.start(std::chrono::seconds(5), [this] {
            ADD_FAILURE() << "nothing has stopped the loop";
            loop_.stop();
        });
        loop_.run();
        deadline_.cancel();
    }
    Connector::Done note() {
        return [this](const Connector::Result& result) {
            reached_ = result.error;
            if (result.socket >= 0) {
                sockaddr_in peer{};
                socklen_t size = sizeof peer;
                EXPECT_EQ(::getpeername(result.socket, reinterpret_cast<sockaddr*>(&peer), &size), 0);
                std::string text(INET_ADDRSTRLEN, '\0');
                reached_ = ::inet_ntop(AF_INET, &peer.sin_addr, text.data(), INET_ADDRSTRLEN);
                ::close(result.socket);
            }
            loop_.stop();
        };
    }
    void connect(std::uint16_t port, Loop::Clock::duration next_after) {
        Connector connector(loop_, names_, next_after);
        connector.start("redis-0", port, note());
        run();
    }
};

TEST_F(ConnectorTest, OneThatSwallowsPacketsDoesNotStarveTheNext) {
    Server silent("127.0.1.1");
    silent.swallow();
    const Server good("127.0.1.2", silent.port());
    addresses_ = {"127.0.1.1", "127.0.1.2"};
    connect(silent.port(), milliseconds(10));
    EXPECT_EQ(reached_, "127.0.1.2");
}

TEST_F(ConnectorTest, TheOneThatAnsweredIsTriedFirstTheNextTime) {
    Server silent("127.0.1.1");
    silent.swallow();
    const Server good("127.0.1.2", silent.port());
    addresses_ = {"127.0.1.1", "127.0.1.2"};
    connect(silent.port(), milliseconds(10));
    reached_.clear();
    connect(silent.port(), std::chrono::hours(1));  // there is no other way than by the first
    EXPECT_EQ(reached_, "127.0.1.2");
}

TEST_F(ConnectorTest, OneThatRefusesIsFollowedByTheNextAtOnce) {
    const Server good("127.0.1.2");
    addresses_ = {"127.0.1.1", "127.0.1.2"};
    connect(good.port(), std::chrono::hours(1));
    EXPECT_EQ(reached_, "127.0.1.2");
}

TEST_F(ConnectorTest, TheFirstIsGivenItsTimeAlone) {
    const Server first("127.0.1.1");
    const Server second("127.0.1.2", first.port());
    addresses_ = {"127.0.1.1", "127.0.1.2"};
    connect(first.port(), std::chrono::hours(1));
    EXPECT_EQ(reached_, "127.0.1.1");
}

TEST_F(ConnectorTest, WhenAllRefuseTheReasonIsTold) {
    std::uint16_t port = 0;
    {
        const Server gone("127.0.1.1");
        port = gone.port();
    }
    addresses_ = {"127.0.1.1", "127.0.1.2"};
    connect(port, std::chrono::hours(1));
    EXPECT_EQ(reached_, "connect failed: Connection refused");
}

TEST_F(ConnectorTest, ANameThatIsNotKnownIsToldAsSuch) {
    connect(1, std::chrono::hours(1));
    EXPECT_EQ(reached_, "redis-0 cannot be looked up: no such name");
}

TEST_F(ConnectorTest, AnAddressThatIsLearnedMeanwhileIsTriedBesideAStaleOneThatIsSilent) {
    Server silent("127.0.1.1");
    silent.swallow();
    const Server good("127.0.1.2", silent.port());
    addresses_ = {"127.0.1.1"};
    const auto old = names_.find("redis-0", 1, [this](const NameLookup::Answer&) { loop_.stop(); });
    run();
    std::this_thread::sleep_for(NameLookup::kFresh);
    addresses_ = {"127.0.1.2"};                     // the pod has moved
    connect(silent.port(), std::chrono::hours(1));  // the stale address would be waited for
    EXPECT_EQ(reached_, "127.0.1.2");
}

TEST_F(ConnectorTest, WhoGivesUpHearsNothingMore) {
    Server silent("127.0.1.1");
    silent.swallow();
    addresses_ = {"127.0.1.1"};
    {
        Connector connector(loop_, names_);
        connector.start("redis-0", silent.port(), [](const Connector::Result&) { ADD_FAILURE() << "it was given up"; });
        Loop::Timer patience(loop_);
        patience.start(milliseconds(50), [this] { loop_.stop(); });
        run();
    }
    loop_.post([this] { loop_.stop(); });
    run();
}

TEST_F(ConnectorTest, TheReceiverMayDestroyIt) {
    const Server good("127.0.1.1");
    addresses_ = {"127.0.1.1"};
    auto connector = std::make_unique<Connector>(loop_, names_);
    connector->start("redis-0", good.port(), [&](const Connector::Result& result) {
        connector.reset();
        note()(result);
    });
    run();
    EXPECT_EQ(reached_, "127.0.1.1");
}

TEST(ConnectorOrderTest, TheFamiliesTakeTurns) {
    std::vector<Connector::Endpoint> given;
    for (const char* each : {"fd00::1", "fd00::2", "fd00::3", "10.0.0.1", "10.0.0.2"}) {
        given.emplace_back(make_address(each), 1);
    }
    std::vector<std::string> ordered;
    for (const auto& each : by_turns(given)) {
        ordered.push_back(each.address().to_string());
    }
    EXPECT_EQ(ordered, (std::vector<std::string>{"fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2", "fd00::3"}));
}

}  // namespace
}  // namespace portal::net
