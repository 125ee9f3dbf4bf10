#include "upstream/pending_queue.hpp"

#include <algorithm>

namespace portal::upstream {

namespace {

/// Larger memory for commands is given back when everything is answered.
constexpr std::size_t kKeepOutput = 1024 * 1024;

/// Sinks live on one thread, so each thread counts its own.
thread_local std::uint64_t last_serial = 0;

}  // namespace

ReplySink::ReplySink() : serial_(++last_serial) {}

bool PendingQueue::pop(Time now) noexcept {
    const std::size_t size = front().size;
    drop_front();
    front_since_ = now;
    if (streaming_ != Streaming::nothing) {
        return std::exchange(streaming_, Streaming::nothing) == Streaming::written;
    }
    if (size > sent_) {
        return false;
    }
    output_.consume(size);
    sent_ -= size;
    if (output_.empty() && output_.capacity() > kKeepOutput) {
        output_.release();
    }
    return true;
}

void PendingQueue::push_streamed(PendingRequest&& request, Time now) {
    request.size = 0;
    request.streamed = true;
    streaming_ = Streaming::open;
    append(std::move(request), now);
}

bool PendingQueue::open_front() noexcept {
    if (size_ != 1 || streams() || sent_ < output_.size()) {
        return false;
    }
    output_.clear();
    sent_ = 0;
    front().size = 0;
    front().streamed = true;
    streaming_ = Streaming::open;
    return true;
}

bool PendingQueue::add_part(std::string_view bytes, bool last) {
    if (last) {
        streaming_ = Streaming::whole;
    }
    return output_.append(bytes);
}

void PendingQueue::grow() {
    std::vector<PendingRequest> larger(std::max<std::size_t>(16, ring_.size() * 2));
    for (std::size_t i = 0; i < size_; ++i) {
        larger[i] = std::move(at(i));
    }
    ring_ = std::move(larger);
    head_ = 0;
}

std::vector<const ReplySink*> PendingQueue::bound_sinks() const {
    std::vector<const ReplySink*> bound;
    std::size_t offset = 0;
    for (std::size_t i = 0; i < size_ && offset < sent_; ++i) {
        const PendingRequest& each = at(i);
        if (each.sink && (!each.repeatable || each.unit)) {
            bound.push_back(each.sink.get());
        }
        offset += each.size;
    }
    std::ranges::sort(bound);
    bound.erase(std::unique(bound.begin(), bound.end()), bound.end());
    return bound;
}

}  // namespace portal::upstream
