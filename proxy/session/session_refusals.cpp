// Session: answers by which a node says that it does not lead (any more), or that it loads its data. What was answered
// so was not executed: it waits, with all that came behind it, and goes to the next leader.
#include "command/block_timeout.hpp"
#include "session/client_errors.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace portal::session {

using command::Handling;
using command::Transaction;

namespace {

constexpr std::string_view kQueued = "+QUEUED\r\n";
constexpr std::string_view kNoReplicas = ":0\r\n";

/// Without the '-'.
bool says_not_leading(std::string_view error) {
    constexpr std::array<std::string_view, 4> kStarts{"READONLY ", "LOADING ", "MASTERDOWN ",
                                                      "UNBLOCKED force unblock from blocking operation"};
    return std::ranges::any_of(kStarts, [&](std::string_view start) { return error.starts_with(start); });
}

/// A whole error frame.
bool is_refusal(std::string_view bytes) {
    return bytes.starts_with('-') && says_not_leading(bytes.substr(1));
}

/// Of EXEC: "-EXECABORT Transaction discarded because of: READONLY ...".
bool is_refused_exec(std::string_view bytes) {
    const std::string start = "-" + std::string(client_errors::kExecAbortedBy);
    return bytes.starts_with(start) && says_not_leading(bytes.substr(start.size()));
}

}  // namespace

/// Judges a reply that is an error, or that came while earlier requests wait for a leader. True: the request waits,
/// too, and its reply is dropped. False: the client gets `bytes`, which may be others now.
bool Session::take_back(upstream::PendingRequest& request, const Row& row, std::string_view& bytes, bool complete,
                        std::string_view command) {
    if (request.unit) {
        return take_back_transaction(request, row, bytes, command);
    }
    if (refused_in_transaction(request, row, bytes)) {
        return false;
    }
    if (row.handling == Handling::wait && bytes.starts_with("-ERR WAIT cannot be used with replica")) {
        bytes = kNoReplicas;
        return false;
    }
    if (is_refusal(bytes)) {
        context_.links.doubt_leader(bytes.substr(1, bytes.find('\r') - 1));
        if (request.streamed) {
            static const std::string lost = resp::error(client_errors::kLargeLost);
            bytes = lost;
            return false;
        }
        keep_refused(request, command, bytes, false);
        return true;
    }
    if (lost_.empty() || lost_.front().request.sequence > request.sequence) {
        return false;
    }
    // Something before it was refused. What only reads is asked again behind that; what was executed stays, and then
    // nothing from before it may be executed any more.
    const bool reads = request.repeatable && (row.handling == Handling::plain || row.handling == Handling::blocking);
    if (reads && !request.streamed) {
        keep_refused(request, command, {}, true);
        if (!complete) {
            request.sink.reset();  // what else comes of this reply is swallowed by the link
        }
        return true;
    }
    if (row.write && bytes.front() != '-') {
        give_up_refused();
    }
    if (!complete && !replies_.is_front(request.sequence)) {
        close(observe::Closed::backend);  // there is no room to keep a large reply until its turn comes
    }
    return closed_;
}

/// A transaction that travels in one piece. Its MULTI and what was queued got their answers already, or get them now;
/// if the node did not run it for not leading, or if it only read, EXEC decides that all of it is sent again.
bool Session::take_back_transaction(upstream::PendingRequest& request, const Row& row, std::string_view& bytes,
                                    std::string_view command) {
    if (row.handling != Handling::exec) {
        if (is_refusal(bytes)) {
            bytes = kQueued;
        }
        return false;
    }
    const bool refused = is_refused_exec(bytes) || (unit_refused_ && bytes.starts_with("-EXECABORT"));
    const bool behind = !lost_.empty() && lost_.front().request.sequence < request.sequence;
    const bool executed = bytes.front() == '*' && unit_writes_;
    if (!refused && behind && executed) {
        give_up_refused();
    }
    if (!refused && (!behind || executed || bytes.front() != '*')) {
        return false;
    }
    if (refused) {
        context_.links.doubt_leader(bytes.substr(1, bytes.find('\r') - 1));
    }
    const std::string refusal(bytes);
    keep_unit(request, refusal);
    keep_refused(request, command, refusal, false);
    return true;
}

