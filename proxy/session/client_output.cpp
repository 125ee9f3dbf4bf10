#include "session/client_output.hpp"

#include <utility>

namespace portal::session {

void ClientOutput::begin_reply(std::string_view bytes) {
    within_reply_ = true;
    append(bytes);
}

void ClientOutput::end_reply() {
    within_reply_ = false;
    if (const auto behind = std::exchange(behind_, nullptr)) {
        for (upstream::MessagePtr& message : behind->messages) {
            push(std::move(message));
        }
    }
}

bool ClientOutput::push(upstream::MessagePtr message) {
    if (within_reply_) {
        if (!behind_) {
            behind_ = std::make_unique<Behind>();
        }
        behind_->bytes += message->size();
        behind_->messages.push_back(std::move(message));
        return false;
    }
    if (!messages_) {
        messages_ = std::make_unique<OutgoingMessages>();
    }
    trim();
    messages_->push(std::move(message), replies_.size());
    return messages_->size() == 1;
}

/// Forgets what the socket has taken.
void ClientOutput::trim() {
    if (sent_ > 0) {
        replies_.erase(0, std::exchange(sent_, 0));
    }
}

}  // namespace portal::session
