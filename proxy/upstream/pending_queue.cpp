#include "upstream/pending_queue.hpp"

#include <algorithm>
#include <utility>

namespace portal::upstream {

namespace {

/// Sinks live on one thread, so each thread counts its own.
thread_local std::uint64_t last_serial = 0;

}  // namespace

ReplySink::ReplySink() : serial_(++last_serial) {}

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

std::vector<const ReplySink*> PendingQueue::bound_sinks(std::size_t sent_bytes) const {
    std::vector<const ReplySink*> bound;
    std::size_t offset = 0;
    for (std::size_t i = 0; i < size_ && offset < sent_bytes; ++i) {
        const PendingRequest& each = ring_[(head_ + i) & (ring_.size() - 1)];
        if (each.sink && (!each.repeatable || each.unit)) {
            bound.push_back(each.sink.get());
        }
        offset += each.size;
    }
    std::ranges::sort(bound);
    bound.erase(std::unique(bound.begin(), bound.end()), bound.end());
    return bound;
}

void PendingQueue::pop() noexcept {
    ring_[head_].sink.reset();
    head_ = (head_ + 1) & (ring_.size() - 1);
    --size_;
}

}  // namespace portal::upstream
