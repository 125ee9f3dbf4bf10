// Session: a transaction that is not over when its link is lost, or when its node says that it does not lead. As long
// as no EXEC may have run, nothing of it was executed: it is sent again as it was, to the next leader, and the client
// need not notice. With WATCH that would be a guess, so EXEC answers nil; and where no copy of it is kept, EXECABORT.
#include "session/client_errors.hpp"
#include "session/leading_replies.hpp"
#include "session/link_effect.hpp"
#include "session/lost_unit.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portal::session {

using command::Handling;
using command::Transaction;

namespace {

/// Links that may be lost under one transaction; more, and it may be what ends them.
constexpr std::uint8_t kTransactionRepeats = 3;
constexpr std::string_view kQueued = "+QUEUED\r\n";
constexpr std::string_view kOk = "+OK\r\n";

}  // namespace

void Session::begin_transaction() {
    state_.transaction = Transaction::open;
    state_.doubtful = false;
    transaction_slot_ = replies_.next();
    transaction_repeats_ = 0;
    denied_in_transaction_ = false;
    queued_.clear();
    copy_.clear();
}

void Session::forget_transaction() {
    state_.transaction = Transaction::none;
    state_.doubtful = false;
    state_.watching = state_.watch_broken = false;
    queued_.clear();
    copy_.clear();
}

/// MULTI, EXEC or DISCARD was answered, on the pinned link, and nothing of the kind is behind it, but for the EXEC of a
/// MULTI. Any of them may be refused, so whether a transaction is open is what the link knows from the answer.
void Session::note_transaction() {
    if (state_.in_transaction() && state_.transaction != Transaction::broken && !node_queues()) {
        state_.transaction = Transaction::none;
        queued_.clear();
    }
}

/// What begins or ends a WATCH was answered. `unwatches`: in a way that ends every WATCH.
void Session::note_watch(bool unwatches) {
    state_.watching = node_watches();
    state_.watch_broken = state_.watch_broken && !unwatches;
}

/// The node has accepted a MULTI of this client, and nothing since that ends it.
bool Session::node_queues() const noexcept {
    return pinned_ && pinned_->carries().in_transaction();
}

/// The node watches keys for this client.
bool Session::node_watches() const noexcept {
    return pinned_ && pinned_->carries().watching();
}

/// It ends here without the node's consent, which forgets it, too.
void Session::end_transaction() {
    forget_transaction();
    if (pinned_) {
        submit_end("DISCARD");
    }
}

/// Its link is gone: what the client still adds to it is answered, and EXEC fails.
void Session::break_transaction() {
    if (!executed_) {
        queued_.clear();
    }
    copy_.clear();
    if (state_.transaction == Transaction::open) {
        state_.transaction = Transaction::broken;
    } else if (state_.transaction == Transaction::exec_sent) {
        state_.transaction = Transaction::none;
    }
}

/// `refused` waited for a leader in vain. What of the open transaction is among it will never be sent.
void Session::give_up_transaction(const LostRequests& refused) {
    bool concerned = false;
    bool over = false;
    for (const Lost& each : refused) {
        const Handling handling = command::row_at(each.request.tag).handling;
        concerned = concerned || is_inside(each.request);
        over = over || (is_inside(each.request) &&
                        (ends_transaction(handling) || (handling == Handling::multi && !each.request.silent)));
    }
    if (concerned) {
        break_transaction();
    }
    if (over) {
        state_.transaction = Transaction::none;
    }
}

/// True of the requests of the transaction on the pinned link, from MULTI to EXEC.
bool Session::is_inside(const upstream::PendingRequest& request) const noexcept {
    return state_.in_transaction() && !request.unit && request.sequence >= transaction_slot_ &&
           request.sequence != kNoSlot;
}

/// What was answered of the open transaction may be sent once more.
bool Session::copy_stands() const noexcept {
    return state_.in_transaction() && !state_.watch_broken && !denied_in_transaction_ && queued_.own().empty() &&
           copy_.whole();
}

