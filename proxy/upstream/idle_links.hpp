// Links that nobody holds and nothing is left on, kept for whoever needs one next. One shard; does no I/O.
#pragma once

#include "upstream/link.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace portal::upstream {

class IdleLinks {
  public:
    /// What may have been on a link before.
    enum class Before : std::uint8_t {
        anything,
        no_fence,    // nothing of its own, not even a fence, may stand before the first request
        no_request,  // nothing at all: a link may be lost with its node, and nobody has read that yet
    };

    /// The best link for that login; one that this user of links had last needs no fence. Null: there is none.
    [[nodiscard]] LinkPtr take(const LinkIdentityView& identity, std::uint64_t user, Before before);
    /// Takes it out. False: it was not here.
    bool remove(const Link& link);
    [[nodiscard]] std::vector<LinkPtr> take_all() noexcept;
    /// Takes out those on which nobody has logged in.
    [[nodiscard]] std::vector<LinkPtr> take_anonymous();
    /// False: it cannot serve anybody, or there are enough.
    [[nodiscard]] bool keep(const LinkPtr& link);
    [[nodiscard]] std::size_t size() const noexcept { return links_.size(); }

  private:
    std::vector<LinkPtr> links_;
};

}  // namespace portal::upstream
