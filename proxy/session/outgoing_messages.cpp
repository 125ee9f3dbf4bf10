#include "session/outgoing_messages.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portal::session {

namespace {

/// The longest piece; what a socket does not take of it is kept as a copy.
constexpr std::size_t kPiece = 64 * 1024;
/// A message of this size is not worth copying to save a TLS record.
constexpr std::size_t kLong = 8 * 1024;
/// Room for more entries than this is given back when nothing waits.
constexpr std::size_t kKeepEntries = 32;

}  // namespace

void OutgoingMessages::push(upstream::MessagePtr message, std::size_t output_size) {
    if (first_ > kKeepEntries && first_ > entries_.size() / 2) {
        entries_.erase(entries_.begin(), std::next(entries_.begin(), static_cast<std::ptrdiff_t>(first_)));
        first_ = 0;
    }
    bytes_ += message->size() + sizeof(Entry);
    entries_.push_back({std::move(message), output_size - before_});
    before_ = output_size;
}

std::string_view OutgoingMessages::next(const std::string& output, resp::Protocol protocol, std::string& gathered) {
    gathered.clear();
    if (empty()) {
        return gathered;
    }
    while (!empty() && gathered.size() < kPiece) {
        Entry& front = entries_[first_];
        if (front.before > 0) {
            const std::size_t n = std::min(front.before, kPiece - gathered.size());
            take(output, n, gathered);
            front.before -= n;
            continue;
        }
        const std::string_view rest = front.message->frame(protocol).substr(offset_);
        const bool alone = size() == 1 && output.size() == before_;
        if (gathered.empty() && (alone || rest.size() >= kLong)) {
            const std::string_view piece = rest.substr(0, kPiece);
            sending_ = front.message;
            offset_ += piece.size();
            if (piece.size() == rest.size()) {
                pop();
            }
            return piece;
        }
        if (rest.size() >= kLong || gathered.size() + rest.size() > kPiece) {
            return gathered;
        }
        gathered += rest;
        pop();
    }
    if (empty() && gathered.size() + output.size() - taken_ <= kPiece) {
        take(output, output.size() - taken_, gathered);
    }
    return gathered;
}

void OutgoingMessages::take(const std::string& output, std::size_t size, std::string& gathered) {
    gathered.append(output, taken_, size);
    taken_ += size;
}

void OutgoingMessages::trim(std::string& output) {
    output.erase(0, taken_);
    before_ = empty() ? 0 : before_ - taken_;
    taken_ = 0;
    sending_.reset();
}

void OutgoingMessages::pop() {
    Entry& front = entries_[first_];
    bytes_ -= front.message->size() + sizeof(Entry);
    front.message.reset();
    ++first_;
    offset_ = 0;
    if (empty()) {
        entries_.clear();
        first_ = 0;
        if (entries_.capacity() > kKeepEntries) {
            entries_.shrink_to_fit();
        }
    }
}

}  // namespace portal::session
