// How many clients listen to a name beyond those that the node itself counts: a feed is one client to the node, and
// serves many. Kept by where the figure comes from (a shard, another portal), so that all figures of one source can be
// replaced or forgotten. Pure; bounded.
#pragma once

#include "upstream/pubsub_frame.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace portal::upstream {

/// `channel` matches `pattern` as Redis matches them (stringmatchlen). Time: at most the product of both lengths.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view channel) noexcept;

/// A name at one node, as one word: the figures of several nodes stand in one table.
[[nodiscard]] std::string counted_name(std::string_view node, SubscriptionKind kind, std::string_view name);

/// Told when the number of listeners that the node does not count changes.
class SurplusWatch {
  public:
    virtual void on_surplus(SubscriptionKind kind, std::string_view name, std::int64_t change) = 0;

  protected:
    ~SurplusWatch() = default;
};

class SubscriberCounts {
  public:
    /// Of one source. What is beyond is left out: those clients are not counted.
    static constexpr std::size_t kMostNames = 65536;
    static constexpr std::size_t kMostBytes = 4 * 1024 * 1024;
    static constexpr std::size_t kLongestName = 4096;

    /// From now on `source` has so many for `name`, one of counted_name(). False: there is no room for it.
    bool set(std::string_view source, std::string_view name, std::uint32_t surplus);
    /// What `source` has for `name`.
    [[nodiscard]] std::uint32_t of_source(std::string_view source, std::string_view name) const;
    /// Forgets all that `source` has said. True: there was something.
    bool drop(std::string_view source);

    /// Nobody listens beyond those that nodes count.
    [[nodiscard]] bool empty() const noexcept { return names_.empty() && patterns_.empty(); }
    /// Of all sources together, for one name of counted_name().
    [[nodiscard]] std::uint64_t of(std::string_view name) const;
    /// Those whom a message in `channel` of `node` reaches by their patterns.
    [[nodiscard]] std::uint64_t by_patterns(std::string_view node, std::string_view channel) const;

    /// Calls each(name, sum) for all names.
    template <typename Each>
    void for_each(Each&& each) const {
        for (const auto& [name, sum] : names_) {
            each(name, sum);
        }
        for (const auto& [name, sum] : patterns_) {
            each(name, sum);
        }
    }

  private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    template <typename Value>
    using ByName = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
    struct Source {
        ByName<std::uint32_t> names;
        std::size_t bytes = 0;
    };

    void change_sum(std::string_view name, std::uint32_t before, std::uint32_t after);

    ByName<Source> sources_;
    ByName<std::uint64_t> names_;     // channels and shard channels
    ByName<std::uint64_t> patterns_;  // apart, since each message is held against all of them
};

}  // namespace portal::upstream
