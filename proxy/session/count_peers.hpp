// What one portal believes of what other portals say of their subscribers, and when it must speak itself. A message
// counts only if it names this process among those whom its sender has heard, and comes behind the last one: what was
// recorded elsewhere or before says nothing. Pure: no link; given the time.
#pragma once

#include "session/count_message.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace portal::session {

class CountPeers {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// Of whom nothing was heard for so long, nothing counts any more.
    static constexpr std::chrono::milliseconds kForget{2000};
    /// Between two questions to all, and between two answers of all that there is.
    static constexpr std::chrono::milliseconds kAskEvery{200}, kAnswerEvery{100};

    struct Events {
        /// `whole`: what the sender has said before counts no more.
        std::function<void(const PortalId& sender, bool whole, std::vector<CountChange>& changes)> changed;
        /// True: something that it had said did count.
        std::function<bool(const PortalId& sender)> gone;
    };
    CountPeers(PortalId own, Events events) : own_(std::move(own)), events_(std::move(events)) {}

    void take(CountMessage&& message, Time now);
    /// The link is there anew: messages may have been missed.
    void connected();
    /// Forgets whoever was not heard for too long.
    void tick(Time now);

    /// All that there is must be said now. Who calls says it.
    [[nodiscard]] bool take_answer_due(Time now);
    /// The next message must ask the others for all that they have.
    [[nodiscard]] bool take_ask_due(Time now);
    [[nodiscard]] bool ask_is_due(Time now) const noexcept { return ask_due_ && now - asked_ >= kAskEvery; }
    /// One of the two is due now or later.
    [[nodiscard]] bool owes() const noexcept { return ask_due_ || answer_due_; }
    [[nodiscard]] std::vector<PortalId> heard() const;
    [[nodiscard]] const PortalId& own() const noexcept { return own_; }

  private:
    struct Peer {
        std::uint64_t last = 0;  // its newest message
        Time heard{};
        Time believed{};      // when it last said something that counts
        bool synced = false;  // nothing of what it said is missing
        bool counts = false;  // something that it said may count
    };
    Peer& peer(const PortalId& id);
    void forget(const PortalId& id, Peer& peer);

    PortalId own_;
    Events events_;
    std::map<PortalId, Peer> peers_;  // at most kMostHeard
    bool ask_due_ = false, answer_due_ = false;
    Time asked_{}, answered_{};
};

}  // namespace portal::session
