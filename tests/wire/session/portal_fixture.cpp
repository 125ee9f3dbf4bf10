#include "portal_fixture.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <future>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace portal::testing {

TestClient::~TestClient() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

void TestClient::send(std::string_view bytes) const {
    ASSERT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

void TestClient::finish_sending() const {
    ASSERT_EQ(::shutdown(descriptor_, SHUT_WR), 0);
}

void TestClient::break_off() {
    const linger at_once{1, 0};
    ASSERT_EQ(::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    ::close(std::exchange(descriptor_, -1));
}

std::string TestClient::read(std::size_t size) const {
    std::string got;
    std::string space(64 * 1024, '\0');
    while (got.size() < size) {
        const ssize_t n = ::recv(descriptor_, space.data(), std::min(space.size(), size - got.size()), 0);
        if (n <= 0) {
            break;
        }
        got.append(space.data(), static_cast<std::size_t>(n));
    }
    return got;
}

std::string TestClient::line() const {
    std::string line;
    std::string next;
    do {
        next = read(1);
        line += next;
    } while (!next.empty() && next != "\n");
    return line;
}

void TestClient::expect(std::string_view bytes, std::string_view expected) const {
    send(bytes);
    expect(expected);
}

void TestClient::say_hello(std::string_view hello) const {
    send(hello);
    std::string answer;
    while (!answer.ends_with("*0\r\n")) {
        const std::string more = read(1);
        ASSERT_FALSE(more.empty()) << "HELLO was answered by " << answer;
        answer += more;
    }
}

bool TestClient::silent() const {
    char byte = 0;
    return ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool TestClient::closed() const {
    char byte = 0;
    const ssize_t n = ::recv(descriptor_, &byte, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);  // reset: closed with bytes of ours unread
}

PortalTest::PortalTest() {
    config_.name = "test";
    config_.threads = 1;
    config_.listen.push_back({{"127.0.0.1", 0}, std::nullopt});
    confirm();
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
}

PortalTest::~PortalTest() {
    group_.reset();
    ::close(listener_);
}

void PortalTest::start() {
    if (!group_) {
        const auto config = std::make_shared<const config::Config>(config_);
        group_ = std::make_unique<shard::ShardGroup>(
            config, permit_, [](const std::string&, std::string_view) {}, shard::ShardGroup::UsersChanged(),
            sightings_);
        ASSERT_EQ(group_->configure(config, shard::ShardGroup::Certificates(config->listen.size())), "");
        group_->start();
    }
}

void PortalTest::reload() {
    const auto config = std::make_shared<const config::Config>(config_);
    ASSERT_EQ(group_->configure(config, shard::ShardGroup::Certificates(config->listen.size())), "");
}

void PortalTest::publish(replication::TopologyPtr topology) {
    start();
    topology_ = topology;
    std::promise<void> applied;
    group_->publish(topology, [&applied] { applied.set_value(); });
    ASSERT_EQ(applied.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

void PortalTest::lead(const FakeNode& node, std::vector<replication::Confirmer> confirming) {
    ++epoch_;
    lead_on(node, std::move(confirming));
}

void PortalTest::lead_on(const FakeNode& node, std::vector<replication::Confirmer> confirming) {
    auto topology = std::make_shared<replication::Topology>();
    topology->epoch = replication::Epoch{epoch_};
    topology->leader = replication::Node{"node-" + std::to_string(node.port()), {"127.0.0.1", node.port()}};
    topology->confirming = std::move(confirming);
    topology->notice = notice_;
    publish(topology);
}

void PortalTest::see_process(const FakeNode& node, const std::string& run_id) {
    sightings_->note("node-" + std::to_string(node.port()), {run_id, std::chrono::steady_clock::now()});
}

void PortalTest::lead_as(const FakeNode& node, const std::string& run_id) {
    auto topology = std::make_shared<replication::Topology>(*topology_);
    topology->processes.by_node["node-" + std::to_string(node.port())] = run_id;
    publish(topology);
}

void PortalTest::lead_by_name(const FakeNode& node, const std::string& host, std::vector<std::string> addresses) {
    auto topology = std::make_shared<replication::Topology>();
    topology->epoch = replication::Epoch{++epoch_};
    topology->leader = replication::Node{host, {host, node.port()}};
    topology->addresses.by_host[host] = std::move(addresses);
    publish(topology);
}

void PortalTest::lead_with(const FakeNode& node, const std::vector<const FakeNode*>& replicas) {
    const auto described = [](const FakeNode& each) {
        return replication::Node{"node-" + std::to_string(each.port()), {"127.0.0.1", each.port()}};
    };
    auto topology = std::make_shared<replication::Topology>();
    topology->epoch = replication::Epoch{++epoch_};
    topology->leader = described(node);
    topology->nodes.push_back(described(node));
    for (const FakeNode* each : replicas) {
        topology->nodes.push_back(described(*each));
    }
    for (const replication::Node& each : topology->nodes) {
        topology->in_sync.push_back(each.name);
    }
    publish(topology);
}

void PortalTest::nobody_leads(const std::string& reason) {
    auto topology = std::make_shared<replication::Topology>();
    topology->epoch = replication::Epoch{++epoch_};
    topology->reason = reason;
    publish(topology);
}

void PortalTest::fail_over(std::uint64_t epochs) {
    auto topology = std::make_shared<replication::Topology>();
    epoch_ += epochs;
    topology->epoch = replication::Epoch{epoch_};
    topology->fencing = true;
    topology->notice = notice_;
    publish(topology);
}

void PortalTest::in_one_turn(const std::function<void()>& meanwhile) {
    std::promise<void> stands;
    std::promise<void> goes_on;
    group_->publish(topology_, [&] {
        stands.set_value();
        goes_on.get_future().wait();
    });
    ASSERT_EQ(stands.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
    meanwhile();
    goes_on.set_value();
    std::promise<void> over;
    group_->publish(topology_, [&] { over.set_value(); });
    ASSERT_EQ(over.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

std::unique_ptr<TestClient> PortalTest::client() {
    start();
    const int ours = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    EXPECT_EQ(::connect(ours, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval patience{5, 0};
    ::setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int theirs = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    EXPECT_GE(theirs, 0);
    newest_socket_ = theirs;
    group_->deal(theirs, 0);
    return std::make_unique<TestClient>(ours);
}

}  // namespace portal::testing
