#include "session/large_keys.hpp"

#include <functional>

namespace portal::session {

namespace {

std::uint64_t hash_of(std::string_view key) noexcept {
    return std::hash<std::string_view>{}(key) | 1U;
}

std::size_t place_of(std::uint64_t hash, std::size_t places) noexcept {
    return static_cast<std::size_t>(hash >> 32U) % places;
}

}  // namespace

bool LargeKeys::contains(std::string_view key) const noexcept {
    const std::uint64_t hash = hash_of(key);
    return entries_[place_of(hash, kEntries)].hash == hash;
}

void LargeKeys::note(std::string_view key, Clock::time_point now) noexcept {
    const std::uint64_t hash = hash_of(key);
    Entry& entry = entries_[place_of(hash, kEntries)];
    count_ += entry.hash == 0 ? 1 : 0;
    entry = {hash, now + kRemembered};
}

void LargeKeys::forget_old(Clock::time_point now) noexcept {
    if (!any()) {
        return;
    }
    for (Entry& entry : entries_) {
        if (entry.hash != 0 && entry.until <= now) {
            entry = {};
            --count_;
        }
    }
}

}  // namespace portal::session
