#include "storage/volumes.hpp"

#include "observe/log.hpp"
#include "storage/quantity.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace portal::storage {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "volumes";
constexpr sentinel::Milliseconds kCall{5000};
/// What was refused is not asked for again sooner: by a decision of people, or because the API server is in trouble.
constexpr std::chrono::minutes kPatience{5};
constexpr std::chrono::seconds kTroublePatience{15};

/// What people can do about it; empty for what passes by itself.
std::string_view advice(Blocked reason) {
    switch (reason) {
        case Blocked::limit:
            return "it has reached upkeep.auto_expand.limit; raise the limit or delete data";
        case Blocked::failed:
            return "Kubernetes could not resize it; see the claim's conditions";
        case Blocked::unsupported:
            return "its StorageClass does not allow volumes to grow";
        case Blocked::quota:
            return "the namespace's quota of storage is used up";
        case Blocked::denied:
            return "the portals may not patch persistentvolumeclaims; the log names the Role";
        case Blocked::error:
            return "the API server refused; the log says why";
        default:
            return {};
    }
}

}  // namespace

Volumes::Volumes(kubernetes::Access access, config::AutoExpand settings, EventWriter& events)
    : client_(std::move(access), "persistentvolumeclaims", "the verbs get and patch on persistentvolumeclaims", kCall),
      settings_(settings),
      events_(events) {}

std::string Volumes::path_of(const std::string& name) const {
    return "/api/v1/namespaces/" + client_.access().namespace_name + "/persistentvolumeclaims/" + name;
}

Event Volumes::event(const std::string& claim, bool warning, std::string reason, std::string message) {
    return {{"v1", "PersistentVolumeClaim", claim, known_[claim].claim.uid},
            warning,
            std::move(reason),
            std::move(message)};
}

/// False when the claim could not be read.
asio::awaitable<bool> Volumes::read(std::string name) {
    net::HttpRequest request;
    request.target = path_of(name);
    request.repeatable = true;  // over a connection that has been idle for long
    const auto answer = co_await client_.ask(std::move(request));
    if (!answer.error.empty()) {
        if (std::exchange(said_, answer.error) != answer.error) {
            observe::log_warn(kSource, "cannot read a claim; volumes do not grow",
                              {{"pvc", name}, {"error", answer.error}});
        }
        co_return false;
    }
    auto& known = known_[name];
    known.claim = claim_of(answer.object);
    const auto capacity = known.claim.capacity;
    const auto before = std::exchange(known.last_capacity, capacity);
    if (before != 0 && capacity > before) {
        observe::log_info(kSource, "a volume has grown", {{"pvc", name}, {"bytes", capacity}});
        auto done = event(name, false, "VolumeExpanded",
                          fmt::format("The volume has {} now; it had {}.", quantity_of(capacity), quantity_of(before)));
        events_.tell(std::move(done));
    }
    co_return true;
}

asio::awaitable<void> Volumes::grow(Step step, std::optional<Usage> usage) {
    const auto now = std::chrono::system_clock::now();
    auto request = kubernetes::merge_patch(path_of(step.claim), growth_patch(step.to, now));
    request.repeatable = true;
    const auto answer = co_await client_.ask(std::move(request));
    auto& known = known_[step.claim];
    if (answer.error.empty()) {
        ++known.grown;
        known.refused.reset();
        auto used = usage ? why_room(*usage, settings_) : std::string("usage unknown");
        if (used.empty()) {
            used = "the other volumes have it, or are to have it";
        }
        observe::log_info(kSource, "asked for a larger volume",
                          {{"pvc", step.claim}, {"to", quantity_of(step.to)}, {"usage", used}});
        auto begun = event(step.claim, false, "VolumeExpanding",
                           fmt::format("Asked for {} instead of {}: {}.", quantity_of(step.to),
                                       quantity_of(known.claim.requested), used));
        known.claim.requested = step.to;
        events_.tell(std::move(begun));
        co_return;
    }
    ++known.refusals;
    const auto reason = refusal_of(answer.status, answer.error);
    const auto patience = reason == Blocked::error ? kTroublePatience : std::chrono::seconds(kPatience);
    known.refused = Refusal{reason, now + patience};
    known.blocked = known.refused->reason;
    observe::log_warn(kSource, "a volume does not grow", {{"pvc", step.claim}, {"error", answer.error}});
    auto refused =
        event(step.claim, true, "ExpansionBlocked", fmt::format("The volume should grow: {}.", advice(known.blocked)));
    events_.tell(std::move(refused));
}

asio::awaitable<void> Volumes::look_after(std::vector<Node> nodes) {
    std::vector<Volume> volumes;
    bool all_read = true;
    for (const auto& node : nodes) {
        const bool was_read = co_await read(node.claim);
        all_read = all_read && was_read;
        if (was_read) {
            const auto& known = known_[node.claim];
            volumes.push_back({node.claim, known.claim.bound, known.claim.requested, known.claim.capacity,
                               known.claim.progress, known.claim.grown_at, node.usage, node.leads, known.refused});
        }
    }
    if (all_read) {
        said_.clear();
    }
    const auto growth = decide_growth(settings_, volumes, std::chrono::system_clock::now());
    for (const auto& volume : volumes) {
        const auto found = std::find_if(growth.blocked.begin(), growth.blocked.end(),
                                        [&volume](const auto& blocked) { return blocked.claim == volume.claim; });
        auto& known = known_[volume.claim];
        const auto reason = found == growth.blocked.end() ? Blocked::no : found->reason;
        const bool is_new = reason != std::exchange(known.blocked, reason);
        const auto what_to_do = advice(reason);
        if (is_new && !what_to_do.empty()) {
            observe::log_warn(kSource, "a volume should grow and does not",
                              {{"pvc", volume.claim}, {"reason", to_string(reason)}, {"detail", known.claim.trouble}});
            auto blocked =
                event(volume.claim, true, "ExpansionBlocked", fmt::format("The volume should grow: {}.", what_to_do));
            events_.tell(std::move(blocked));
        }
    }
    for (const auto& step : growth.steps) {
        const auto volume =
            std::find_if(volumes.begin(), volumes.end(), [&step](const auto& v) { return v.claim == step.claim; });
        co_await grow(step, volume->usage);
    }
}

bool Volumes::settled(const std::vector<Node>& nodes) const {
    std::uint64_t size = 0;
    return std::ranges::all_of(nodes, [&](const Node& node) {
        const auto known = known_.find(node.claim);
        if (known == known_.end() || !known->second.claim.bound || known->second.refused) {
            return false;
        }
        const auto& claim = known->second.claim;
        size = size == 0 ? claim.requested : size;
        return claim.requested == size && claim.capacity >= size && claim.progress == Progress::settled &&
               known->second.blocked == Blocked::no && (!node.usage || why_room(*node.usage, settings_).empty());
    });
}

std::vector<VolumeView> Volumes::views() const {
    std::vector<VolumeView> views;
    for (const auto& [name, known] : known_) {
        views.push_back(
            {name, known.claim.requested, known.claim.capacity, known.blocked, known.grown, known.refusals});
    }
    return views;
}

}  // namespace portal::storage