/// Inside a transaction on a pinned link. As after the loss of such a link, the transaction fails as a whole, by EXEC.
bool Session::refused_in_transaction(const upstream::PendingRequest& request, const Row& row, std::string_view& bytes) {
    const bool inside = state_.in_transaction() && request.sequence > transaction_slot_;
    if (!inside) {
        return false;
    }
    if (row.handling != Handling::exec && is_refusal(bytes)) {
        queued_refused_ = true;
        context_.links.doubt_leader(bytes.substr(1, bytes.find('\r') - 1));
        bytes = kQueued;
        return true;
    }
    if (row.handling == Handling::exec &&
        (is_refused_exec(bytes) || (queued_refused_ && bytes.starts_with("-EXECABORT")))) {
        static const std::string aborted = resp::error(client_errors::kExecAbort);
        bytes = !state_.watching                           ? std::string_view(aborted)
                : state_.protocol == resp::Protocol::resp3 ? std::string_view("_\r\n")
                                                           : std::string_view("*-1\r\n");
        return true;
    }
    return false;
}

/// `command` of a transaction that travels in one piece was answered; it is kept until its EXEC is.
void Session::note_unit(const Row& row, std::string_view bytes, std::string_view command) {
    constexpr std::size_t kKeep = 64 * 1024;
    if (row.handling == Handling::multi) {
        if (unit_.capacity() > kKeep) {
            unit_.shrink_to_fit();
        }
        unit_.clear();
        unit_refused_ = unit_writes_ = false;
    }
    unit_.append(command);
    unit_writes_ = unit_writes_ || row.write;
    if (is_refusal(bytes)) {
        unit_refused_ = true;
        context_.links.doubt_leader(bytes.substr(1, bytes.find('\r') - 1));
    }
}

/// What was answered of a transaction that travels in one piece is sent again before `part`, the next of its requests.
void Session::keep_unit(const upstream::PendingRequest& part, std::string_view refusal) {
    resp::RequestScanner scanner(context_.limits);
    std::string_view rest = unit_;
    while (!rest.empty()) {
        const resp::ScanResult each = scanner.scan(rest);
        if (each.status != resp::ScanStatus::complete) {
            return;  // cannot be: the frames were whole when they were sent
        }
        const std::string_view frame = rest.substr(0, each.size);
        upstream::PendingRequest again = part;
        again.tag = static_cast<std::uint32_t>(command::index_of(command::classify(resp::RequestView(frame))));
        again.silent = true;
        keep({std::move(again), std::string(frame), false, std::string(refusal), context_.topology->epoch});
        rest.remove_prefix(each.size);
    }
}

/// `refusal` empty: it was answered, but is asked again behind one that was refused.
void Session::keep_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal,
                           bool sent) {
    --in_flight_;
    in_flight_bytes_ -= request.size;
    keep({request, std::string(command), sent, std::string(refusal), context_.topology->epoch});
    settle_ = true;
    context_.turn.mark(*this);
}

/// A later request was executed: those that were refused get the node's answers, so that the order stays true.
void Session::give_up_refused() {
    std::deque<Lost> stay;
    for (Lost& each : std::exchange(lost_, {})) {
        if (each.refusal.empty()) {
            stay.push_back(std::move(each));
        } else if (!each.request.silent) {
            replies_.finish(each.request.sequence, each.request.muted ? std::string() : std::move(each.refusal),
                            output_);
        }
    }
    lost_ = std::move(stay);
}

/// A script can say READONLY by itself, after it has changed something. Unless another node leads now, it is taken at
/// its word, and not run again: then it is answered here.
bool Session::still_refused(const Lost& lost) {
    const Handling handling = command::row_at(lost.request.tag).handling;
    const bool may_lie = handling == Handling::script || handling == Handling::unknown;
    if (lost.refusal.empty() || !may_lie || lost.epoch != context_.topology->epoch) {
        return false;
    }
    replies_.finish(lost.request.sequence, lost.request.muted ? std::string() : lost.refusal, output_);
    return true;
}

/// A blocking command with the time that remains of its timeout. The oldest one has waited; those behind it have not
/// begun to.
std::string Session::rearmed(const Row& row, const std::string& command) {
    const auto now = context_.turn.now();
    const auto waited = now - std::exchange(blocked_since_, now);
    return command::with_less_timeout(row, resp::RequestView(command), waited);
}

}  // namespace portal::session
