#include "upstream/link_state.hpp"

namespace portal::upstream {

/// What a command of that effect does to what the connection carries when it is answered so. Nothing, where it is not
/// listed. An answer to an ordinary command inside a transaction says that this has ended, and nobody knows how.
struct LinkState::Change {
    Effect effect;
    Outcome outcome;
    std::uint8_t begins;
    std::uint8_t ends;
};

constexpr LinkState::Change LinkState::kChanges[] = {
    {Effect::none, Outcome::accepted, kTainted, 0},
    {Effect::lasting, Outcome::accepted, kTainted, 0},
    {Effect::lasting, Outcome::queued, kTainted, 0},
    {Effect::multi, Outcome::accepted, kTransaction, 0},
    {Effect::exec, Outcome::accepted, 0, kTransaction | kWatch},
    {Effect::exec, Outcome::aborted, 0, kTransaction | kWatch},
    {Effect::exec, Outcome::without_multi, 0, kTransaction},
    {Effect::exec, Outcome::refused, kTainted, 0},
    {Effect::discard, Outcome::accepted, 0, kTransaction | kWatch},
    {Effect::discard, Outcome::without_multi, 0, kTransaction},
    {Effect::watch, Outcome::accepted, kWatch, 0},
    {Effect::watch, Outcome::queued, kWatch, 0},
    {Effect::unwatch, Outcome::accepted, 0, kWatch},
};

LinkState::Outcome LinkState::outcome_of(Effect effect, const resp::ReplyHead& reply) noexcept {
    if (!reply.is_error()) {
        return is_queued(reply) ? Outcome::queued : Outcome::accepted;
    }
    const std::string_view error = reply.bytes();
    if (effect == Effect::exec && error.starts_with("-EXECABORT")) {
        return Outcome::aborted;
    }
    const bool none = (effect == Effect::exec && error.starts_with("-ERR EXEC without MULTI")) ||
                      (effect == Effect::discard && error.starts_with("-ERR DISCARD without MULTI"));
    return none ? Outcome::without_multi : Outcome::refused;
}

/// Whether a node that accepts a command of that effect says so in these words.
bool LinkState::may_accept(Effect effect, const resp::ReplyHead& reply) const noexcept {
    switch (effect) {
        case Effect::none:
        case Effect::lasting:
            return true;
        case Effect::multi:
        case Effect::discard:
        case Effect::watch:
        case Effect::unwatch:
            return reply.type() == '+' && reply.bytes().ends_with("+OK\r\n");
        case Effect::exec:
            // Where the answer is more than one frame, the first of them has ended the transaction.
            return !in_transaction() || reply.type() == '*' || reply.type() == '_';
    }
    return true;
}

bool LinkState::judge(Effect effect, const resp::ReplyHead& reply, bool free_text) noexcept {
    const Outcome outcome = outcome_of(effect, reply);
    const bool never_queued = effect == Effect::multi || effect == Effect::exec || effect == Effect::discard;
    if (outcome == Outcome::queued && (never_queued || !in_transaction())) {
        return free_text && !never_queued;
    }
    if (outcome == Outcome::accepted && !may_accept(effect, reply)) {
        return false;
    }
    if (effect == Effect::exec && outcome == Outcome::refused && !in_transaction()) {
        return true;  // its MULTI was refused as well: there is nothing that it could have left open
    }
    for (const Change& each : kChanges) {
        if (each.effect == effect && each.outcome == outcome) {
            carried_ = static_cast<std::uint8_t>((carried_ & ~each.ends) | each.begins);
        }
    }
    return true;
}

}  // namespace portal::upstream
