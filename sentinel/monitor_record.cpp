#include "observe/log.hpp"
#include "sentinel/monitor_loop.hpp"

namespace portal::sentinel {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "monitor";
/// After a write whose fate is unknown.
constexpr Milliseconds kRetry{100};

CallResult result_of(WriteStatus status) {
    switch (status) {
        case WriteStatus::written:
            return CallResult::ok;
        case WriteStatus::conflict:
            return CallResult::conflict;
        case WriteStatus::unknown:
            break;
    }
    return CallResult::error;
}

}  // namespace

/// Reads the record and the marks. What was read is confirmed as of the moment before the read.
asio::awaitable<void> Monitor::Loop::confirm() {
    const auto asked_at = Clock::now();
    auto result = co_await arbiter_->read();
    calls_.note(CallKind::read, result.snapshot ? CallResult::ok : CallResult::error, asked_at, Clock::now());
    if (!result.snapshot) {
        if (arbiter_error_ != result.error) {
            observe::log_error(kSource, "cannot read the record",
                               {{"arbiter", arbiter_->describe()}, {"error", result.error}});
        }
        arbiter_error_ = result.error;
        next_beat_ = Clock::now() + timing_.fence_after / 4;
        co_return;
    }
    if (result.snapshot->record && record_ && result.snapshot->record->epoch < record_->epoch) {
        arbiter_error_ = "the record went back to an older epoch; it was replaced by hand or restored from a copy";
        observe::log_error(kSource, arbiter_error_,
                           {{"epoch", static_cast<std::uint64_t>(result.snapshot->record->epoch)},
                            {"known_epoch", static_cast<std::uint64_t>(record_->epoch)}});
        next_beat_ = Clock::now() + timing_.fence_after / 4;
        co_return;
    }
    arbiter_error_.clear();
    confirmed_at_ = asked_at;
    take_in(std::move(*result.snapshot));
}

void Monitor::Loop::take_in(Snapshot snapshot) {
    const auto now = Clock::now();
    version_ = snapshot.version;
    take_in_marks(snapshot.marks);
    if (!snapshot.record) {
        // A record that vanished is written anew by keep_role, from what this portal remembers.
        role_.observe(std::nullopt, now);
        return;
    }
    const bool first = !record_;
    const bool new_phase =
        first || record_->epoch != snapshot.record->epoch || record_->phase != snapshot.record->phase;
    if (!first && record_->acting != snapshot.record->acting && !snapshot.record->acting.empty()) {
        observe::log_info(kSource, "acting portal",
                          {{"acting", snapshot.record->acting}, {"here", snapshot.record->acting == name_}});
    }
    const auto before = first ? Record{} : *record_;
    record_ = std::move(snapshot.record);
    role_.observe(record_, now);
    if (new_phase) {
        if (!first) {
            witness(before);
        }
        phase_since_ = now;
        // A portal that has just started may read a record that is older than the nodes' last restart.
        vouched_for_ = !first;
    }
    settle_request();
}

/// Keeps the times of a change of leader that another portal carries out, as far as they are seen here.
void Monitor::Loop::witness(const Record& before) {
    if (witnessed_.epoch != record_->epoch) {
        witnessed_ = {};
        witnessed_.from = before.leader;
        witnessed_.epoch = record_->epoch;
        witnessed_.reason = record_->reason;
        witnessed_.planned = record_->reason.starts_with("switchover");
        witnessed_.detected = Clock::now();
    }
    if (record_->phase == Phase::leading) {
        witnessed_.to = record_->leader;
        witnessed_.recorded = Clock::now();
    }
}

void Monitor::Loop::take_in_marks(const std::vector<Mark>& marks) {
    const auto now = Clock::now();
    std::map<std::string, PortalView> seen;
    for (const auto& mark : marks) {
        if (mark.portal == name_) {
            continue;
        }
        const auto before = portals_.find(mark.portal);
        const bool changed = before == portals_.end() || before->second.mark != mark;
        if (changed && !mark.suspects.empty() &&
            (before == portals_.end() || before->second.mark.suspects != mark.suspects)) {
            if (auto* node = find(mark.suspects); node != nullptr) {
                node->probe->probe_now();
            }
        }
        seen[mark.portal] = {mark, changed ? now : before->second.changed_at};
    }
    portals_ = std::move(seen);
}

/// Takes the acting role when it is free, renews it when it is ours, and keeps the record's account of the data.
asio::awaitable<void> Monitor::Loop::keep_role() {
    const auto now = Clock::now();
    if (role_.may_take(now)) {
        Record next;
        if (record_) {
            next = *record_;
        }
        const auto before = next.acting;
        const bool taken = co_await commit(std::move(next), name_);
        if (taken) {
            observe::log_info(kSource, "this portal acts now",
                              {{"epoch", static_cast<std::uint64_t>(record_->epoch)},
                               {"reason", before.empty()    ? "the role was free"
                                          : before == name_ ? "the lease was its own"
                                                            : "the lease of " + before + " ran out"}});
        }
        co_return;
    }
    if (!record_ || !role_.held_here(now)) {
        co_return;
    }
    const auto view = look();
    auto next = verdict_.state == LeaderState::fine ? kept_up(view) : *record_;
    if (role_.renewal_due(now) || next.in_sync != record_->in_sync) {
        if (next.in_sync != record_->in_sync) {
            std::string names;
            for (const auto& name : next.in_sync) {
                names += (names.empty() ? "" : ",") + name;
            }
            observe::log_info(kSource, "nodes in sync", {{"in_sync", names}});
        }
        co_await commit(std::move(next), name_);
    }
}

