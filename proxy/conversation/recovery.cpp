#include "conversation/recovery.hpp"

#include "command/classifier.hpp"
#include "conversation/client_errors.hpp"
#include "conversation/hello_request.hpp"
#include "conversation/leading_replies.hpp"
#include "conversation/link_effect.hpp"
#include "conversation/lost_unit.hpp"
#include "resp/words.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portal::conversation {

using command::Handling;

namespace {

/// Reads that cost a node next to nothing may be lost with it so many times.
constexpr std::uint8_t kQuickRepeats = 8;

/// HELLO without AUTH.
bool is_plain_hello(const Lost& lost) {
    const resp::RequestView request(lost.command);
    return !resp::is_word(request.arg(0), "auth") && !read_hello(request, resp::Protocol::resp2).logs_in;
}

/// Requests that change nothing in the data, or whose doing again is what the client wants: a blocked pop is armed
/// again. But it may have taken an element whose answer was lost on the way, and then another one would seem to be the
/// first: with `strict` the client is told so.
bool may_repeat(const upstream::PendingRequest& request, const command::CommandRow& row, config::Proven proven) {
    switch (row.handling) {
        case Handling::auth:
        case Handling::hello:
        case Handling::select:
        case Handling::watch:
        case Handling::unwatch:
            return true;
        case Handling::blocking:
            return !row.write || proven != config::Proven::strict;
        default:
            return request.repeatable;
    }
}

/// A read is sent again once, and alone if its link was lost without its node. One at which the node worked for long
/// before it was lost may be what took it away, and the next node is not asked for it.
bool must_not_repeat(const Lost& lost, const command::CommandRow& row, const Recovery::Facts& facts) {
    if (!lost.request.repeatable || lost.request.unit ||
        (row.handling != Handling::plain && row.handling != Handling::cursor &&
         row.handling != Handling::subscribers)) {
        return false;
    }
    if (lost.request.alone || lost.request.losses > (row.quick ? kQuickRepeats : 1)) {
        return true;
    }
    return !row.quick && lost.worked_on >= facts.down_after / 2;
}

}  // namespace

std::size_t Recovery::bytes() const noexcept {
    std::size_t size = 0;
    for (const Lost& each : lost_) {
        size += each.command.size();
    }
    return size;
}

bool Recovery::writes() const noexcept {
    return std::ranges::any_of(lost_, [](const Lost& each) { return !each.request.repeatable; });
}

void Recovery::keep(Lost lost) {
    const auto at = std::ranges::upper_bound(lost_, lost.request.sequence, {},
                                             [](const Lost& each) { return each.request.sequence; });
    lost_.insert(at, std::move(lost));
}

void Recovery::keep_answer(Slot slot, std::string_view answer) {
    const auto kept = std::ranges::find(lost_, slot, [](const Lost& each) { return each.request.sequence; });
    if (kept != lost_.end()) {
        kept->answer = answer;
    }
}

void Recovery::keep_copy(std::string_view frames, const Lost& sample, const resp::RequestLimits& limits) {
    resp::RequestScanner scanner(limits);
    std::vector<Lost> copied;
    while (!frames.empty()) {
        const resp::ScanResult each = scanner.scan(frames);
        if (each.status != resp::ScanStatus::complete) {
            break;  // cannot be: the frames were whole when they were sent
        }
        const std::string_view frame = frames.substr(0, each.size);
        upstream::PendingRequest again;
        again.sink = sample.request.sink;
        again.sequence = sample.request.sequence;
        again.tag = static_cast<std::uint32_t>(command::index_of(command::classify(resp::RequestView(frame))));
        again.unit = sample.request.unit;
        again.slow = sample.request.slow;
        again.silent = true;
        again.effect = effect_of(command::row_at(again.tag).handling);
        copied.push_back({std::move(again), std::string(frame), false, sample.refusal, {}, sample.epoch});
        frames.remove_prefix(each.size);
    }
    const auto at =
        std::ranges::find_if(lost_, [&](const Lost& each) { return each.request.sequence >= sample.request.sequence; });
    lost_.insert(at, std::make_move_iterator(copied.begin()), std::make_move_iterator(copied.end()));
}

bool Recovery::begin_settling() noexcept {
    due_ = false;
    return std::exchange(link_lost_, false);
}

Fate Recovery::fate_of(const Lost& lost, const Row& row, const Facts& facts) {
    if (!lost.refusal.empty()) {
        return {};
    }
    if (row.handling == Handling::wait || row.handling == Handling::client_unblock) {
        // The leader that had the writes, or the blocked connection, is gone: nobody confirms, nobody is unblocked.
        return Fate::answered(resp::integer(0));
    }
    if ((row.handling == Handling::replconf || row.handling == Handling::sync) && lost.sent) {
        return {Fate::Kind::close};  // a replica begins anew, and knows how
    }
    if (lost.request.streamed) {
        // There is no copy to be sent again; as long as the node had not all of it, it was not executed.
        return lost.sent && row.write ? Fate{Fate::Kind::in_doubt}
                                      : Fate::answered(resp::error(client_errors::kLargeLost));
    }
    if (row.handling == Handling::client_tracking && facts.names_connection) {
        return lost.sent ? Fate{Fate::Kind::in_doubt} : Fate::answered(resp::error(client_errors::kNeverAsked));
    }
    if (lost.sent && must_not_repeat(lost, row, facts)) {
        return {Fate::Kind::not_repeated};
    }
    return !lost.sent || may_repeat(lost.request, row, facts.proven) ? Fate{} : Fate{Fate::Kind::in_doubt};
}

