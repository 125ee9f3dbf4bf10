#include "conversation/transaction_copy.hpp"

namespace portal::conversation {

namespace {

/// Memory of an earlier, longer transaction is given back.
constexpr std::size_t kKeep = 64 * 1024;

}  // namespace

void TransactionCopy::clear() {
    frames_.clear();
    if (frames_.capacity() > kKeep) {
        frames_.shrink_to_fit();
    }
    whole_ = true;
    writes_ = refused_ = scripts_ = false;
}

void TransactionCopy::add(std::string_view frame, bool writes, bool refused) {
    writes_ = writes_ || writes;
    refused_ = refused_ || refused;
    if (frames_.size() + frame.size() > kMost) {
        spoil();
    } else {
        frames_.append(frame);
    }
}

std::string TransactionCopy::take() {
    std::string frames = std::exchange(frames_, {});
    clear();
    return frames;
}

}  // namespace portal::conversation
