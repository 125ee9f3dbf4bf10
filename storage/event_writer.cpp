#include "storage/event_writer.hpp"

#include "observe/log.hpp"
#include "storage/volume_claim.hpp"

#include <utility>

#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace portal::storage {
namespace asio = boost::asio;
namespace json = boost::json;
using sentinel::Clock;
using sentinel::TimePoint;

namespace {

constexpr auto kSource = "events";
constexpr sentinel::Milliseconds kCall{5000};
/// The same event is not told more often.
constexpr std::chrono::minutes kQuiet{1};
/// And is a new one after so long.
constexpr std::chrono::hours kForget{1};
constexpr std::chrono::minutes kRateTime{1};
/// How long an API server that did not answer, or not well, is left alone.
constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kMostKept = 256;
constexpr unsigned kNotFound = 404;
constexpr unsigned kConflict = 409;
constexpr unsigned kTooManyRequests = 429;
constexpr unsigned kFirstRefusal = 400;
constexpr unsigned kFirstServerError = 500;

/// It would be refused again just so.
bool is_final(unsigned status) {
    return status >= kFirstRefusal && status < kFirstServerError && status != kTooManyRequests;
}

}  // namespace

EventWriter::EventWriter(kubernetes::Access access, std::string portal)
    : client_(std::move(access), "events", "the verbs create and patch on events", kCall), portal_(std::move(portal)) {}

void EventWriter::tell(Event event) {
    if (waiting_.size() < kMostWaiting) {
        waiting_.push_back(std::move(event));
    } else {
        observe::log_warn(kSource, "an Event is left out, since too many wait to be written",
                          {{"reason", event.reason}, {"message", event.message}});
    }
}

bool EventWriter::may_write(TimePoint now) {
    while (!asked_at_.empty() && now - asked_at_.front() >= kRateTime) {
        asked_at_.pop_front();
    }
    return now >= not_before_ && asked_at_.size() < kMostPerMinute;
}

net::HttpRequest EventWriter::request_for(const Event& event, Written& written) {
    const auto path = "/api/v1/namespaces/" + client_.access().namespace_name + "/events";
    const auto time = time_text(event.at);
    if (written.count > 0) {
        return kubernetes::merge_patch(path + "/" + written.name,
                                       {{"count", written.count + 1}, {"lastTimestamp", time}});
    }
    written.name = fmt::format("{}.{:x}{:x}", event.about.name,
                               static_cast<std::uint64_t>(event.at.time_since_epoch().count()), ++serial_);
    json::object about{{"apiVersion", event.about.api_version},
                       {"kind", event.about.kind},
                       {"namespace", client_.access().namespace_name},
                       {"name", event.about.name}};
    if (!event.about.uid.empty()) {
        about["uid"] = event.about.uid;
    }
    return kubernetes::creation(path, {{"apiVersion", "v1"},
                                       {"kind", "Event"},
                                       {"metadata", {{"name", written.name}}},
                                       {"involvedObject", std::move(about)},
                                       {"type", event.warning ? "Warning" : "Normal"},
                                       {"reason", event.reason},
                                       {"message", event.message},
                                       {"source", {{"component", "redis-portal"}}},
                                       {"reportingComponent", "redis-portal"},
                                       {"reportingInstance", portal_},
                                       {"firstTimestamp", time},
                                       {"lastTimestamp", time},
                                       {"count", 1}});
}

asio::awaitable<void> EventWriter::write_waiting() {
    while (!waiting_.empty()) {
        const auto now = Clock::now();
        const Event event = waiting_.front();
        std::erase_if(written_, [now](const auto& entry) { return now - entry.second.last > kForget; });
        if (written_.size() >= kMostKept) {
            written_.clear();
        }
        const auto key = event.about.kind + "/" + event.about.name + "/" + event.reason + "/" + event.message;
        auto& written = written_[key];
        if (written.count > 0 && now - written.last < kQuiet) {
            waiting_.pop_front();
            continue;
        }
        if (!may_write(now)) {
            co_return;
        }
        asked_at_.push_back(now);
        const bool is_new = written.count == 0;
        auto request = request_for(event, written);
        request.repeatable = true;  // each Event has a name of its own, and a count is set, not added to
        const auto answer = co_await client_.ask(std::move(request));
        if (answer.error.empty() || (is_new && answer.status == kConflict)) {
            ++written.count;
            written.last = now;
            said_.clear();
            waiting_.pop_front();
            continue;
        }
        if (std::exchange(said_, answer.error) != answer.error) {
            observe::log_warn(kSource, "could not write an Event", {{"reason", event.reason}, {"error", answer.error}});
        }
        if (answer.status == kNotFound && written.count > 0) {
            written_.erase(key);  // Kubernetes has forgotten it: a new one is made
        } else if (is_final(answer.status)) {
            waiting_.pop_front();
        } else {
            not_before_ = Clock::now() + kPatience;
            co_return;
        }
    }
}

}  // namespace portal::storage
