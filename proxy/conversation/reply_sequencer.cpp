#include "conversation/reply_sequencer.hpp"

#include <iterator>

namespace portal::conversation {

void ReplySequencer::finish(Slot slot, std::string bytes, std::string& out) {
    if (is_front(slot)) {
        out += bytes;
        finish_front(out);
        return;
    }
    stored_bytes_ += bytes.size();
    if (first_ > early_.size() / 2) {
        early_.erase(early_.begin(), std::next(early_.begin(), static_cast<std::ptrdiff_t>(std::exchange(first_, 0))));
    }
    const auto oldest = std::next(early_.begin(), static_cast<std::ptrdiff_t>(first_));
    auto position = early_.end();
    while (position != oldest && std::prev(position)->first > slot) {
        --position;
    }
    early_.emplace(position, slot, std::move(bytes));
}

void ReplySequencer::release_early(std::string& out) {
    while (first_ < early_.size() && early_[first_].first == front_) {
        const std::string bytes = std::move(early_[first_].second);
        stored_bytes_ -= bytes.size();
        out += bytes;
        ++first_;
        ++front_;
    }
    if (first_ == early_.size()) {
        early_ = std::vector<std::pair<Slot, std::string>>();  // {} would keep the memory
        first_ = 0;
    }
}

}  // namespace portal::conversation
