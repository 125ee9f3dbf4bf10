#include "identity/key_set.hpp"

#include "identity/base64url.hpp"
#include "identity/json.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>

namespace portal::identity {
namespace json = boost::json;

namespace {

constexpr std::size_t kMostKeys = 64;

std::string bytes_at(const json::object& key, std::string_view field) {
    const json::string* text = text_of(key, field);
    return text != nullptr ? decode_base64url(view_of(*text)).value_or("") : "";
}

bool says(const json::object& key, std::string_view field, std::string_view word) {
    const json::string* text = text_of(key, field);
    return text != nullptr && view_of(*text) == word;
}

/// It does not say that it is for something else.
bool is_for_signatures(const json::object& key) {
    if (key.contains("use") && !says(key, "use", "sig")) {
        return false;
    }
    const json::value* uses = key.if_contains("key_ops");
    if (uses == nullptr) {
        return true;
    }
    const json::array* list = uses->if_array();
    return list != nullptr && std::ranges::any_of(*list, [](const json::value& use) {
               return use.is_string() && view_of(use.get_string()) == "verify";
           });
}

std::optional<PublicKey> public_key_of(const json::object& key) {
    if (!is_for_signatures(key)) {
        return std::nullopt;
    }
    std::optional<PublicKey> made;
    if (says(key, "kty", "RSA")) {
        made = PublicKey::rsa(bytes_at(key, "n"), bytes_at(key, "e"));
    } else if (says(key, "kty", "EC") && says(key, "crv", "P-256")) {
        made = PublicKey::p256(bytes_at(key, "x"), bytes_at(key, "y"));
    } else if (says(key, "kty", "OKP") && says(key, "crv", "Ed25519")) {
        made = PublicKey::ed25519(bytes_at(key, "x"));
    }
    if (made && key.contains("alg") && !says(key, "alg", name_of(made->algorithm()))) {
        return std::nullopt;
    }
    return made;
}

KeySet::Read wrong(std::string complaint) {
    return {std::nullopt, std::move(complaint)};
}

}  // namespace

KeySet::Read KeySet::read(std::string_view text) {
    const auto document = read_object(text);
    const json::value* list = document ? document->if_contains("keys") : nullptr;
    if (list == nullptr || !list->is_array()) {
        return wrong("is no JWKS: a JSON object with a list `keys` is expected");
    }
    if (list->get_array().size() > kMostKeys) {
        return wrong("holds more than " + std::to_string(kMostKeys) + " keys");
    }
    KeySet set;
    for (const json::value& each : list->get_array()) {
        const json::object* key = each.if_object();
        if (key == nullptr) {
            return wrong("is no JWKS: something in its list `keys` is no key");
        }
        if (key->contains("d") || key->contains("k")) {
            return wrong("holds a secret key; give the portal public keys only, and replace that key");
        }
        if (auto made = public_key_of(*key)) {
            const json::string* id = text_of(*key, "kid");
            set.keys_.push_back({id != nullptr ? std::string(view_of(*id)) : "", std::move(*made)});
        } else {
            ++set.left_out_;
        }
    }
    if (set.keys_.empty()) {
        return wrong(
            "holds no key that can be used: RSA of 2048 to 8192 bits, EC P-256 or OKP Ed25519, for signatures");
    }
    return {std::move(set), {}};
}

KeySet::Found KeySet::find(const std::optional<std::string>& id, Algorithm algorithm) const noexcept {
    Found found{nullptr, Miss::unknown};
    for (const Key& each : keys_) {
        if (id && each.id != *id) {
            continue;
        }
        if (each.key.algorithm() != algorithm) {
            found.miss = found.key == nullptr ? Miss::other_algorithm : found.miss;
        } else if (found.key != nullptr) {
            return {nullptr, Miss::ambiguous};
        } else {
            found = {&each.key, Miss::none};
        }
    }
    return found;
}

bool KeySet::holds(std::string_view thumbprint) const noexcept {
    return std::ranges::any_of(keys_, [&](const Key& each) { return each.key.thumbprint() == thumbprint; });
}

}  // namespace portal::identity
