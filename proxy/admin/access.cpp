#include "admin/access.hpp"

#include "config/secret_files.hpp"
#include "observe/log.hpp"

#include <array>
#include <random>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace portal::admin {
namespace {

namespace http = boost::beast::http;

/// Takes as long for any two texts: hashes are of one length, and tell nothing of how far the texts agree.
bool same_secret(std::string_view one, std::string_view other) {
    using Hash = std::array<unsigned char, SHA256_DIGEST_LENGTH>;
    const auto hash = [](std::string_view text) {
        Hash made{};
        SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), made.data());
        return made;
    };
    const Hash first = hash(one);
    const Hash second = hash(other);
    return CRYPTO_memcmp(first.data(), second.data(), first.size()) == 0;
}

/// What stands behind "Bearer" (RFC 6750), whose case does not matter.
std::string_view bearer_of(const Request& request) {
    constexpr std::string_view kScheme = "bearer ";
    const auto found = request.find(http::field::authorization);
    if (found == request.end()) {
        return {};
    }
    const std::string_view value(found->value().data(), found->value().size());
    return boost::beast::iequals(value.substr(0, kScheme.size()), kScheme) ? value.substr(kScheme.size())
                                                                           : std::string_view();
}

/// Browsers send Origin with every POST, of whatever page, also of one whose name was made to point here.
bool is_of_a_web_page(const Request& request) {
    return request.find(http::field::origin) != request.end() || request.find("Sec-Fetch-Site") != request.end();
}

struct Refusal {
    http::status status;
    std::string sentence;
};

std::optional<Refusal> refuse_over_tcp(const ChangeAccess& access, const Request& request) {
    if (!access.token_file) {
        return Refusal{
            http::status::forbidden,
            access.socket
                ? fmt::format(
                      "Changes are taken over the socket unix:{} of this process, by its user on its machine or "
                      "in its pod; to take them over TCP, set {}.token_file.",
                      *access.socket, access.section)
                : fmt::format("Changes need a login, and none is configured: set {0}.socket, a unix socket, or "
                              "{0}.token_file, a bearer token.",
                              access.section)};
    }
    const auto given = bearer_of(request);
    if (given.empty()) {
        return Refusal{http::status::unauthorized,
                       fmt::format("A change needs the token of {}.token_file: give it with --token-file, or as "
                                   "`Authorization: Bearer ...`.",
                                   access.section)};
    }
    auto token = config::read_token(*access.token_file);
    if (!token.value) {
        observe::log_error("admin", "the token file cannot be used",
                           {{"file", *access.token_file}, {"reason", token.complaint}});
        return Refusal{http::status::forbidden,
                       fmt::format("The file of {}.token_file cannot be used; the log says why.", access.section)};
    }
    const bool same = same_secret(given, *token.value);
    OPENSSL_cleanse(token.value->data(), token.value->size());
    if (!same) {
        return Refusal{http::status::unauthorized,
                       fmt::format("The token is not that of {}.token_file.", access.section)};
    }
    return std::nullopt;
}

std::optional<Refusal> refuse_over_socket(const ChangeAccess& access, const Request& request) {
    const auto meant = request.find(kInstanceHeader);
    if (meant != request.end() && meant->value() != access.instance) {
        return Refusal{http::status::misdirected_request, "This is another process than the one that was meant."};
    }
    return std::nullopt;
}

std::optional<Refusal> refuse(const ChangeAccess& access, const Request& request, const Peer& peer) {
    if (is_of_a_web_page(request)) {
        return Refusal{http::status::forbidden, "Changes are not accepted from web pages: use redis-portal or curl."};
    }
    return peer.address ? refuse_over_tcp(access, request) : refuse_over_socket(access, request);
}

}  // namespace

std::string ChangeAccess::new_instance() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}", random(), random());
}

std::optional<Response> refuse_change(const ChangeAccess& access, const Request& request, const Peer& peer) {
    const auto refusal = refuse(access, request, peer);
    if (!refusal) {
        return std::nullopt;
    }
    observe::log_repeated(observe::LogLevel::warn, "admin", "change refused", {"peer", peer.text()},
                          {{"path", std::string(path_of(request))}, {"reason", refusal->sentence}});
    boost::json::object content{{"error", refusal->sentence}};
    if (access.socket) {
        content["socket"] = *access.socket;
        content["instance"] = access.instance;
    }
    auto response = typed_response(refusal->status, "application/json", boost::json::serialize(content) + "\n");
    if (refusal->status == http::status::unauthorized) {
        response.set(http::field::www_authenticate, "Bearer");
    }
    return response;
}

}  // namespace portal::admin
