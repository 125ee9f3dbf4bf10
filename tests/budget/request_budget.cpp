// request_budget CASE REQUESTS: sends that many requests through one real shard, from one client over TLS to a scripted
// node, and prints how many times the shard's thread allocated for each. "request_budget idle CLIENTS": prints how many
// bytes it holds for each of so many that have asked once, without OpenSSL's. Counts do not depend on the machine;
// test_request_budget.py holds them, and the instructions that valgrind counts, against limits.json.
#include "certs/certificate_authority.hpp"
#include "certs/record_buffers.hpp"
#include "certs/tls_context.hpp"
#include "shard/shard.hpp"
#include "wire/session/fake_node.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <malloc.h>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {
thread_local std::uint64_t allocations = 0;
thread_local std::int64_t bytes_held = 0;
}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) {
        bytes_held += static_cast<std::int64_t>(::malloc_usable_size(memory));
        return memory;
    }
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    bytes_held -= static_cast<std::int64_t>(::malloc_usable_size(memory));
    std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    operator delete(memory);
}

namespace portal::testing {
namespace {

struct Case {
    std::string_view name;
    std::string request;  // one command, or a whole transaction
    std::string reply;
    int pipeline = 1;
    int commands = 1;  // in `request`
};

std::string bulk(std::size_t size) {
    return "$" + std::to_string(size) + "\r\n" + std::string(size, 'x') + "\r\n";
}

/// MULTI, 14 times `command`, EXEC; what answers it is answer().
Case transaction(const std::string& command) {
    Case whole{"transaction-16", "*1\r\n$5\r\nMULTI\r\n", "+OK\r\n", 1, 16};
    std::string results = "*14\r\n";
    for (int i = 0; i < 14; ++i) {
        whole.request += command;
        whole.reply += "+QUEUED\r\n";
        results += "+OK\r\n";
    }
    whole.request += "*1\r\n$4\r\nEXEC\r\n";
    whole.reply += results;
    return whole;
}

std::string answer(const Case& wanted, const std::string& word) {
    if (wanted.commands == 1) {
        return wanted.reply;
    }
    return word == "MULTI" ? "+OK\r\n" : word == "EXEC" ? wanted.reply.substr(wanted.reply.find('*')) : "+QUEUED\r\n";
}

std::vector<Case> cases() {
    const std::string key = bulk(16);
    const std::string get = "*2\r\n$3\r\nGET\r\n" + key;
    const std::string set = "*3\r\n$3\r\nSET\r\n" + key + bulk(64);
    const std::string eval = "*4\r\n$4\r\nEVAL\r\n" + bulk(30) + "$1\r\n1\r\n" + key;  // with the fence behind each
    return {{"get", get, bulk(64)},  {"set", set, "+OK\r\n"},     {"get-pipeline-16", get, bulk(64), 16},
            transaction(set),        {"get-4k", get, bulk(4096)}, {"get-64k", get, bulk(65536)},
            {"eval", eval, bulk(64)}};
}

/// One shard that stands alone.
class Portal final : private session::ShardPeers {
  public:
    explicit Portal(const FakeNode& node) {
        config_.name = "budget";
        config_.threads = 1;
        config_.listen.push_back({{"127.0.0.1", 0}, std::nullopt});
        permit_->extend(std::chrono::steady_clock::now() + std::chrono::hours(1));
        shared_config_ = std::make_shared<const config::Config>(config_);
        shard_ = std::make_unique<shard::Shard>(
            shard::ShardSetup{shared_config_, *this, permit_, [](const std::string&, std::string_view) {}});
        shard_->configure(shared_config_, shard::TlsContexts(1));
        shard_->start();
        auto topology = std::make_shared<replication::Topology>();
        topology->epoch = replication::Epoch{1};
        topology->leader = replication::Node{"node", {"127.0.0.1", node.port()}};
        std::promise<void> applied;
        shard_->publish(topology, [&applied] { applied.set_value(); });
        applied.get_future().wait();
    }

    void use(std::shared_ptr<certs::TlsContext> server) { shard_->configure(shared_config_, {std::move(server)}); }
    void adopt(int descriptor) { shard_->adopt(descriptor, 0, false); }

    /// How often the shard's thread has allocated so far.
    std::uint64_t allocated() {
        std::promise<std::uint64_t> count;
        shard_->post([&count](session::SessionContext&) { count.set_value(allocations); });
        return count.get_future().get();
    }
    /// What it has allocated and not given back, in bytes.
    std::int64_t held() {
        std::promise<std::int64_t> count;
        shard_->post([&count](session::SessionContext&) { count.set_value(bytes_held); });
        return count.get_future().get();
    }

  private:
    void post(std::uint32_t /*shard*/, Task task) override { shard_->post(std::move(task)); }
    [[nodiscard]] std::uint32_t shards() const noexcept override { return 1; }

