// The keys of one issuer, out of the text of a JWKS (RFC 7517). Immutable and shared by threads.
#pragma once

#include "identity/public_key.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::identity {

class KeySet {
  public:
    struct Key {
        std::string id;  // empty: it has none
        PublicKey key;
    };

    /// Why a key is none for a token.
    enum class Miss : std::uint8_t { none, unknown, other_algorithm, ambiguous };
    struct Found {
        const PublicKey* key = nullptr;
        Miss miss = Miss::none;
    };

    /// The key that a token's header asks for. Without `id` there must be exactly one of that algorithm.
    [[nodiscard]] Found find(const std::optional<std::string>& id, Algorithm algorithm) const noexcept;
    [[nodiscard]] bool holds(std::string_view thumbprint) const noexcept;
    [[nodiscard]] const std::vector<Key>& keys() const noexcept { return keys_; }
    /// Those that no signature of a token can be checked with: for encryption, of another curve and the like.
    [[nodiscard]] std::size_t left_out() const noexcept { return left_out_; }

    struct Read;
    /// Refuses what holds private parts of a key, and what holds no usable key.
    [[nodiscard]] static Read read(std::string_view text);

  private:
    std::vector<Key> keys_;
    std::size_t left_out_ = 0;
};

struct KeySet::Read {
    std::optional<KeySet> keys;
    std::string complaint;
};

}  // namespace portal::identity
