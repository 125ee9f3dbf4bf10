#include "upstream/link_state.hpp"

namespace portal::upstream {

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
            return !in_transaction_ || reply.type() == '*' || reply.type() == '_';
    }
    return true;
}

bool LinkState::answered(Effect effect, const resp::ReplyHead& reply, bool free_text) noexcept {
    if (effect == Effect::none && !in_transaction_ && reply.type() != '+') {
        return true;  // nearly every reply
    }
    const bool failed = reply.is_error();
    const bool queued = reply.bytes().starts_with("+QUEUED\r\n");
    const bool never_queued = effect == Effect::multi || effect == Effect::exec || effect == Effect::discard;
    if (queued && (never_queued || !in_transaction_)) {
        return free_text && !never_queued;
    }
    if (!failed && !queued && !may_accept(effect, reply)) {
        return false;
    }
    switch (effect) {
        case Effect::none:
            // Inside a transaction everything is queued or refused; an answer says that it ended, and nobody knows how.
            tainted_ = tainted_ || (in_transaction_ && !failed && !queued);
            break;
        case Effect::lasting:
            tainted_ = tainted_ || !failed;
            break;
        case Effect::multi:
            in_transaction_ = in_transaction_ || !failed;
            break;
        case Effect::exec:
            if (!failed || reply.bytes().starts_with("-EXECABORT") ||
                reply.bytes().starts_with("-ERR EXEC without MULTI")) {
                watching_ = watching_ && reply.bytes().starts_with("-ERR EXEC without");
                in_transaction_ = false;
            } else {
                tainted_ = true;
            }
            break;
        case Effect::discard:
            if (!failed) {
                in_transaction_ = watching_ = false;
            } else if (reply.bytes().starts_with("-ERR DISCARD without MULTI")) {
                in_transaction_ = false;
            }
            break;
        case Effect::watch:
            watching_ = watching_ || !failed;
            break;
        case Effect::unwatch:
            watching_ = watching_ && (failed || queued);
            break;
    }
    return true;
}

}  // namespace portal::upstream
