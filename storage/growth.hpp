// Decides which volumes grow, and why others do not. All volumes of a cluster are to have one size, since any node may
// lead; replicas grow before the leader, so that a step that goes wrong does not hit the leader first. Pure: what is
// seen goes in, with the time; nothing is remembered here.
#pragma once

#include "config/upkeep_config.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::storage {

using WallTime = std::chrono::system_clock::time_point;

/// What the storage makes of the last change of a claim.
enum class Progress : std::uint8_t {
    settled,
    resizing,  // the volume, or soon the file system on it
    failed     // an error that Kubernetes tries again by itself, or has given up on
};

/// Of the file system, in bytes.
struct Usage {
    std::uint64_t used = 0;
    std::uint64_t available = 0;
    std::uint64_t rewrite = 0;  // what a rewrite of the append-only file may write beside it
};

/// Why a volume that should grow does not.
enum class Blocked : std::uint8_t { no, limit, cooldown, pending, failed, unsupported, quota, denied, error };
[[nodiscard]] std::string_view to_string(Blocked reason);

struct Refusal {
    Blocked reason = Blocked::error;
    WallTime until;  // not asked again before
};

struct Volume {
    std::string claim;
    bool bound = false;
    std::uint64_t requested = 0;
    std::uint64_t capacity = 0;  // what the volume has
    Progress progress = Progress::settled;
    std::optional<WallTime> grown_at;  // the last step
    std::optional<Usage> usage;        // the last that was seen, however old
    bool leads = false;
    std::optional<Refusal> refused;
};

struct Step {
    std::string claim;
    std::uint64_t to = 0;
    bool operator==(const Step&) const = default;
};
struct BlockedVolume {
    std::string claim;
    Blocked reason = Blocked::no;
    bool operator==(const BlockedVolume&) const = default;
};
struct Growth {
    std::vector<Step> steps;
    std::vector<BlockedVolume> blocked;
};

/// In use, as df(1) rounds it: 0 to 100.
[[nodiscard]] double percent_used(const Usage& usage);

/// Why a volume that is used so should grow, as a sentence's end for people; empty: it need not.
[[nodiscard]] std::string why_room(const Usage& usage, const config::AutoExpand& settings);

[[nodiscard]] Growth decide_growth(const config::AutoExpand& settings, const std::vector<Volume>& volumes,
                                   WallTime now);

}  // namespace portal::storage
