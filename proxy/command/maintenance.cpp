#include "command/maintenance.hpp"

#include "resp/reply_writer.hpp"
#include "resp/words.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace portal::command {

namespace {

using resp::Protocol;

/// The only shard, as a list in JSON. Jedis drops the push when it is missing, and Lettuce warns.
constexpr std::string_view kShards = R"(["1"])";
/// RFC 1035.
constexpr std::size_t kLongestName = 253;

std::optional<MovingEndpoint> endpoint_of(std::string_view word) {
    constexpr std::array<std::pair<std::string_view, MovingEndpoint>, 5> kWords{
        {{"internal-ip", MovingEndpoint::internal_ip},
         {"internal-fqdn", MovingEndpoint::internal_fqdn},
         {"external-ip", MovingEndpoint::external_ip},
         {"external-fqdn", MovingEndpoint::external_fqdn},
         {"none", MovingEndpoint::none}}};
    const auto found =
        std::ranges::find_if(kWords, [word](const auto& each) { return resp::is_word(word, each.first); });
    return found == kWords.end() ? std::nullopt : std::optional(found->second);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Four numbers; such a name is no name of a host.
bool is_address(std::string_view host) {
    return std::ranges::count(host, '.') == 3 &&
           std::ranges::all_of(host, [](char c) { return is_digit(c) || c == '.'; });
}

/// What clients can take apart again: a peer may have sent it.
bool is_host(std::string_view host) {
    const auto allowed = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
    };
    return !host.empty() && host.size() <= kLongestName && std::ranges::all_of(host, allowed);
}

MoveTo to(std::string_view host, std::uint16_t port) {
    return is_host(host) && port != 0 ? MoveTo{true, fmt::format("{}:{}", host, port)} : MoveTo{};
}

void write_notice(std::string& out, std::size_t words, std::string_view name, std::int64_t number) {
    resp::write_push_header(out, words, Protocol::resp3);
    resp::write_bulk(out, name);
    resp::write_integer(out, number);
}

}  // namespace

MaintenanceRequest read_maintenance(const resp::RequestView& request) {
    if (resp::is_word(request.arg(2), "off") && request.argc() == 3) {
        return {};
    }
    if (!resp::is_word(request.arg(2), "on")) {
        return {MovingEndpoint::not_asked, "ERR syntax error"};
    }
    if (request.argc() == 3) {
        return {MovingEndpoint::any, {}};
    }
    if (request.argc() != 5 || !resp::is_word(request.arg(3), "moving-endpoint-type")) {
        return {MovingEndpoint::not_asked, "ERR syntax error"};
    }
    const auto endpoint = endpoint_of(request.arg(4));
    if (!endpoint) {
        return {MovingEndpoint::not_asked,
                "ERR moving-endpoint-type is internal-ip, internal-fqdn, external-ip, external-fqdn or none"};
    }
    return {*endpoint, {}};
}

MoveTo move_to(MovingEndpoint wanted, const KnownEndpoints& known) {
    const bool balanced = is_address(known.balanced_address);
    const bool advertised = !known.advertised_host.empty();
    switch (wanted) {
        case MovingEndpoint::not_asked:
            return {};
        case MovingEndpoint::none:
            return {true, {}};
        case MovingEndpoint::internal_ip:
        case MovingEndpoint::external_ip:
            if (is_address(known.advertised_host)) {
                return to(known.advertised_host, known.advertised_port);
            }
            return balanced ? to(known.balanced_address, known.balanced_port) : MoveTo{};
        default:
            break;
    }
    // The port where this portal listens may be another than that of the service before it.
    const std::uint16_t port = advertised ? known.advertised_port : balanced ? known.balanced_port : std::uint16_t{0};
    return to(is_host(known.server_name) ? known.server_name : known.advertised_host, port);
}

std::string failing_over(std::int64_t number) {
    std::string out;
    write_notice(out, 4, "FAILING_OVER", number);
    resp::write_integer(out, 0);  // it has begun
    resp::write_bulk(out, kShards);
    return out;
}

std::string failed_over(std::int64_t number) {
    std::string out;
    write_notice(out, 3, "FAILED_OVER", number);
    resp::write_bulk(out, kShards);
    return out;
}

std::string moving(std::int64_t number, std::int64_t seconds, std::string_view address) {
    std::string out;
    write_notice(out, 4, "MOVING", number);
    resp::write_integer(out, seconds);
    if (address.empty()) {
        resp::write_null(out, Protocol::resp3);
    } else {
        resp::write_bulk(out, address);
    }
    return out;
}

}  // namespace portal::command
