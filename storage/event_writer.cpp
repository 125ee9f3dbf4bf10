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

namespace {

constexpr sentinel::Milliseconds kCall{5000};
/// The same event is not told more often.
constexpr std::chrono::minutes kQuiet{1};
/// And is a new one after so long.
constexpr std::chrono::hours kForget{1};
constexpr std::size_t kMostKept = 256;

}  // namespace

EventWriter::EventWriter(sentinel::KubernetesAccess access, std::string portal)
    : client_(std::move(access), "events", "the verbs create and patch on events", kCall), portal_(std::move(portal)) {}

asio::awaitable<void> EventWriter::write(Event event) {
    const auto now = Clock::now();
    const auto wall_now = std::chrono::system_clock::now();
    std::erase_if(written_, [now](const auto& entry) { return now - entry.second.last > kForget; });
    if (written_.size() >= kMostKept) {
        written_.clear();
    }
    auto& written = written_[event.about.kind + "/" + event.about.name + "/" + event.reason + "/" + event.message];
    if (written.count > 0 && now - written.last < kQuiet) {
        co_return;
    }
    const auto path = "/api/v1/namespaces/" + client_.access().namespace_name + "/events";
    const auto time = time_text(wall_now);
    sentinel::KubernetesClient::Answer answer;
    if (written.count > 0) {
        auto again =
            sentinel::merge_patch(path + "/" + written.name, {{"count", written.count + 1}, {"lastTimestamp", time}});
        answer = co_await client_.ask(std::move(again));
    } else {
        written.name = fmt::format("{}.{:x}{:x}", event.about.name,
                                   static_cast<std::uint64_t>(wall_now.time_since_epoch().count()), ++serial_);
        json::object about{{"apiVersion", event.about.api_version},
                           {"kind", event.about.kind},
                           {"namespace", client_.access().namespace_name},
                           {"name", event.about.name}};
        if (!event.about.uid.empty()) {
            about["uid"] = event.about.uid;
        }
        auto first = sentinel::creation(path, {{"apiVersion", "v1"},
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
        answer = co_await client_.ask(std::move(first));
    }
    if (answer.error.empty()) {
        ++written.count;
        written.last = now;
        said_.clear();
    } else if (std::exchange(said_, answer.error) != answer.error) {
        observe::log_warn("events", "could not write an Event", {{"reason", event.reason}, {"error", answer.error}});
    }
}

}  // namespace portal::storage
