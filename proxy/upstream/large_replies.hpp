// Shared links on which a large reply has come, or that nobody new may use: they are retired, answer what they still
// have, and whoever can leaves them, so that nobody waits behind what somebody else has asked for. One shard.
#pragma once

#include "upstream/lease.hpp"
#include "upstream/link.hpp"
#include "upstream/shared_links.hpp"

#include <cstddef>
#include <vector>

namespace portal::upstream {

class LargeReplies {
  public:
    /// Where links come from and go to; the pool.
    class Places {
      public:
        /// Another shared link for the same clients as `link`.
        virtual Link& replacement(const Link& link) = 0;
        /// A lease of that very link.
        virtual Lease lease_of(LinkPtr link, ReplySink& holder) = 0;

      protected:
        ~Places() = default;
    };

    LargeReplies(LinkContext& context, SharedLinks& shared, Places& places) noexcept
        : context_(context), shared_(shared), places_(places) {}

    /// Everybody who can leaves this link: requests not sent yet, and reads, go to a fresh one. If nobody else is left,
    /// the reply's receiver holds the link from now on, and can slow it down. If others are, and it can ask again, this
    /// link is read at full speed, and then it does so on a link of its own: asked at once, the node would answer the
    /// others behind it still later. Else they wait for it.
    void begin(Link& link);
    /// A reply that nobody wants any more has been read over on that link.
    void swallowed(const Link& link);

    /// `link`, which is shared no more, answers what it still has.
    void retire(LinkPtr link);
    /// The link is retired no more. Whatever waits for a reply on it waits no longer. Null: it was not.
    LinkPtr take(const Link& link);
    [[nodiscard]] std::vector<LinkPtr> take_all();
    [[nodiscard]] std::size_t size() const noexcept { return retired_.size(); }

  private:
    struct Retired {
        LinkPtr link;
        LinkPtr behind;  // where a reply is asked for again once this copy has been read over
    };

    [[nodiscard]] Retired* find(const Link& link) noexcept;
    [[nodiscard]] bool retire_shared(Link& link);
    void move(std::vector<MovedRequest> requests, Link& to);
    void hand_over(const Link& link, ReplySink& receiver);
    void ask_again(Link& link, const ReplySink& receiver, Link& own);

    LinkContext& context_;
    SharedLinks& shared_;
    Places& places_;
    std::vector<Retired> retired_;
};

}  // namespace portal::upstream
