// Tokens that were found good, by their SHA-256, until they end: after a restart thousands of clients log in at once,
// many with the same token. One thread.
#pragma once

#include "identity/verifier.hpp"

#include <string>
#include <string_view>
#include <unordered_map>

namespace portal::identity {

class VerdictCache {
  public:
    /// Null: there are no logins by token. Forgets all that is known.
    void use(VerifierPtr verifier);
    [[nodiscard]] const VerifierPtr& verifier() const noexcept { return verifier_; }

    /// As Verifier::judge().
    [[nodiscard]] Verdict judge(std::string_view secret, Time now);
    [[nodiscard]] std::size_t size() const noexcept { return known_.size(); }
    /// Beyond it, those that have ended are forgotten, or else all.
    static constexpr std::size_t kMost = 2048;

  private:
    void make_room(Time now);

    VerifierPtr verifier_;
    std::unordered_map<std::string, Verdict> known_;
};

}  // namespace portal::identity
