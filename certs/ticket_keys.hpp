// Keys that seal TLS session tickets. TicketKeys is shared by all threads of a process and never changes; each
// TlsContext holds a TicketKeyRing of its own, so a handshake takes no lock. Portals with the same secret accept each
// other's tickets.
#pragma once

#include "certs/error.hpp"
#include "certs/openssl_handles.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace portal::certs {

/// What seals the tickets of one epoch; derived, and wiped when it goes.
struct TicketKey {
    std::array<unsigned char, 16> name{};  // travels in clear in front of the ticket
    std::array<unsigned char, 32> cipher_key{};
    std::array<unsigned char, 32> mac_key{};

    TicketKey() = default;
    TicketKey(const TicketKey&) = default;
    TicketKey& operator=(const TicketKey&) = default;
    ~TicketKey();
};

/// Epoch = Unix time / rotation. The key of an epoch is HKDF-SHA256(secret, label and epoch), so nothing is exchanged
/// and nothing stored, and portals whose clocks differ by less than a rotation understand each other.
class TicketKeys {
  public:
    using Clock = std::function<std::chrono::system_clock::time_point()>;
    static constexpr std::chrono::hours kDefaultRotation{12};
    static constexpr std::size_t kMinSecretSize = 32;  // bytes

    /// A secret of this process alone: tickets of other processes and of earlier runs are declined.
    static Result<std::shared_ptr<const TicketKeys>> random(std::chrono::seconds rotation = kDefaultRotation,
                                                            Clock clock = std::chrono::system_clock::now);
    static Result<std::shared_ptr<const TicketKeys>> from_secret(std::string_view secret,
                                                                 std::chrono::seconds rotation = kDefaultRotation,
                                                                 Clock clock = std::chrono::system_clock::now);

    TicketKeys(const TicketKeys&) = delete;
    TicketKeys& operator=(const TicketKeys&) = delete;
    ~TicketKeys();

    std::uint64_t current_epoch() const;
    std::chrono::seconds rotation() const { return rotation_; }
    /// Computed on each call, in `library`.
    std::optional<TicketKey> derive(std::uint64_t epoch, OSSL_LIB_CTX* library) const;

  private:
    TicketKeys(std::vector<unsigned char> secret, std::chrono::seconds rotation, Clock clock)
        : secret_(std::move(secret)), rotation_(rotation), clock_(std::move(clock)) {}

    std::vector<unsigned char> secret_;
    std::chrono::seconds rotation_;
    Clock clock_;
};

/// The keys of the previous, current and next epoch, for one thread. Renews itself as time goes.
class TicketKeyRing {
  public:
    TicketKeyRing(std::shared_ptr<const TicketKeys> keys, OSSL_LIB_CTX* library);

    /// Makes `context` seal its tickets with this ring, which must live as long as the context does.
    void attach(SSL_CTX* context);

    /// Null when the keys cannot be derived.
    const TicketKey* sealing();
    struct Opening {
        const TicketKey* key;
        bool current;  // false: hand the client a fresh ticket
    };
    std::optional<Opening> opening(std::span<const unsigned char, 16> name);

  private:
    static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                         int sealing_ticket);
    bool refresh();
    bool prepare(const TicketKey& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                 bool encrypt) const;

    std::shared_ptr<const TicketKeys> keys_;
    OSSL_LIB_CTX* library_;
    CipherHandle cipher_;  // fetched once: looking it up by name takes locks
    std::optional<std::uint64_t> epoch_;
    std::array<TicketKey, 3> ring_;  // previous, current, next
};

}  // namespace portal::certs