/// The open transaction's link is lost; `came_back` was not answered. True: together with the copy that is all of it,
/// and no EXEC was sent.
bool Session::can_send_again(const LostRequests& came_back) const {
    const auto is_exec = [](const Lost& each) { return command::row_at(each.request.tag).handling == Handling::exec; };
    const auto prevents = [&](const Lost& each) {
        return is_inside(each.request) &&
               (each.request.streamed || (is_exec(each) && each.sent && each.refusal.empty()));
    };
    if (transaction_repeats_ >= kTransactionRepeats) {
        return false;
    }
    const bool begins = !copy_.empty() || std::ranges::any_of(came_back, opens_transaction);
    const bool goes_on = state_.transaction == Transaction::open ||
                         (state_.transaction == Transaction::exec_sent && std::ranges::any_of(came_back, is_exec));
    return copy_stands() && begins && goes_on && std::ranges::none_of(came_back, prevents);
}

/// A MULTI on the pinned link.
bool Session::opens_transaction(const Lost& lost) {
    return !lost.request.unit && command::row_at(lost.request.tag).handling == Handling::multi;
}

/// A command of a transaction that travels whole was answered, or is lost. `begins`: if it is MULTI, a transaction has
/// begun, or will. One that the node has refused is none, and what is left of it are commands as any others.
void Session::follow_unit(upstream::PendingRequest& request, const Row& row, bool begins) noexcept {
    if (row.handling == Handling::multi) {
        unit_begun_ = begins;
    }
    request.unit = unit_begun_;
}

/// `command` of a transaction was answered, EXEC not yet.
void Session::note_queued(const Row& row, std::string_view bytes, std::string_view command) {
    if (row.handling == Handling::multi) {
        if (bytes.front() == '-') {
            return;  // it has not begun, and goes on alone if it is sent again
        }
        copy_.clear();
    }
    const bool refused = says_not_leading(bytes);
    copy_.add(command, row.write, refused);
    if (refused) {
        context_.links.doubt_leader(error_words(bytes));
    } else if (bytes.front() == '-') {
        copy_.spoil();  // the next node may think otherwise, and run what is left
    }
}

/// What was answered of a transaction is sent again, before its requests with `slot` and later ones; the client hears
/// nothing of it.
void Session::keep_copy(Slot slot, std::string_view refusal, bool unit) {
    resp::RequestScanner scanner(context_.limits);
    const std::string frames = copy_.take();
    std::vector<Lost> copied;
    std::string_view rest = frames;
    while (!rest.empty()) {
        const resp::ScanResult each = scanner.scan(rest);
        if (each.status != resp::ScanStatus::complete) {
            break;  // cannot be: the frames were whole when they were sent
        }
        const std::string_view frame = rest.substr(0, each.size);
        upstream::PendingRequest again;
        again.sink = upstream::ReplySinkPtr(this);
        again.sequence = slot;
        again.tag = static_cast<std::uint32_t>(command::index_of(command::classify(resp::RequestView(frame))));
        again.unit = unit;
        again.silent = true;
        again.effect = effect_of(command::row_at(again.tag).handling);
        copied.push_back(
            {std::move(again), std::string(frame), false, std::string(refusal), {}, context_.topology->epoch});
        rest.remove_prefix(each.size);
    }
    const auto at = std::ranges::find_if(lost_, [&](const Lost& each) { return each.request.sequence >= slot; });
    lost_.insert(at, std::make_move_iterator(copied.begin()), std::make_move_iterator(copied.end()));
}

/// EXEC's answer says that the node does not lead, or follows from such an answer before it.
bool Session::refuses_exec(std::string_view bytes) const noexcept {
    return exec_says_not_leading(bytes) || (copy_.refused() && bytes.starts_with("-EXECABORT"));
}

/// A transaction that travels in one piece. Its MULTI and what was queued got their answers already, or get them now;
/// if the node did not run it for not leading, or if it only read, EXEC decides that all of it is sent again.
bool Session::take_back_unit(upstream::PendingRequest& request, const Row& row, std::string_view& bytes,
                             std::string_view command) {
    if (row.handling != Handling::exec) {
        if (says_not_leading(bytes)) {
            bytes = kQueued;
        }
        return false;
    }
    const bool refused = refuses_exec(bytes);
    const bool behind = !lost_.empty() && lost_.front().request.sequence < request.sequence;
    const bool executed = bytes.front() == '*' && copy_.writes();
    const bool stays = !refused && (!behind || executed || bytes.front() != '*');
    if (!refused && behind && (executed || !copy_.whole())) {
        give_up_refused();
    }
    if (refused) {
        context_.links.doubt_leader(error_words(bytes));
    }
    if (stays || !copy_.whole()) {
        return false;
    }
    const std::string refusal(bytes);
    keep_copy(request.sequence, refusal, true);
    keep_refused(request, command, refusal, false);
    return true;
}

