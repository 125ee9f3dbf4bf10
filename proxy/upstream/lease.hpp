// A link that one sink holds for itself. Its destructor gives the link back, so no link ever knows a holder that is
// gone; whether the link may serve somebody else afterwards the link tells itself. Moves; is not copied. One shard.
#pragma once

#include "upstream/link.hpp"

#include <utility>

namespace portal::upstream {

class LinkPool;

class Lease {
  public:
    Lease() = default;
    Lease(Lease&& other) noexcept : pool_(other.pool_), link_(std::exchange(other.link_, nullptr)) {}
    Lease& operator=(Lease&& other) noexcept {
        if (this != &other) {
            reset();
            pool_ = other.pool_;
            link_ = std::exchange(other.link_, nullptr);
        }
        return *this;
    }
    ~Lease() { reset(); }

    /// Gives the link back, if there is one.
    void reset() noexcept;

    [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }
    [[nodiscard]] Link* get() const noexcept { return link_.get(); }
    [[nodiscard]] Link& operator*() const noexcept { return *link_; }
    [[nodiscard]] Link* operator->() const noexcept { return link_.get(); }

  private:
    friend class LinkPool;
    Lease(LinkPool& pool, LinkPtr link) noexcept : pool_(&pool), link_(std::move(link)) {}

    LinkPool* pool_ = nullptr;
    LinkPtr link_;
};

}  // namespace portal::upstream
