// The shared links of a shard, found by (user, protocol, database) and lane in constant time. Does no I/O.
#pragma once

#include "upstream/link.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace portal::upstream {

class SharedLinks {
  public:
    /// A link that may serve `identity`; null: there is none.
    [[nodiscard]] Link* find(const LinkIdentityView& identity, Link::Lane lane) {
        Entry* const last = last_[static_cast<std::size_t>(lane)];
        if (last != nullptr && serves(*last->link, identity)) {
            last->used = true;
            return last->link.get();
        }
        return search(identity, lane);
    }
    void add(LinkPtr link);
    /// Takes it out; null: it was not here.
    LinkPtr take(const Link& link);
    [[nodiscard]] std::vector<LinkPtr> take_all();
    /// Takes out those of the user. Empty name: nobody has logged in there.
    [[nodiscard]] std::vector<LinkPtr> take_of(std::string_view username);
    /// Takes out those on which nothing waits and which were not asked for since the last call.
    [[nodiscard]] std::vector<LinkPtr> take_unused();
    /// Takes out those of the slow lane whose oldest request has been at the node for longer than `patience`.
    [[nodiscard]] std::vector<LinkPtr> take_slow(PendingQueue::Time now, std::chrono::steady_clock::duration patience);
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

  private:
    struct Entry {
        LinkPtr link;
        bool used = true;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const LinkIdentityView& identity) const noexcept {
            return std::hash<std::string_view>{}(identity.username) * 31 + identity.database * 2 +
                   (identity.protocol == resp::Protocol::resp3 ? 1 : 0);
        }
        std::size_t operator()(const LinkIdentity& identity) const noexcept {
            return (*this)(static_cast<LinkIdentityView>(identity));
        }
    };
    struct Same {
        using is_transparent = void;
        bool operator()(const LinkIdentity& a, const LinkIdentityView& b) const noexcept { return a.same_link(b); }
        bool operator()(const LinkIdentityView& a, const LinkIdentity& b) const noexcept { return b.same_link(a); }
        bool operator()(const LinkIdentity& a, const LinkIdentity& b) const noexcept { return a.same_link(b); }
    };
    /// What a session believes of its client may be wrong where the answer to AUTH came among others, which a client
    /// can shape; then only the node decides, by the very password.
    [[nodiscard]] static bool serves(const Link& link, const LinkIdentityView& identity) noexcept {
        return link.identity().same_link(identity) &&
               ((identity.proven && link.was_ready()) || link.identity().password == identity.password);
    }
    [[nodiscard]] Link* search(const LinkIdentityView& identity, Link::Lane lane);
    template <typename Takes>
    [[nodiscard]] std::vector<LinkPtr> take_if(Takes&& takes);

    std::unordered_map<LinkIdentity, std::vector<Entry>, Hash, Same> links_;
    std::array<Entry*, 2> last_{};  // found last in each lane; most shards have one user
    std::size_t size_ = 0;
};

}  // namespace portal::upstream
