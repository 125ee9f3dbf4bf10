// Who wants the messages of which channel and pattern, for one subscription link. Pure: knows no link and no session.
// Names stay as long as anybody wants them or waits to be accepted.
#pragma once

#include "upstream/pubsub_frame.hpp"
#include "upstream/subscriber_counts.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace portal::upstream {

class Subscriber;

class SubscriptionIndex {
  public:
    struct Entry {
        std::vector<Subscriber*> subscribers;
        std::unordered_map<const Subscriber*, std::size_t> places;  // in `subscribers`; kept once they are many
        std::size_t waiting = 0;  // requests for this name that the node has not answered
        bool active = false;      // the node has accepted it on the present link
        std::size_t surplus = 0;  // subscribers that the node does not count, as the watch was told
    };

    /// `watch` outlives it.
    explicit SubscriptionIndex(SurplusWatch* watch = nullptr) noexcept : watch_(watch) {}
    ~SubscriptionIndex() { lose(); }
    SubscriptionIndex(const SubscriptionIndex&) = delete;
    SubscriptionIndex& operator=(const SubscriptionIndex&) = delete;

    /// A request for `name` is on its way.
    void wait(SubscriptionKind kind, std::string_view name);
    /// It was answered. True when nobody wants the name any more although the node has it: to be unsubscribed.
    [[nodiscard]] bool answered(SubscriptionKind kind, std::string_view name, bool accepted);
    /// `subscriber` gets its messages from now on. Once each.
    void add(SubscriptionKind kind, std::string_view name, Subscriber& subscriber);
    /// No more. True when nobody wants the name any more although the node has it: to be unsubscribed.
    [[nodiscard]] bool remove(SubscriptionKind kind, std::string_view name, Subscriber& subscriber);

    /// Somebody listens to it, or has asked to.
    [[nodiscard]] bool has(SubscriptionKind kind, std::string_view name) const { return names(kind).contains(name); }
    [[nodiscard]] bool active(SubscriptionKind kind, std::string_view name) const;
    /// Null when nobody subscribed. Valid until the next change.
    [[nodiscard]] const std::vector<Subscriber*>* subscribers(SubscriptionKind kind, std::string_view name) const;

    /// Every subscriber of every name. Nothing may be entered or removed meanwhile.
    template <typename Each>
    void for_each(Each&& each) const {
        for (const Names& all : names_) {
            for (const auto& [name, entry] : all) {
                for (Subscriber* subscriber : entry.subscribers) {
                    each(*subscriber);
                }
            }
        }
    }

    /// Those whom the node sends messages for.
    struct Listening {
        std::size_t names = 0;
        std::unordered_set<Subscriber*> subscribers;
    };
    [[nodiscard]] Listening listening() const;

    /// The link is gone: the node has accepted nothing.
    void lose();
    /// The names that have subscribers.
    [[nodiscard]] std::vector<std::string> wanted(SubscriptionKind kind) const;
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::size_t size() const noexcept;

  private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    using Names = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

    Names& names(SubscriptionKind kind) noexcept { return names_[static_cast<std::size_t>(kind)]; }
    const Names& names(SubscriptionKind kind) const noexcept { return names_[static_cast<std::size_t>(kind)]; }
    bool drop_if_unwanted(SubscriptionKind kind, Names::iterator entry);
    void note_surplus(SubscriptionKind kind, std::string_view name, Entry& entry);

    /// So few subscribers of one name are searched one by one.
    static constexpr std::size_t kFew = 32;

    std::array<Names, 3> names_;
    SurplusWatch* watch_;
};

}  // namespace portal::upstream
