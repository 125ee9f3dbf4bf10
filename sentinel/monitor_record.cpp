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

std::int64_t unix_milliseconds() {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::int64_t unix_now() {
    return unix_milliseconds() / 1000;
}

}  // namespace

/// Reads the record and the marks. What was read is confirmed as of the moment before the read.
asio::awaitable<void> Monitor::Loop::confirm() {
    const auto asked_at = Clock::now();
    auto result = co_await arbiter_->read();
    calls_.note(CallKind::read, result.snapshot ? CallResult::ok : CallResult::error, asked_at, Clock::now());
    if (!result.snapshot) {
        if (standing_.arbiter_error() != result.error) {
            observe::log_error(kSource, "cannot read the record",
                               {{"arbiter", arbiter_->describe()}, {"error", result.error}});
        }
        standing_.arbiter_failed(result.error, timing_.fence_after / 4, Clock::now());
        co_return;
    }
    const auto epoch = result.snapshot->record ? result.snapshot->record->epoch : replication::Epoch{0};
    const auto reading = standing_.read(std::move(*result.snapshot), asked_at, Clock::now());
    if (reading.gone_back) {
        observe::log_error(kSource, standing_.arbiter_error(),
                           {{"epoch", static_cast<std::uint64_t>(epoch)},
                            {"known_epoch", static_cast<std::uint64_t>(standing_.record()->epoch)}});
        co_return;
    }
    take_in(reading);
}

void Monitor::Loop::take_in(const Standing::Reading& reading) {
    for (const auto& suspect : reading.suspects) {
        if (auto* node = find(suspect); node != nullptr) {
            node->probe->probe_now();
        }
    }
    const auto& record = standing_.record();
    if (reading.before && reading.before->acting != record->acting && !record->acting.empty()) {
        observe::log_info(kSource, "acting portal", {{"acting", record->acting}, {"here", record->acting == name_}});
    }
    if (reading.before && reading.new_phase) {
        witness(*reading.before);
    }
    settle_request();
}

/// Keeps the times of a change of leader that another portal carries out, as far as they are seen here.
void Monitor::Loop::witness(const Record& before) {
    const auto& record = standing_.record();
    if (witnessed_.epoch != record->epoch) {
        witnessed_ = {};
        witnessed_.from = before.leader;
        witnessed_.epoch = record->epoch;
        witnessed_.reason = record->reason;
        witnessed_.planned = record->reason.starts_with(kSwitchover);
        witnessed_.detected = Clock::now();
    }
    if (record->phase == Phase::leading) {
        witnessed_.to = record->leader;
        witnessed_.recorded = Clock::now();
    }
}

/// Takes the acting role when it is free, renews it when it is ours, and keeps the record's account of the data.
asio::awaitable<void> Monitor::Loop::keep_role() {
    const auto now = Clock::now();
    const bool taking = standing_.role().may_take(now);
    auto next = standing_.due_record(seen_nodes(now), now);
    if (!next) {
        co_return;
    }
    const auto before = standing_.record() ? standing_.record()->acting : std::string{};
    if (!taking && next->in_sync != standing_.record()->in_sync) {
        std::string names;
        for (const auto& name : next->in_sync) {
            names += (names.empty() ? "" : ",") + name;
        }
        observe::log_info(kSource, "nodes in sync", {{"in_sync", names}});
    }
    const bool written = co_await commit(std::move(*next), name_);
    if (taking && written) {
        observe::log_info(kSource, "this portal acts now",
                          {{"epoch", static_cast<std::uint64_t>(standing_.record()->epoch)},
                           {"reason", before.empty()    ? "the role was free"
                                      : before == name_ ? "the lease was its own"
                                                        : "the lease of " + before + " ran out"}});
    }
}

/// Compare-and-swap against the version that was read last. Afterwards the record is what was written, or is read anew.
asio::awaitable<bool> Monitor::Loop::commit(Record next, std::string holder) {
    const auto asked_at = Clock::now();
    if (next.phase == Phase::leading && (!standing_.record() || standing_.record()->leader != next.leader)) {
        next.leader_since = unix_now();
    }
    if (next.phase != Phase::bootstrapping && (!standing_.record() || standing_.record()->epoch != next.epoch)) {
        next.notice = next_notice(next.notice, unix_milliseconds());
    }
    next = standing_.begin_write(std::move(next), std::move(holder), asked_at);
    const auto result = co_await arbiter_->write(next, standing_.version());
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
        standing_.arbiter_failed(result.error, kRetry, Clock::now());
        co_return false;
    }
    if (standing_.written(std::move(next), result.version, asked_at, Clock::now())) {
        // The marks as they were before this phase prove nothing.
        record_due_ = true;
    }
    settle_request();
    co_return true;
}

/// Writes this portal's mark when it is due or says something new. What follows from it follows from the read after it.
asio::awaitable<void> Monitor::Loop::beat(View view) {
    const auto now = Clock::now();
    auto mark = standing_.due_mark(view, now);
    if (!mark) {
        co_return;
    }
    const auto error = co_await arbiter_->write_mark(*mark);
    calls_.note(CallKind::mark, error.empty() ? CallResult::ok : CallResult::error, now, Clock::now());
    if (!error.empty()) {
        observe::log_error(kSource, "cannot write this portal's mark", {{"error", error}});
        standing_.arbiter_failed(error, timing_.fence_after / 4, Clock::now());
        co_return;
    }
    standing_.mark_written(std::move(*mark), now);
    record_due_ = true;
    turn_again_ = true;
}

void Monitor::Loop::go_on_without_arbiter(const View& view) {
    const auto until = standing_.failsafe_until(view);
    if (until) {
        permit_->extend(*until);
    }
    if (until.has_value() != failsafe_active_) {
        failsafe_active_ = until.has_value();
        observe::log_warn(
            kSource,
            failsafe_active_ ? "failsafe: going on without the arbiter, since all nodes agree" : "failsafe has ended",
            {{"error", standing_.arbiter_error()}});
    }
}

/// Ends the switchover that this portal was asked for when the record answers it, or when nobody does.
void Monitor::Loop::settle_request() {
    if (!request_) {
        return;
    }
    const bool answered = standing_.record() && standing_.record()->answered_id == request_->id;
    if (!answered && Clock::now() < request_->deadline) {
        return;
    }
    const auto error = answered ? standing_.record()->answered_error
                                : "nothing came of it in time: " + (why_.empty() ? standing_.arbiter_error() : why_);
    standing_.ask_for({}, {});
    std::exchange(request_, std::nullopt)->done(error);
    wake();
}

}  // namespace portal::sentinel