/// Compare-and-swap against the version that was read last. Afterwards the record is what was written, or is read anew.
asio::awaitable<bool> Monitor::Loop::commit(Record next, std::string holder) {
    const auto asked_at = Clock::now();
    next.acting = std::move(holder);
    next.renewals = (record_ ? record_->renewals : 0) + 1;
    role_.asking(asked_at);
    const auto result = co_await arbiter_->write(next, version_);
    calls_.note(CallKind::write, result_of(result.status), asked_at, Clock::now());
    if (result.status == WriteStatus::conflict) {
        record_due_ = true;
        turn_again_ = true;
        co_return false;
    }
    if (result.status == WriteStatus::unknown) {
        // It may have been written: nothing is decided before the record was read again.
        observe::log_warn(kSource, "cannot write the record",
                          {{"arbiter", arbiter_->describe()}, {"error", result.error}});
        arbiter_error_ = result.error;
        next_beat_ = Clock::now() + kRetry;
        co_return false;
    }
    const bool new_phase = !record_ || record_->epoch != next.epoch || record_->phase != next.phase;
    record_ = std::move(next);
    version_ = result.version;
    confirmed_at_ = asked_at;
    role_.observe(record_, Clock::now());
    if (new_phase) {
        phase_since_ = Clock::now();
        vouched_for_ = record_->phase == Phase::leading;
    }
    settle_request();
    co_return true;
}

bool Monitor::Loop::leads_here() const {
    return record_ && record_->phase == Phase::leading && published_.topology && published_.topology->leader &&
           published_.topology->epoch == record_->epoch;
}

bool Monitor::Loop::fenced_here() const {
    return record_ && record_->phase == Phase::fencing && published_.topology && !published_.topology->leader &&
           published_.topology->epoch == record_->epoch && published_.applied == published_.serial;
}

Mark Monitor::Loop::own_mark() const {
    auto mark = mark_;
    mark.fenced = fenced_here() ? record_->epoch : mark_.fenced;
    mark.wants_id = request_ ? request_->id : "";
    mark.wants_to = request_ ? request_->to : "";
    return mark;
}

/// Writes this portal's mark when it is due or says something new. The permit is extended only together with a beat, so
/// that a mark that stands still for `fence_after` proves that this portal does not forward.
asio::awaitable<void> Monitor::Loop::beat(bool reaches_leader, std::string suspects) {
    auto mark = own_mark();
    mark.reaches_leader = reaches_leader;
    mark.suspects = std::move(suspects);

    const auto now = Clock::now();
    const bool wants_permit = leads_here() && arbiter_error_.empty() && !permit_->valid(now + timing_.fence_after / 4);
    if (now < next_beat_ && mark == mark_ && !wants_permit) {
        co_return;
    }
    if (!arbiter_error_.empty()) {
        next_beat_ = now + timing_.fence_after / 4;
        co_return;
    }
    ++mark.beat;
    const auto error = co_await arbiter_->write_mark(mark);
    calls_.note(CallKind::mark, error.empty() ? CallResult::ok : CallResult::error, now, Clock::now());
    if (!error.empty()) {
        arbiter_error_ = error;
        observe::log_error(kSource, "cannot write this portal's mark", {{"error", error}});
        next_beat_ = Clock::now() + timing_.fence_after / 4;
        co_return;
    }
    mark_ = std::move(mark);
    next_beat_ = now + timing_.fence_after / 4;
    if (leads_here()) {
        permit_->extend(confirmed_at_ + timing_.fence_after);
    }
}

/// With `failsafe`: while the arbiter cannot be reached, the permit is extended on the word of all nodes. Another
/// portal that can reach it waits `fence_after` before it promotes a node, and by then the nodes do not agree any more.
void Monitor::Loop::go_on_without_arbiter(const View& view) {
    const bool wanted = timing_.failsafe && !arbiter_error_.empty() && leads_here();
    const auto agreed = wanted ? agreed_since(view, timing_) : std::nullopt;
    if (agreed) {
        permit_->extend(*agreed + timing_.fence_after);
    }
    if (agreed.has_value() != failsafe_active_) {
        failsafe_active_ = agreed.has_value();
        observe::log_warn(
            kSource,
            failsafe_active_ ? "failsafe: going on without the arbiter, since all nodes agree" : "failsafe has ended",
            {{"error", arbiter_error_}});
    }
}

/// Ends the switchover that this portal was asked for when the record answers it, or when nobody does.
void Monitor::Loop::settle_request() {
    if (!request_) {
        return;
    }
    const bool answered = record_ && record_->answered_id == request_->id;
    if (!answered && Clock::now() < request_->deadline) {
        return;
    }
    const auto error =
        answered ? record_->answered_error : "nothing came of it in time: " + (why_.empty() ? arbiter_error_ : why_);
    std::exchange(request_, std::nullopt)->done(error);
    wake();
}

}  // namespace portal::sentinel
