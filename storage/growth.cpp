#include "storage/growth.hpp"

#include "storage/quantity.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace portal::storage {

namespace {

/// From here on the cooldown does not count.
constexpr double kUrgent = 95;
/// Between two urgent steps: the file system has to be seen at its new size first.
constexpr std::chrono::seconds kSettleTime{60};
constexpr std::uint64_t kRewritesThatFit = 2;
constexpr std::uint64_t kHundred = 100;

bool is_growing(const Volume& volume) {
    return volume.capacity < volume.requested;
}
bool is_urgent(const Volume& volume) {
    return volume.usage && percent_used(*volume.usage) >= kUrgent;
}
bool is_full(const Usage& usage, const config::AutoExpand& settings) {
    return percent_used(usage) >= static_cast<double>(settings.threshold);
}
bool lacks_room_for_rewrites(const Usage& usage) {
    return usage.available < kRewritesThatFit * usage.rewrite;
}
bool needs_room(const Volume& volume, const config::AutoExpand& settings) {
    return volume.usage && (is_full(*volume.usage, settings) || lacks_room_for_rewrites(*volume.usage));
}

/// For people.
std::string rounded(std::uint64_t bytes) {
    constexpr double kMib = 1U << 20U;
    const double mib = static_cast<double>(bytes) / kMib;
    return mib < 1024 ? fmt::format("{:.0f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

/// The size that all volumes shall have, as far as the need and the limit go.
std::uint64_t next_size(const config::AutoExpand& settings, std::uint64_t size) {
    const auto step = std::max(size / kHundred * settings.increase, settings.min_step.count);
    const std::uint64_t most = settings.limit.count / (1ULL << 30U) * (1ULL << 30U);
    return std::max(size, std::min(round_up_to_gib(size + step), most));
}

std::optional<WallTime> last_step(const std::vector<Volume>& volumes) {
    std::optional<WallTime> last;
    for (const auto& volume : volumes) {
        if (volume.grown_at && (!last || *last < *volume.grown_at)) {
            last = volume.grown_at;
        }
    }
    return last;
}

/// A replica's step that is under way; one that was refused or fails is not waited for.
bool is_under_way(const Volume& volume, std::uint64_t size) {
    return !volume.leads && volume.bound && volume.capacity < size && volume.progress != Progress::failed &&
           !volume.refused;
}

}  // namespace

std::string_view to_string(Blocked reason) {
    switch (reason) {
        case Blocked::no:
            return "no";
        case Blocked::limit:
            return "limit";
        case Blocked::cooldown:
            return "cooldown";
        case Blocked::pending:
            return "pending";
        case Blocked::failed:
            return "failed";
        case Blocked::unsupported:
            return "unsupported";
        case Blocked::quota:
            return "quota";
        case Blocked::denied:
            return "denied";
        case Blocked::error:
            break;
    }
    return "error";
}

double percent_used(const Usage& usage) {
    const auto all = static_cast<double>(usage.used) + static_cast<double>(usage.available);
    return all > 0 ? static_cast<double>(usage.used) / all * static_cast<double>(kHundred) : 0;
}

std::string why_room(const Usage& usage, const config::AutoExpand& settings) {
    std::string why = is_full(usage, settings) ? fmt::format("{:.0f} % used", percent_used(usage)) : std::string();
    if (lacks_room_for_rewrites(usage)) {
        why += fmt::format("{}two rewrites of the append-only file would not fit: each may write {}, and {} are free",
                           why.empty() ? "" : "; ", rounded(usage.rewrite), rounded(usage.available));
    }
    return why;
}

namespace {

/// The size that all have been asked to have.
std::uint64_t present_size(const std::vector<Volume>& volumes) {
    std::uint64_t size = 0;
    for (const auto& volume : volumes) {
        size = volume.bound ? std::max({size, volume.requested, volume.capacity}) : size;
    }
    return size;
}

/// The size that they are to have. A new step begins only from one size that all have been asked to have, for a volume
/// that really has it. `growth` is told what stands in the way.
std::uint64_t wanted_size(const config::AutoExpand& settings, const std::vector<Volume>& volumes, WallTime now,
                          Growth& growth) {
    const auto size = present_size(volumes);
    auto target = size;
    for (const auto& volume : volumes) {
        if (!volume.bound || !needs_room(volume, settings)) {
            continue;
        }
        if (is_growing(volume)) {
            growth.blocked.push_back(
                {volume.claim, volume.progress == Progress::failed ? Blocked::failed : Blocked::pending});
            continue;
        }
        if (volume.requested < size) {
            continue;
        }
        const auto next = next_size(settings, size);
        const auto last = last_step(volumes);
        const auto pause =
            is_urgent(volume) ? std::min<std::chrono::milliseconds>(settings.cooldown, kSettleTime) : settings.cooldown;
        if (next == size) {
            growth.blocked.push_back({volume.claim, Blocked::limit});
        } else if (last && now < *last + pause) {
            growth.blocked.push_back({volume.claim, Blocked::cooldown});
        } else {
            target = next;
        }
    }
    return target;
}

}  // namespace

Growth decide_growth(const config::AutoExpand& settings, const std::vector<Volume>& volumes, WallTime now) {
    Growth growth;
    const auto target = wanted_size(settings, volumes, now, growth);
    const bool replicas_under_way =
        std::any_of(volumes.begin(), volumes.end(), [target](const auto& v) { return is_under_way(v, target); });
    for (const auto& volume : volumes) {
        if (!volume.bound || volume.requested >= target || is_growing(volume)) {
            continue;
        }
        if (volume.refused && now < volume.refused->until) {
            growth.blocked.push_back({volume.claim, volume.refused->reason});
        } else if (!volume.leads || !replicas_under_way || is_urgent(volume)) {
            growth.steps.push_back({volume.claim, target});
        }
    }
    std::stable_partition(growth.steps.begin(), growth.steps.end(), [&volumes](const Step& step) {
        return std::any_of(volumes.begin(), volumes.end(),
                           [&step](const auto& v) { return v.claim == step.claim && !v.leads; });
    });
    return growth;
}

}  // namespace portal::storage
