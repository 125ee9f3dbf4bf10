#include "sentinel/concerns.hpp"
#include "sentinel/flight_json.hpp"
#include "sentinel/monitor_loop.hpp"
#include "sentinel/node_json.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <fmt/chrono.h>

namespace portal::sentinel {
namespace json = boost::json;

namespace {

std::string_view to_string(ProbeResult result) {
    switch (result) {
        case ProbeResult::answered:
            return "ok";
        case ProbeResult::denied:
            return "denied";
        case ProbeResult::broken:
            return "broken";
        case ProbeResult::refused:
            return "refused";
        case ProbeResult::silent:
            return "timeout";
        case ProbeResult::waiting:
            return "waiting";
    }
    return "unknown";
}

std::string utc(std::chrono::system_clock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

std::int64_t unix_seconds(std::chrono::system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// Of the record: also from before this portal started.
json::array accounts_in(const Record& record) {
    json::array accounts;
    for (const auto& text : record.history) {
        json::error_code error;
        auto account = json::parse(text, error);
        if (!error && account.is_object()) {
            accounts.push_back(std::move(account));
        }
    }
    return accounts;
}

std::uint64_t epoch_of(const json::object& account) {
    const auto* epoch = account.if_contains("epoch");
    json::error_code error;
    return epoch != nullptr && epoch->is_number() ? epoch->to_number<std::uint64_t>(error) : 0;
}

/// The newest account of a change that was none of the aborted ones: this portal's own, or one of the record.
json::object newest_change(const json::array& history, json::object own) {
    for (const auto& item : history) {
        const auto& account = item.as_object();
        const auto* aborted = account.if_contains("aborted");
        const bool changed = aborted == nullptr || !aborted->is_bool() || !aborted->as_bool();
        if (changed && epoch_of(account) > epoch_of(own)) {
            own = account;
        }
    }
    return own;
}

json::object to_json(const ArbiterCalls& calls) {
    json::object object;
    for (const auto& [kind, name] :
         {std::pair{CallKind::read, "read"}, {CallKind::write, "write"}, {CallKind::mark, "mark"}}) {
        object[name] = {{"ok", calls.count(kind, CallResult::ok)},
                        {"conflict", calls.count(kind, CallResult::conflict)},
                        {"error", calls.count(kind, CallResult::error)},
                        {"seconds", calls.time(kind).count()}};
    }
    return object;
}

}  // namespace

ClientTally Monitor::Loop::tally() const {
    return tally_ ? tally_(published_at_.value_or(TimePoint::max())) : ClientTally{};
}

/// Once per change of leader, after this portal routes to the new one. The portal that carried it out logs and counts
/// it.
void Monitor::Loop::sum_up() {
    if (recorder_.open()) {
        if (const auto* settled = recorder_.settle(tally(), Clock::now()); settled != nullptr) {
            log_settled(*settled);
            if (settled->carried_out_by == name_) {
                standing_.remember(json::serialize(summary(*settled)));
            }
        }
        show_flights();
    }
    if (!standing_.leads_here() || summed_up_ == standing_.record()->epoch) {
        return;
    }
    const bool done_here = failover_.timeline().epoch == standing_.record()->epoch && failover_.timeline().recorded;
    const auto& timeline = done_here ? failover_.timeline() : witnessed_;
    if (timeline.epoch != standing_.record()->epoch || !timeline.recorded) {
        return;
    }
    summed_up_ = timeline.epoch;
    recorder_.landed(timeline, done_here ? name_ : standing_.record()->acting, published_at_,
                     utc(std::chrono::system_clock::now()));
    show_flights();
    announcements_.settled();
    if (done_here) {
        const bool aborted = !timeline.changed();
        ++failovers_[timeline.from.empty() ? "bootstrap"
                     : timeline.planned    ? (aborted ? "planned_aborted" : "planned")
                                           : (aborted ? "automatic_aborted" : "automatic")];
        log_landed(recorder_.flights().back());
    }
}

void Monitor::Loop::update_status(const View* view) {
    if (standing_.record()) {
        tenure_.look(*standing_.record(), std::chrono::system_clock::now());
    }
    const auto now = Clock::now();
    json::object status{
        {"name", name_}, {"arbiter", arbiter_->describe()}, {"arbiter_error", standing_.arbiter_error()}};
    const bool confirmed =
        standing_.record() && standing_.arbiter_error().empty() && now - standing_.confirmed_at() < timing_.fence_after;
    status["record_confirmed"] = confirmed;
    if (standing_.record()) {
        tell_record(status, now);
        tell_view(status, *view, now);
    } else {
        status["epoch"] = 0;
        status["phase"] = "unknown";
        status["leader"] = "";
        status["acting"] = "";
        status["acting_here"] = false;
        status["reason"] = standing_.arbiter_error().empty() ? "no record yet" : standing_.arbiter_error();
        status["nodes"] = json::array{};
        status["why"] = json::array{};
    }
    tell_counts(status);
    const std::lock_guard lock(status_mutex_);
    status_ = std::move(status);
}

/// What the record says, and what this portal does about it.
void Monitor::Loop::tell_record(json::object& status, TimePoint now) const {
    const Record& record = *standing_.record();
    const bool acting_here = standing_.role().held_here(now);
    std::string reason = standing_.published() ? standing_.published()->reason : "";
    if (!standing_.arbiter_error().empty()) {
        reason = standing_.arbiter_error();
    } else if (acting_here && record.phase != Phase::leading && !why_.empty()) {
        reason = why_;
    }
    status["epoch"] = static_cast<std::uint64_t>(record.epoch);
    status["phase"] = to_string(record.phase);
    status["leader"] = record.phase == Phase::leading ? record.leader : "";
    if (record.phase == Phase::leading) {
        status["leader_since"] = utc(tenure_.leader_since());
        status["leader_since_unix"] = unix_seconds(tenure_.leader_since());
    }
    status["acting"] = record.acting;
    status["acting_here"] = acting_here;
    status["acting_changes"] = tenure_.acting_changes();
    status["confirmed_unix"] =
        unix_seconds(std::chrono::system_clock::now() -
                     std::chrono::duration_cast<std::chrono::system_clock::duration>(now - standing_.confirmed_at()));
    status["history"] = accounts_in(record);
    status["step"] = acting_here ? to_string(step_) : "standing by";
    status["reason"] = reason;
    status["decision"] = acting_here ? why_ : "";
    if (record.phase == Phase::fencing) {
        const auto& timeline = failover_.timeline();
        status["change"] = {{"from", record.leader},
                            {"reason", record.reason},
                            {"planned", timeline.planned && timeline.epoch == record.epoch}};
    }
}

/// Nodes and portals as they were seen.
void Monitor::Loop::tell_view(json::object& status, const View& view, TimePoint now) const {
    json::array nodes;
    for (const auto& node : view.nodes) {
        nodes.emplace_back(node_json(node, view));
    }
    status["nodes"] = std::move(nodes);
    json::array portals;
    for (const auto& portal : view.portals) {
        portals.emplace_back(json::object{{"name", portal.mark.portal},
                                          {"live", now - portal.changed_at < timing_.fence_after},
                                          {"reaches_leader", portal.mark.reaches_leader},
                                          {"suspects", portal.mark.suspects},
                                          {"waits_for", portal.mark.waits_for},
                                          {"url", portal.mark.url}});
    }
    status["portals"] = std::move(portals);
    auto refused = settings_->refusals();
    std::ranges::move(users_->concerns(), std::back_inserter(refused));
    status["why"] = json::value_from(concerns(
        view, timing_, {arbiter_->describe(), standing_.arbiter_error(), failsafe_active_, std::move(refused)}));
}

void Monitor::Loop::tell_counts(json::object& status) const {
    json::object probes;
    json::object health_changes;
    for (const auto& node : nodes_) {
        json::object counts{{"seconds", node.answer_time.count()}};
        for (const auto& [result, count] : node.probes) {
            counts[to_string(result)] = count;
        }
        probes[node.config.name] = std::move(counts);
        json::object changes;
        for (const auto& [health, count] : node.health_changes) {
            changes[to_string(health)] = count;
        }
        health_changes[node.config.name] = std::move(changes);
    }
    status["probes"] = std::move(probes);
    status["health_changes"] = std::move(health_changes);
    status["arbiter_calls"] = to_json(calls_);
    status["failsafe_active"] = failsafe_active_;
    status["settings"] = {{"told", settings_->told()}, {"refused", settings_->refused()}};
    status["users"] = users_->status();
    json::object failovers;
    for (const auto* type : {"automatic", "planned", "automatic_aborted", "planned_aborted", "bootstrap"}) {
        const auto found = failovers_.find(type);
        failovers[type] = found == failovers_.end() ? 0 : found->second;
    }
    status["failovers"] = std::move(failovers);
}

/// Only when one was added or has changed: the others are told as they were.
void Monitor::Loop::show_flights() {
    json::array flights;
    json::object last;
    for (const auto& flight : recorder_.flights()) {
        flights.emplace_back(to_json(flight));
        if (flight.timeline.changed()) {
            last = summary(flight);
        }
    }
    const std::lock_guard lock(status_mutex_);
    flights_ = std::move(flights);
    last_flight_ = std::move(last);
}

boost::json::object Monitor::Loop::status() const {
    const std::lock_guard lock(status_mutex_);
    auto status = status_;
    status["flight_recorder"] = flights_;
    const auto* history = status.if_contains("history");
    auto last = newest_change(history != nullptr ? history->as_array() : json::array{}, last_flight_);
    if (!last.empty()) {
        status["last_failover"] = std::move(last);
    }
    return status;
}

}  // namespace portal::sentinel
