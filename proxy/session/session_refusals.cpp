// Session: answers by which a node says that it does not lead (any more), or that it loads its data. What was answered
// so was not executed: it waits, with all that came behind it, and goes to the next leader.
#include "command/block_timeout.hpp"
#include "conversation/client_errors.hpp"
#include "conversation/leading_replies.hpp"
#include "session/session.hpp"

#include <utility>

namespace portal::session {

using command::Handling;

namespace {

constexpr std::string_view kNoReplicas = ":0\r\n";

}  // namespace

/// Judges a reply that is an error, or that came while earlier requests wait for a leader. True: the request waits,
/// too, and its reply is dropped. False: the client gets `bytes`, which may be others now.
bool Session::take_back(upstream::PendingRequest& request, const Row& row, std::string_view& bytes, bool complete,
                        std::string_view command) {
    if (request.unit) {
        return apply(transaction_.judge_unit(row, bytes, recovery_.precedes(request.sequence)), request, bytes,
                     command);
    }
    if (transaction_.concerns(request, row, bytes)) {
        return apply(transaction_.judge_own(row, bytes, state_.protocol), request, bytes, command);
    }
    if (row.handling == Handling::wait && bytes.starts_with("-ERR WAIT cannot be used with replica")) {
        bytes = kNoReplicas;
        return false;
    }
    if (says_not_leading(bytes)) {
        if (!may_say_anything(row)) {
            context_.links.doubt_leader(error_words(bytes));
        }
        if (request.streamed) {
            static const std::string lost = resp::error(client_errors::kLargeLost);
            bytes = lost;
            return false;
        }
        if (row.handling == Handling::multi && order_.in_flight() > 1) {
            return false;  // what was sent behind it is judged without it by now
        }
        keep_refused(request, command, bytes, false);
        return true;
    }
    return !recovery_.empty() && recovery_.waiting().front().request.sequence <= request.sequence &&
           take_behind(request, row, bytes, complete, command);
}

/// The answer to what came behind something that waits for a leader. What only reads is asked again behind that; what
/// was executed stays, and then nothing from before it may be executed any more.
bool Session::take_behind(upstream::PendingRequest& request, const Row& row, std::string_view bytes, bool complete,
                          std::string_view command) {
    if (transaction_.contains(request) && row.handling != Handling::exec) {
        return false;  // it is only queued; where what waits must be executed first, the transaction is begun anew
    }
    const bool reads = request.repeatable && (row.handling == Handling::plain || row.handling == Handling::blocking);
    if (reads && !request.streamed) {
        keep_refused(request, command, {}, true);
        if (complete) {
            recovery_.keep_answer(request.sequence, bytes);
        } else {
            request.sink.reset();  // what else comes of this reply is swallowed by the link
        }
        return true;
    }
    if (row.write && bytes.front() != '-') {
        give_up_refused();
    }
    if (!complete && !order_.is_front(request.sequence)) {
        close(observe::Closed::backend);  // there is no room to keep a large reply until its turn comes
    }
    return closed_;
}

/// What a transaction makes of an answer. True: the request waits, and its reply is dropped.
bool Session::apply(const Verdict& verdict, upstream::PendingRequest& request, std::string_view& bytes,
                    std::string_view command) {
    if (verdict.settles_earlier) {
        give_up_refused();
    }
    if (verdict.doubts_leader) {
        context_.links.doubt_leader(error_words(bytes));
    }
    if (verdict.ends_link && pinned_) {
        pinned_->end("the node goes on queueing what the client has discarded");
    }
    if (verdict.again) {
        const std::string refusal(bytes);
        keep_copy(request.sequence, refusal, request.unit);
        keep_refused(request, command, refusal, false);
        return true;
    }
    bytes = verdict.bytes;
    return false;
}

/// `refusal` empty: it was answered, but is asked again behind one that was refused.
void Session::keep_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal,
                           bool sent) {
    order_.note_back(request.size);
    request.losses = static_cast<std::uint8_t>(request.losses + (refusal.empty() ? 0 : 1));
    recovery_.keep({request,
                    std::string(command),
                    sent,
                    std::string(refusal),
                    {},
                    context_.topology->epoch,
                    {},
                    context_.turn.now()});
    recovery_.note_due();
    context_.turn.mark(*this);
}

void Session::give_up_refused() {
    carry_out(recovery_.settle_refused());
}

/// A script can say READONLY by itself, after it has changed something. Unless another node leads now, it is taken at
/// its word, and not run again: then it is answered here.
bool Session::still_refused(const Lost& lost) {
    if (!is_script_at_its_word(lost)) {
        return false;
    }
    order_.finish(lost.request.sequence, lost.request.muted ? std::string() : lost.refusal, output_);
    return true;
}

bool Session::is_script_at_its_word(const Lost& lost) const noexcept {
    return Recovery::may_lie(lost, transaction_) && lost.epoch == context_.topology->epoch;
}

/// A blocking command with the time that remains of its timeout. The oldest one has waited; those behind it have not
/// begun to.
std::string Session::rearmed(const Row& row, const std::string& command) {
    return command::with_less_timeout(row, resp::RequestView(command), order_.take_blocked_time(context_.turn.now()));
}

}  // namespace portal::session
