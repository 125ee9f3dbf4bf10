// How many connections one way into the HTTP server may hold at a time, and which one has to go when a further one
// comes: the one that has kept the server waiting for longest. A probe asks at once, so it is never that one, however
// many others say nothing, send byte by byte or do not read their answers. Pure; for one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>

namespace portal::admin {

class ConnectionBudget {
  public:
    /// What a connection is at: the server waits for its request, works on it, or waits until the answer is taken.
    enum class State : std::uint8_t { asking, served, reading };

    /// One connection's place, for as long as it lives. `close` is called at most once, when it has to go; from then on
    /// it does not count any more.
    class Place {
      public:
        Place(ConnectionBudget& budget, std::function<void()> close);
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place();

        void begin(State state);
        /// False when as many requests are worked on as may be beside probes, which `probe` says this one is.
        [[nodiscard]] bool may_be_served(bool probe) const;
        [[nodiscard]] bool lost() const noexcept { return lost_; }

      private:
        friend class ConnectionBudget;
        void lose();

        ConnectionBudget& budget_;
        std::function<void()> close_;
        State state_ = State::asking;
        bool lost_ = false;
    };

    explicit ConnectionBudget(std::size_t most) : most_(most) {}

    /// Makes room for one more, at the cost of another one if need be. False when all are being served.
    [[nodiscard]] bool make_room();
    [[nodiscard]] std::size_t count() const noexcept { return places_.size(); }

  private:
    [[nodiscard]] Place* longest_in(State state) const;

    std::size_t most_;
    std::list<Place*> places_;  // whoever changed its state last is last
};

}  // namespace portal::admin
