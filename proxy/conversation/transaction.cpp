#include "conversation/transaction.hpp"

#include "command/classifier.hpp"
#include "conversation/client_errors.hpp"
#include "conversation/leading_replies.hpp"
#include "conversation/lost_unit.hpp"

#include <algorithm>
#include <utility>

namespace portal::conversation {

using command::Handling;

namespace {

/// Links that may be lost under one transaction; more, and it may be what ends them.
constexpr std::uint8_t kMostRepeats = 3;
constexpr std::string_view kQueued = "+QUEUED\r\n";
constexpr std::string_view kOk = "+OK\r\n";

Handling handling_of(const Lost& lost) {
    return command::row_at(lost.request.tag).handling;
}

std::string nested_multi() {
    return resp::error("ERR MULTI calls can not be nested");
}

std::string null_array(resp::Protocol protocol) {
    std::string out;
    resp::write_null_array(out, protocol);
    return out;
}

/// The MULTI of the transaction itself. Another one inside of it is nested, and refused.
bool opens(const Transaction& transaction, const Lost& lost) noexcept {
    return transaction.contains(lost.request) && lost.request.sequence == transaction.slot() &&
           handling_of(lost) == Handling::multi;
}

}  // namespace

bool Transaction::contains(const upstream::PendingRequest& request) const noexcept {
    return active() && !request.unit && request.sequence >= slot_ && request.sequence != kNoSlot;
}

// ---------------------------------------------------------------------------------------- what the client asks for

void Transaction::begin(Slot slot) {
    begin_broken(slot);
    phase_ = Phase::open;
    repeats_ = 0;
    queued_.clear();
    copy_.clear();
}

void Transaction::begin_broken(Slot slot, bool unserved) {
    phase_ = Phase::broken;
    slot_ = slot;
    doubtful_ = denied_ = false;
    unserved_ = unserved;
}

void Transaction::send_discard_for_exec() {
    denied_ = false;
    queued_.clear();
    phase_ = Phase::exec_sent;
}

void Transaction::forget() {
    phase_ = Phase::none;
    doubtful_ = watching_ = watch_broken_ = false;
    queued_.clear();
    copy_.clear();
}

void Transaction::finish(Link link) {
    queued_.clear();
    phase_ = Phase::none;
    watching_ = link != nullptr && link->watching();
    watch_broken_ = false;
}

/// Nothing of it was executed, unless that is in doubt, and nothing will be.
std::optional<Fate> Transaction::answer_broken(const Row& row, resp::Protocol protocol) {
    std::optional<Fate> fate;
    switch (row.handling) {
        case Handling::quit:
        case Handling::reset:
            return std::nullopt;
        case Handling::multi:
            return Fate::answered(nested_multi());
        case Handling::watch:
            return Fate::answered(resp::error("ERR WATCH inside MULTI is not allowed"));
        case Handling::exec:
            fate = Fate::answered(unserved_                   ? resp::error(client_errors::kUnserved)
                                  : watch_broken_ && !denied_ ? null_array(protocol)
                                                              : resp::error(client_errors::kExecAbort));
            break;
        case Handling::discard:
            fate = Fate::answered(std::string(kOk));
            break;
        default:
            return Fate::answered(std::string(kQueued));
    }
    if (doubtful_) {
        fate = Fate{Fate::Kind::in_doubt};
    }
    phase_ = Phase::none;
    watch_broken_ = unserved_ = false;
    return fate;
}

bool Transaction::end_watch() noexcept {
    return phase_ == Phase::none && std::exchange(watching_, false);
}

// ---------------------------------------------------------------------------------------- one that travels in one
// piece

/// Its MULTI and what was queued got their answers already, or get them now; if the node did not run it for not
/// leading, or if it only read behind something that waits, EXEC decides that all of it is sent again.
Verdict Transaction::judge_unit(const Row& row, std::string_view bytes, bool earlier) const {
    Verdict verdict{bytes};
    if (row.handling != Handling::exec) {
        if (says_not_leading(bytes)) {
            verdict.bytes = kQueued;
        }
        return verdict;
    }
    const bool refused = refuses_exec(bytes);
    const bool executed = bytes.front() == '*' && copy_.writes();
    const bool stays = !refused && (!earlier || executed || bytes.front() != '*');
    verdict.settles_earlier = !refused && earlier && (executed || !copy_.whole());
    verdict.doubts_leader = refused;
    verdict.again = !stays && copy_.whole();
    return verdict;
}

Transaction::UnitFate Transaction::settle_unit(std::span<const Lost> unit) const {
    const Lost& last = unit.back();
    if (!ends_transaction(handling_of(last))) {
        return {{Fate::Kind::close}};  // cannot be; sent again without its end it would swallow what others ask for
    }
    const bool whole = handling_of(unit.front()) == Handling::multi;
    const bool executed = (last.sent && handling_of(last) == Handling::exec) || may_have_run(unit, true);
    if (executed) {
        return {{Fate::Kind::in_doubt}};
    }
    if (whole) {
        return {{Fate::Kind::again}, true};
    }
    return {Fate::answered(resp::error(client_errors::kExecAbort))};
}

// ---------------------------------------------------------------------------------------- what the node answers

/// Any of them may be refused, so whether a transaction is open is what the link knows from the answer.
void Transaction::note_answer(Link link) {
    if (active() && phase_ != Phase::broken && (link == nullptr || !link->in_transaction())) {
        phase_ = Phase::none;
        queued_.clear();
    }
}

void Transaction::note_watch(Link link, bool unwatches) noexcept {
    watching_ = link != nullptr && link->watching();
    watch_broken_ = watch_broken_ && !unwatches;
}

void Transaction::note_exec_answer(Link link, bool ends_watch) {
    if (phase_ == Phase::exec_sent) {
        phase_ = Phase::none;
    }
    note_answer(link);
    note_watch(link, ends_watch);
}

bool Transaction::note_queued(const Row& row, std::string_view bytes, std::string_view command) {
    if (row.handling == Handling::multi) {
        if (bytes.front() == '-') {
            return false;  // it has not begun, and goes on alone if it is sent again
        }
        copy_.clear();
    }
    const bool refused = says_not_leading(bytes);
    copy_.add(command, row.write, refused);
    if (row.scripts != command::ScriptUse::none) {
        copy_.note_scripts();
    }
    if (!refused && bytes.front() == '-') {
        copy_.spoil();  // the next node may think otherwise, and run what is left
    }
    return refused;
}

bool Transaction::concerns(const upstream::PendingRequest& request, const Row& row, std::string_view bytes) const {
    return contains(request) && row.handling != Handling::multi &&
           (row.handling == Handling::exec ? refuses_exec(bytes) : says_not_leading(bytes));
}

/// What cannot be queued now will be queued at the next leader; EXEC decides.
Verdict Transaction::judge_own(const Row& row, std::string_view bytes, resp::Protocol protocol) {
    Verdict verdict{bytes};
    if (row.handling == Handling::discard) {  // nothing of it will be run
        forget();
        verdict.bytes = kOk;
        verdict.doubts_leader = verdict.ends_link = true;
        return verdict;
    }
    if (row.handling != Handling::exec) {
        verdict.bytes = kQueued;
        return verdict;
    }
    verdict.doubts_leader = true;
    if (copy_stands() && !copy_.empty() && !watching_) {  // what came before EXEC is all answered
        verdict.again = true;
        return verdict;
    }
    static const std::string aborted = resp::error(client_errors::kExecAbort);
    verdict.bytes = !watching_                          ? std::string_view(aborted)
                    : protocol == resp::Protocol::resp3 ? std::string_view("_\r\n")
                                                        : std::string_view("*-1\r\n");
    return verdict;
}

/// EXEC's answer says that the node does not lead, or follows from such an answer before it.
bool Transaction::refuses_exec(std::string_view bytes) const noexcept {
    return exec_says_not_leading(bytes) || (copy_.refused() && bytes.starts_with("-EXECABORT"));
}

// ---------------------------------------------------------------------------------------- what is lost

/// What was answered of the open transaction may be sent once more.
bool Transaction::copy_stands() const noexcept {
    return active() && !watch_broken_ && !denied_ && queued_.own().empty() && copy_.whole();
}

bool Transaction::survives(std::span<const Lost> came_back) {
    doubtful_ = doubtful_ || may_have_run(came_back, false, slot_);
    if (doubtful_ || !can_repeat(came_back)) {
        return false;
    }
    repeats_ = static_cast<std::uint8_t>(repeats_ + std::ranges::any_of(came_back, &Lost::sent));
    watching_ = false;  // said again by the WATCH that came back, if there is one
    return true;
}

/// The copy together with `came_back` is all of it, and no EXEC was sent.
bool Transaction::can_repeat(std::span<const Lost> came_back) const {
    const auto is_exec = [](const Lost& each) { return handling_of(each) == Handling::exec; };
    const auto prevents = [&](const Lost& each) {
        return contains(each.request) &&
               (each.request.streamed || (is_exec(each) && each.sent && each.refusal.empty()));
    };
    if (repeats_ >= kMostRepeats) {
        return false;
    }
    const bool begins =
        !copy_.empty() || std::ranges::any_of(came_back, [this](const Lost& each) { return opens(*this, each); });
    const bool goes_on =
        phase_ == Phase::open || (phase_ == Phase::exec_sent && std::ranges::any_of(came_back, is_exec));
    return copy_stands() && begins && goes_on && std::ranges::none_of(came_back, prevents);
}

void Transaction::break_off(bool executing) {
    if (!executing) {
        queued_.clear();
    }
    copy_.clear();
    watching_ = false;
    if (phase_ == Phase::open) {
        phase_ = Phase::broken;
    } else if (phase_ == Phase::exec_sent) {
        phase_ = Phase::none;
    }
}

/// What of the open transaction is among it will never be sent.
void Transaction::give_up(std::span<const Lost> refused, Link link) {
    bool concerned = false;
    bool over = false;
    for (const Lost& each : refused) {
        const bool inside = contains(each.request);
        concerned = concerned || inside;
        // Behind its MULTI, what follows would run outside of it: the client is told that it is open.
        over = over || (inside && ends_transaction(handling_of(each)));
        watch_broken_ = watch_broken_ || (handling_of(each) == Handling::watch && !each.request.silent);
    }
    if (concerned) {
        break_off(false);
    }
    if (over) {
        phase_ = Phase::none;
    }
    watching_ = link != nullptr && link->watching();
}

Fate Transaction::settle(const Lost& lost, resp::Protocol protocol) {
    Fate fate;
    switch (handling_of(lost)) {
        case Handling::multi:
            return Fate::answered(opens(*this, lost) ? std::string(kOk) : nested_multi());
        case Handling::discard:
            fate = doubtful_ ? Fate{Fate::Kind::in_doubt} : Fate::answered(std::string(kOk));
            break;
        case Handling::exec:
            if (lost.sent || doubtful_) {
                fate = Fate{Fate::Kind::in_doubt};
            } else {
                fate = Fate::answered(watching_ ? null_array(protocol) : resp::error(client_errors::kExecAbort));
            }
            break;
        default:
            return Fate::answered(std::string(kQueued));
    }
    forget();
    return fate;
}

}  // namespace portal::conversation
