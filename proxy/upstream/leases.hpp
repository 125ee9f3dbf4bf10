// The links of a shard that are held: leases, which serve one client alone and are bounded, and reservations for the
// portal's own questions, which are not. One shard; does no I/O.
#pragma once

#include "upstream/link.hpp"

#include <cstddef>
#include <unordered_map>
#include <vector>

namespace portal::upstream {

class Leases {
  public:
    /// New links for leases are made so many at a time: a leader that has just been lost is not asked by all of its
    /// clients.
    static constexpr std::size_t kConnecting = 32;

    /// `more` can be had, of no more than `limit` at a time.
    [[nodiscard]] bool have_room(std::size_t more, std::size_t limit) const noexcept {
        return count_ < limit && more <= limit - count_;
    }
    [[nodiscard]] bool may_connect() const noexcept { return connecting_ < kConnecting; }

    /// `link` is held by `holder` from now on. It counts as a lease if that is its use.
    void hold(const LinkPtr& link, ReplySink& holder);
    /// A link that is made for a lease begins to connect.
    void connects() noexcept { ++connecting_; }
    /// Connecting has come to an end. Does nothing for links of another kind.
    void connected(const Link& link) noexcept;
    /// It is held no more. False: it was not.
    bool remove(const Link& link) noexcept;
    [[nodiscard]] std::vector<LinkPtr> take_all();
    [[nodiscard]] std::size_t size() const noexcept { return held_.size(); }

  private:
    std::unordered_map<const Link*, LinkPtr> held_;
    std::size_t count_ = 0;       // of held_, those that are leases
    std::size_t connecting_ = 0;  // new ones that are not set up yet
};

}  // namespace portal::upstream
