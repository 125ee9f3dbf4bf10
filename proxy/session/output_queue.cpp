#include "session/output_queue.hpp"

#include <utility>

namespace portal::session {

void OutputQueue::push(upstream::MessagePtr message, char first) {
    size_ += message->bytes.size();
    parts_.push_back({std::move(message), first, {}});
}

void OutputQueue::push(std::string bytes) {
    if (!bytes.empty()) {
        size_ += bytes.size();
        parts_.push_back({nullptr, 0, std::move(bytes)});
    }
}

std::string_view OutputQueue::front(std::size_t limit) const noexcept {
    const Part& part = parts_.front();
    if (!part.message) {
        return std::string_view(part.bytes).substr(sent_, limit);
    }
    const std::string_view bytes = part.message->bytes;
    return sent_ == 0 && part.first != bytes.front() ? std::string_view(&part.first, 1) : bytes.substr(sent_, limit);
}

void OutputQueue::consume(std::size_t size) noexcept {
    sent_ += size;
    size_ -= size;
    if (sent_ == parts_.front().size()) {
        parts_.pop_front();
        sent_ = 0;
    }
}

}  // namespace portal::session
