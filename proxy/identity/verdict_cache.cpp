#include "identity/verdict_cache.hpp"

#include <utility>

#include <openssl/sha.h>

namespace portal::identity {

namespace {

std::string digest_of(std::string_view text) {
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
    return digest;
}

}  // namespace

void VerdictCache::use(VerifierPtr verifier) {
    verifier_ = std::move(verifier);
    known_.clear();
}

Verdict VerdictCache::judge(std::string_view secret, Time now) {
    if (verifier_ == nullptr || !looks_like_token(secret)) {
        return {};
    }
    if (secret.size() > kLongestToken) {
        return verifier_->judge(secret, now);
    }
    std::string digest = digest_of(secret);
    if (const auto found = known_.find(digest); found != known_.end()) {
        if (now < found->second.identity->accepted_until) {
            return found->second;
        }
        known_.erase(found);
    }
    Verdict verdict = verifier_->judge(secret, now);
    if (verdict.kind == Verdict::Kind::accepted) {
        make_room(now);
        known_.emplace(std::move(digest), verdict);
    }
    return verdict;
}

void VerdictCache::make_room(Time now) {
    if (known_.size() < kMost) {
        return;
    }
    std::erase_if(known_, [&](const auto& each) { return now >= each.second.identity->accepted_until; });
    if (known_.size() >= kMost) {
        known_.clear();
    }
}

}  // namespace portal::identity
