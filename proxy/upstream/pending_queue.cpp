#include "upstream/pending_queue.hpp"

#include <algorithm>
#include <utility>

namespace portal::upstream {

void PendingQueue::push(PendingRequest&& request) {
    if (size_ == ring_.size()) {
        std::vector<PendingRequest> larger(std::max<std::size_t>(16, ring_.size() * 2));
        for (std::size_t i = 0; i < size_; ++i) {
            larger[i] = std::move(ring_[(head_ + i) & (ring_.size() - 1)]);
        }
        ring_ = std::move(larger);
        head_ = 0;
    }
    ring_[(head_ + size_) & (ring_.size() - 1)] = std::move(request);
    ++size_;
}

void PendingQueue::pop() noexcept {
    ring_[head_].sink.reset();
    head_ = (head_ + 1) & (ring_.size() - 1);
    --size_;
}

}  // namespace portal::upstream
