// Links that are set up, and not ready: another process than the one that is routed to may answer there. Each is looked
// at again and again until that is known. One shard.
#pragma once

#include "net/loop.hpp"
#include "upstream/link.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

namespace portal::upstream {

class DoubtfulLinks {
  public:
    explicit DoubtfulLinks(net::Loop& loop) : timer_(loop) {}

    void add(Link& link) {
        links_.emplace_back(&link);
        if (links_.size() == 1) {
            look_soon();
        }
    }

  private:
    static constexpr std::chrono::milliseconds kEvery{2};

    void look_soon() {
        timer_.start(kEvery, [this] { look(); });
    }
    void look() {
        std::vector<LinkPtr> links = std::exchange(links_, {});
        std::erase_if(links, [](const LinkPtr& link) { return link->verify(); });
        std::ranges::move(links, std::back_inserter(links_));
        if (!links_.empty()) {
            look_soon();
        }
    }

    std::vector<LinkPtr> links_;
    net::Loop::Timer timer_;
};

}  // namespace portal::upstream