    config::Config config_;
    config::ConfigPtr shared_config_;
    std::shared_ptr<replication::ForwardPermit> permit_ = std::make_shared<replication::ForwardPermit>();
    std::unique_ptr<shard::Shard> shard_;
};

/// A blocking TLS client on one end of a pair of sockets.
class Client {
  public:
    Client(const std::shared_ptr<certs::TlsContext>& context, Portal& portal)
        : engine_({context, context->native()}, net::TlsEngine::Side::client, "localhost") {
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_storage address{};
        address.ss_family = AF_INET;
        socklen_t size = sizeof(sockaddr_storage);
        descriptor_ = ::socket(AF_INET, SOCK_STREAM, 0);
        auto* where = reinterpret_cast<sockaddr*>(&address);
        if (::listen(listener, 1) != 0 || ::getsockname(listener, where, &size) != 0 ||
            ::connect(descriptor_, where, size) != 0) {
            throw std::runtime_error("no connection over loopback");
        }
        portal.adopt(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        ::close(listener);
        std::string_view nothing;
        std::string out;
        engine_.handshake(nothing, out);
        send(out);
        while (!engine_.established()) {
            read();
        }
    }
    ~Client() { ::close(descriptor_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void ask(std::string_view request, std::size_t reply_size) {
        std::string out;
        engine_.write(request, out);
        send(out);
        for (std::size_t left = reply_size; left > 0;) {
            const std::size_t got = read();
            if (got > left) {
                throw std::runtime_error("more came than was asked for");
            }
            left -= got;
        }
    }

  private:
    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) {
                throw std::runtime_error("the portal takes nothing");
            }
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    /// Plaintext bytes of one read.
    std::size_t read() {
        const ssize_t n = ::recv(descriptor_, space_.data(), space_.size(), 0);
        if (n <= 0) {
            throw std::runtime_error("the portal has closed the connection");
        }
        std::string_view in(space_.data(), static_cast<std::size_t>(n));
        std::string out;
        if (!engine_.established()) {
            engine_.handshake(in, out);
        }
        std::size_t got = 0;
        while (engine_.established() && !in.empty()) {
            std::size_t size = 0;
            if (engine_.read(in, plain_, size, out) == net::TlsStatus::failed) {
                throw std::runtime_error("TLS has failed");
            }
            got += size;
        }
        send(out);
        return got;
    }

    net::TlsEngine engine_;
    int descriptor_ = -1;
    std::string space_ = std::string(64 * 1024, '\0');
    std::array<char, 32 * 1024> plain_{};
};

/// What every case needs: the node, the shard, and clients that know its certificate.
struct Stage {
    explicit Stage(const Case& wanted);
    FakeNode node;
    Portal portal;
    std::shared_ptr<certs::TlsContext> context;
};

Stage::Stage(const Case& wanted)
    : node([wanted](const auto& words) { return answer(wanted, words.front()); }), portal(node) {
    node.answer_together();
    const auto folder = std::filesystem::temp_directory_path() / ("request-budget-" + std::to_string(::getpid()));
    certs::init_directory(folder.string(), {"localhost"}).value();
    const auto material = certs::load_pair({folder / "tls.crt", folder / "tls.key", std::nullopt}).value();
    certs::ClientTlsOptions options;
    options.authorities_pem = certs::load_authorities(folder / "ca.crt").value();
    std::filesystem::remove_all(folder);

    portal.use(certs::TlsContext::server(*material, {}).value());
    context = certs::TlsContext::client(options).value();
}

/// Bytes that the shard holds for each of `count` clients.
void run_idle(int count) {
    const Case ping{"idle", "*1\r\n$4\r\nPING\r\n", "+PONG\r\n"};
    Stage stage(ping);
    std::vector<std::unique_ptr<Client>> clients;
    const auto come = [&](int more) {
        for (int i = 0; i < more; ++i) {
            clients.push_back(std::make_unique<Client>(stage.context, stage.portal));
            clients.back()->ask(ping.request, ping.reply.size());
        }
        return stage.portal.held();
    };
    const std::int64_t before = come(50);  // tables have their size afterwards
    const std::int64_t after = come(count);
    std::cout << static_cast<double>(after - before) / count << "\n";
}

void run(const Case& wanted, int requests) {
    Stage stage(wanted);
    Portal& portal = stage.portal;
    Client client(stage.context, portal);
    std::string batch;
    for (int i = 0; i < wanted.pipeline; ++i) {
        batch += wanted.request;
    }
    const std::size_t replies = wanted.reply.size() * static_cast<std::size_t>(wanted.pipeline);
    for (int i = 0; i < 50; ++i) {  // buffers have their size afterwards
        client.ask(batch, replies);
    }
    const std::uint64_t before = portal.allocated();
    for (int i = 0; i < requests; i += wanted.pipeline * wanted.commands) {
        client.ask(batch, replies);
    }
    // Asking for the count allocates as well: as often as a second question does.
    const std::uint64_t after = portal.allocated();
    const std::uint64_t asking = portal.allocated() - after;
    std::cout << static_cast<double>(after - before - asking) / requests << "\n";
}

}  // namespace
}  // namespace portal::testing

int main(int argc, char** argv) {
    portal::certs::keep_record_buffers();  // as the program does
    try {
        if (argc == 3 && std::string_view(argv[1]) == "idle") {
            portal::testing::run_idle(std::atoi(argv[2]));
            return 0;
        }
        for (const portal::testing::Case& each : portal::testing::cases()) {
            if (argc == 3 && each.name == argv[1]) {
                portal::testing::run(each, std::atoi(argv[2]));
                return 0;
            }
        }
        std::cerr << "usage: request_budget CASE REQUESTS; the cases are those of limits.json\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "request_budget: " << error.what() << "\n";
        return 1;
    }
}
