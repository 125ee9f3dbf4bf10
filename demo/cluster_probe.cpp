#include "demo/cluster_probe.hpp"

#include "demo/portal_client.hpp"
#include "net/http/http_client.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <boost/json.hpp>
#include <fmt/core.h>
#include <hiredis/hiredis.h>

namespace portal::demo {

namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPatience{2};

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

}  // namespace

std::optional<bool> node_leads(std::uint16_t port, const std::string& password) {
    const timeval limit{1, 0};
    const RedisContext context(redisConnectWithTimeout("127.0.0.1", port, limit), &redisFree);
    if (!context || context->err != 0 || redisSetTimeout(context.get(), limit) != REDIS_OK ||
        !command(*context, {"AUTH", password}) || !command(*context, {"PING"})) {
        return std::nullopt;
    }
    const auto info = command(*context, {"INFO", "replication"});
    return info ? std::optional(info->find("role:master") != std::string::npos) : std::nullopt;
}

bool portal_sees_all_in_sync(std::uint16_t admin_port, std::size_t nodes) {
    net::HttpRequest request;
    request.target = "/status.json";
    const auto answer = net::ask_once({"127.0.0.1", admin_port}, std::move(request), kPatience);
    try {
        const json::value status = json::parse(answer.body);
        const json::object& topology = status.at("topology").as_object();
        const json::array& seen = topology.at("nodes").as_array();
        const auto in_sync = std::count_if(seen.begin(), seen.end(),
                                           [](const json::value& node) { return node.at("in_sync").as_bool(); });
        return !topology.at("leader").as_string().empty() && static_cast<std::size_t>(in_sync) == nodes;
    } catch (const std::exception&) {
        return false;  // not the answer of a portal that is up
    }
}

bool portal_answers(std::uint16_t port, const std::filesystem::path& ca_file, const std::string& password) {
    PortalClient client(port, ClientTrust::of(ca_file), password, static_cast<int>(kPatience.count()));
    const auto answer = client.ask({"PING"});
    return answer && answer->text == "PONG";
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
