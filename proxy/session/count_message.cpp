#include "session/count_message.hpp"

#include "upstream/subscriber_counts.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace portal::session {

namespace {

constexpr std::string_view kVersion = "1";
/// Longer than any counted_name(): of a node, and of a channel.
constexpr std::size_t kLongestName = upstream::SubscriberCounts::kLongestName;

CountKey hmac(std::string_view bytes, const unsigned char* key, std::size_t size) {
    CountKey out{};
    unsigned int length = out.size();
    ::HMAC(::EVP_sha256(), key, static_cast<int>(size), reinterpret_cast<const unsigned char*>(bytes.data()),
           bytes.size(), out.data(), &length);
    return out;
}

void put_number(std::string& out, std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
        out += static_cast<char>((number >> shift) & 255U);
    }
}

/// Takes what put_number() and the like have written; nothing is there once too much was asked for.
class Reader {
  public:
    explicit Reader(std::string_view bytes) noexcept : rest_(bytes) {}
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

    std::string_view bytes(std::uint64_t size) noexcept {
        if (failed_ || size > rest_.size()) {
            failed_ = true;
            return {};
        }
        const std::string_view out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return out;
    }
    std::uint64_t number() noexcept {
        std::uint64_t out = 0;
        int shift = 0;
        for (const char byte : bytes(8)) {
            out |= static_cast<std::uint64_t>(static_cast<unsigned char>(byte)) << shift;
            shift += 8;
        }
        return out;
    }
    std::uint64_t number_up_to(std::uint64_t most) noexcept {
        const std::uint64_t out = number();
        failed_ = failed_ || out > most;
        return failed_ ? 0 : out;
    }

  private:
    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace

CountKey count_key(std::string_view secret) {
    return hmac("redis-portal subscriber counts", reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
}

std::string seal(const CountMessage& message, const CountKey& key) {
    std::string body(kVersion);
    body += message.sender;
    put_number(body, message.sequence);
    body += static_cast<char>((message.asks ? 1 : 0) + (message.whole ? 2 : 0));
    put_number(body, message.heard.size());
    for (const PortalId& each : message.heard) {
        body += each;
    }
    put_number(body, message.changes.size());
    for (const CountChange& each : message.changes) {
        put_number(body, each.surplus);
        put_number(body, each.name.size());
        body += each.name;
    }
    const CountKey mac = hmac(body, key.data(), key.size());
    return std::string(reinterpret_cast<const char*>(mac.data()), mac.size()) + body;
}

std::optional<CountMessage> unseal(std::string_view bytes, const CountKey& key) {
    if (bytes.size() < key.size()) {
        return std::nullopt;
    }
    const std::string_view body = bytes.substr(key.size());
    const CountKey mac = hmac(body, key.data(), key.size());
    if (::CRYPTO_memcmp(mac.data(), bytes.data(), mac.size()) != 0) {
        return std::nullopt;
    }
    Reader in(body);
    CountMessage out;
    if (in.bytes(kVersion.size()) != kVersion) {
        return std::nullopt;
    }
    out.sender = in.bytes(kPortalId);
    out.sequence = in.number();
    const std::string_view flags = in.bytes(1);
    if (in.failed() || (flags[0] & ~3) != 0) {
        return std::nullopt;
    }
    out.asks = (flags[0] & 1) != 0;
    out.whole = (flags[0] & 2) != 0;
    for (std::uint64_t left = in.number_up_to(kMostHeard); left > 0 && !in.failed(); --left) {
        out.heard.emplace_back(in.bytes(kPortalId));
    }
    for (std::uint64_t left = in.number_up_to(kMostChanges); left > 0 && !in.failed(); --left) {
        const auto surplus = static_cast<std::uint32_t>(in.number_up_to(UINT32_MAX));
        out.changes.push_back({std::string(in.bytes(in.number_up_to(kLongestName))), surplus});
    }
    return in.failed() || !in.at_end() ? std::nullopt : std::optional(std::move(out));
}

}  // namespace portal::session
