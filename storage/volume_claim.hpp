// A PersistentVolumeClaim as the API server tells it, and the patch that makes it grow. Pure.
#pragma once

#include "storage/growth.hpp"

#include <string>

#include <boost/json/object.hpp>

namespace portal::storage {

struct Claim {
    std::string uid;
    bool bound = false;
    std::uint64_t requested = 0;
    std::uint64_t capacity = 0;
    Progress progress = Progress::settled;
    std::string trouble;  // what Kubernetes says of a failed resize
    std::optional<WallTime> grown_at;
};

/// Anything that is not as expected reads as empty.
[[nodiscard]] Claim claim_of(const boost::json::object& object);

/// A merge patch: the new size, and when it was asked for, which the cooldown counts from.
[[nodiscard]] boost::json::object growth_patch(std::uint64_t to, WallTime now);

/// What a refused patch means; `status` and `sentence` as the API server answered.
[[nodiscard]] Blocked refusal_of(unsigned status, const std::string& sentence);

/// RFC 3339 in UTC, whole seconds.
[[nodiscard]] std::string time_text(WallTime time);

}  // namespace portal::storage