/// Asked again, it might see what a write behind it has done: no connection to a Redis ever shows that.
bool Recovery::OwnWrites::may_show_in(const Lost& lost) const {
    if (!any_ || !lost.sent || !lost.refusal.empty() || !lost.request.repeatable || lost.request.streamed) {
        return false;
    }
    const resp::RequestView request(lost.command);
    const Row& row = command::row_at(lost.request.tag);
    if (all_ || may_say_anything(row) || request.argc() < 2 || row.name == "keys" || row.handling == Handling::cursor) {
        return true;
    }
    for (std::size_t i = 1; i < request.argc(); ++i) {
        if (named_.contains(request.arg(i))) {
            return true;
        }
    }
    return false;
}

void Recovery::OwnWrites::note(const Lost& lost) {
    const Row& row = command::row_at(lost.request.tag);
    const bool waits = row.handling == Handling::blocking;  // and goes on waiting at the next leader
    if (!lost.sent || !lost.refusal.empty() || lost.request.silent || !row.write || waits) {
        return;
    }
    any_ = true;
    all_ = all_ || lost.request.streamed || may_say_anything(row) || !row.subcommand.empty() ||
           row.name.starts_with("flush") || row.name == "swapdb";
    if (all_) {
        return;  // of what was streamed no words are there
    }
    const resp::RequestView request(lost.command);
    all_ = request.argc() < 2;
    for (std::size_t i = 1; i < request.argc(); ++i) {
        named_.insert(request.arg(i));
    }
}

/// Which of them are not to be asked again, for what the client itself has sent behind them.
std::vector<bool> Recovery::overtaken(const LostRequests& came_back) {
    std::vector<bool> overtaken(came_back.size());
    OwnWrites behind;
    for (std::size_t i = came_back.size(); i-- > 0;) {
        overtaken[i] = behind.may_show_in(came_back[i]);
        behind.note(came_back[i]);
    }
    return overtaken;
}

Recovery::Outcome Recovery::settle(Transaction& transaction, bool link_lost, const Facts& facts) {
    LostRequests came_back = take();
    const std::vector<bool> late = overtaken(came_back);
    Outcome outcome;
    outcome.survives = link_lost && transaction.survives(came_back);
    for (auto each = came_back.begin(); each != came_back.end(); ++each) {
        const Row& row = command::row_at(each->request.tag);
        if (each->request.unit) {
            const std::span<Lost> unit = unit_at_front({each, came_back.end()});
            settle_unit(unit, transaction, outcome.settled);
            each += static_cast<std::ptrdiff_t>(unit.size()) - 1;
        } else if (link_lost && transaction.contains(each->request)) {
            // Also what was refused before: it cannot run any more.
            Fate fate = outcome.survives ? Fate{} : transaction.settle(*each, facts.protocol);
            settle_one(*each, std::move(fate), outcome.settled);
        } else if (row.handling == Handling::hello && link_lost && is_plain_hello(*each)) {
            settle_one(*each, {Fate::Kind::accept_hello}, outcome.settled);
        } else {
            Fate fate = fate_of(*each, row, facts);
            if (fate.kind == Fate::Kind::again && late[static_cast<std::size_t>(each - came_back.begin())]) {
                fate = {Fate::Kind::in_doubt};
            }
            settle_one(*each, std::move(fate), outcome.settled);
        }
    }
    return outcome;
}

void Recovery::settle_one(Lost& lost, Fate fate, std::vector<Settled>& settled) {
    if (fate.kind == Fate::Kind::again) {
        lost_.push_back(std::move(lost));
    } else {
        settled.push_back({std::move(lost), std::move(fate)});
    }
}

void Recovery::settle_unit(std::span<Lost> unit, const Transaction& transaction, std::vector<Settled>& settled) {
    Transaction::UnitFate fate = transaction.settle_unit(unit);
    for (Lost& each : unit.first(unit.size() - 1)) {
        const bool multi = command::row_at(each.request.tag).handling == Handling::multi;
        settle_one(each, fate.whole ? Fate{} : Fate::answered(resp::simple(multi ? "OK" : "QUEUED")), settled);
    }
    settle_one(unit.back(), std::move(fate.last), settled);
}

std::vector<Recovery::Settled> Recovery::settle_refused() {
    LostRequests stay;
    std::vector<Settled> settled;
    for (Lost& each : take()) {
        std::string& answer = each.refusal.empty() ? each.answer : each.refusal;
        if (answer.empty()) {
            stay.push_back(std::move(each));
        } else if (!each.request.silent) {
            Fate fate = Fate::answered(answer);
            settled.push_back({std::move(each), std::move(fate)});
        }
    }
    lost_ = std::move(stay);
    return settled;
}

bool Recovery::all_answered(const Transaction& transaction, replication::Epoch now) const noexcept {
    return !lost_.empty() && std::ranges::all_of(lost_, [&](const Lost& each) {
        return !transaction.contains(each.request) && !each.request.silent &&
               (!each.answer.empty() || (may_lie(each, transaction) && each.epoch == now));
    });
}

bool Recovery::may_lie(const Lost& lost, const Transaction& transaction) noexcept {
    const Row& row = command::row_at(lost.request.tag);
    return !lost.refusal.empty() && !lost.request.unit && !transaction.contains(lost.request) && may_say_anything(row);
}

bool Recovery::goes_alone(const Lost& lost, const Transaction& transaction, replication::Epoch now) noexcept {
    return lost.sent && !lost.request.unit && lost.refusal.empty() && !transaction.contains(lost.request) &&
           lost.request.losses > 0 && lost.epoch == now;
}

}  // namespace portal::conversation