/// A request of the transaction on the pinned link was answered by a node that does not lead. What cannot be queued now
/// will be queued at the next leader; EXEC decides.
bool Session::take_back_pinned(upstream::PendingRequest& request, const Row& row, std::string_view& bytes,
                               std::string_view command) {
    if (row.handling == Handling::discard) {  // nothing of it will be run
        context_.links.doubt_leader(error_words(bytes));
        forget_transaction();
        pinned_->end("the node goes on queueing what the client has discarded");
        bytes = kOk;
        return false;
    }
    if (row.handling != Handling::exec) {
        bytes = kQueued;
        return false;
    }
    context_.links.doubt_leader(error_words(bytes));
    if (copy_stands() && !copy_.empty() && !state_.watching) {  // what came before EXEC is all answered
        const std::string refusal(bytes);
        keep_copy(request.sequence, refusal, false);
        keep_refused(request, command, refusal, false);
        return true;
    }
    static const std::string aborted = resp::error(client_errors::kExecAbort);
    bytes = !state_.watching                           ? std::string_view(aborted)
            : state_.protocol == resp::Protocol::resp3 ? std::string_view("_\r\n")
                                                       : std::string_view("*-1\r\n");
    return false;
}

/// A transaction that travelled in one piece, as far as it is lost: all of it again, or the outcome of its EXEC is in
/// doubt.
void Session::settle_unit(std::span<Lost> unit) {
    Lost& last = unit.back();
    if (!ends_transaction(command::row_at(last.request.tag).handling)) {
        close(observe::Closed::backend);  // cannot be; sent again without its end it would swallow what others ask for
        return;
    }
    const bool whole = command::row_at(unit.front().request.tag).handling == Handling::multi;
    const bool executed =
        (last.sent && command::row_at(last.request.tag).handling == Handling::exec) || may_have_run(unit, true);
    if (whole && !executed) {
        std::move(unit.begin(), unit.end(), std::back_inserter(lost_));
        return;
    }
    for (Lost& each : unit.first(unit.size() - 1)) {
        if (each.request.silent) {
            continue;
        }
        const bool multi = command::row_at(each.request.tag).handling == Handling::multi;
        replies_.finish(each.request.sequence, each.request.muted ? "" : resp::simple(multi ? "OK" : "QUEUED"),
                        output_);
    }
    if (executed) {
        answer_in_doubt(last);
    } else {
        replies_.finish(last.request.sequence,
                        last.request.muted ? std::string() : resp::error(client_errors::kExecAbort), output_);
    }
}

/// A request inside a transaction on a pinned link. True while the transaction goes on behind it.
bool Session::settle_pinned(Lost& lost, const Row& row) {
    const auto answer = [&](std::string bytes) {
        if (lost.request.silent) {
            return;
        }
        replies_.finish(lost.request.sequence, lost.request.muted ? std::string() : std::move(bytes), output_);
    };
    switch (row.handling) {
        case Handling::multi:
            answer(resp::simple("OK"));
            return true;
        case Handling::discard:
            if (state_.doubtful) {
                answer_in_doubt(lost);
            } else {
                answer(resp::simple("OK"));
            }
            forget_transaction();
            return false;
        case Handling::exec:
            if (lost.sent || state_.doubtful) {
                answer_in_doubt(lost);
            } else if (state_.watching) {
                std::string nil;
                resp::write_null_array(nil, state_.protocol);
                answer(std::move(nil));
            } else {
                answer(resp::error(client_errors::kExecAbort));
            }
            forget_transaction();
            return false;
        default:
            answer(resp::simple("QUEUED"));
            return true;
    }
}

}  // namespace portal::session
