#include "conversation/parked_replies.hpp"

namespace portal::conversation {

namespace {

/// More room than this is given back when nothing is parked.
constexpr std::size_t kKeepEntries = 64;
constexpr std::size_t kKeepBytes = 4096;
/// What is gone is cut off when it is this much and more than what is left.
constexpr std::size_t kCutEntries = 1024;

}  // namespace

void ParkedReplies::push(ReplySequencer::Slot slot, upstream::Ticket ticket, Clock::time_point now,
                         std::string_view reply) {
    if (first_ >= kCutEntries && first_ > size()) {  // a client that always has some parked
        entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
        text_.erase(0, offset_);
        offset_ = 0;
    }
    entries_.push_back({slot, ticket, now, reply.size()});
    text_.append(reply);
}

void ParkedReplies::pop() noexcept {
    offset_ += front().size;
    ++first_;
    if (empty()) {
        clear();
    }
}

void ParkedReplies::clear() noexcept {
    first_ = 0;
    offset_ = 0;
    if (entries_.capacity() > kKeepEntries) {
        entries_ = {};
    } else {
        entries_.clear();
    }
    if (text_.capacity() > kKeepBytes) {
        text_ = {};
    } else {
        text_.clear();
    }
}

}  // namespace portal::conversation
