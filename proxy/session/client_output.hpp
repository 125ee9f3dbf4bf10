// What goes to one client: its replies as bytes in their order, and published messages among them. Decides what is sent
// next; the session sends it. A message never stands within a reply. Allocates nothing for messages until one comes.
// Pure.
#pragma once

#include "resp/reply_writer.hpp"
#include "session/outgoing_messages.hpp"
#include "upstream/message.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace portal::session {

class ClientOutput {
  public:
    // --- replies
    void append(std::string_view bytes) { replies_.append(bytes); }
    /// Of replies; those that the socket has taken may still be counted.
    [[nodiscard]] bool empty() const noexcept { return replies_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return replies_.size(); }
    /// The replies, for what puts them in their order (ReplySequencer) and for what lends their buffer.
    operator std::string&() noexcept { return replies_; }

    /// The beginning of a large reply. What follows is appended, and end_reply() ends it.
    void begin_reply(std::string_view bytes);
    /// Messages that came meanwhile follow the reply.
    void end_reply();
    [[nodiscard]] bool within_reply() const noexcept { return within_reply_; }

    // --- messages
    /// A message, or another frame that answers no request, behind the replies that are here. True if it is the only
    /// one that waits to be sent.
    bool push(upstream::MessagePtr message);
    void drop_messages() noexcept { messages_.reset(); }
    [[nodiscard]] bool has_messages() const noexcept { return messages_ && !messages_->empty(); }
    /// Messages that wait to be sent, and what they hold; not those that wait for the end of a reply.
    [[nodiscard]] std::size_t message_count() const noexcept { return messages_ ? messages_->size() : 0; }
    [[nodiscard]] std::size_t message_bytes() const noexcept { return messages_ ? messages_->bytes() : 0; }

    // --- what is sent next
    /// While there are messages: the next piece, of messages and of replies before, between and behind them. It counts
    /// as sent, and the call lets go of the piece before. To be called until it is empty or the socket takes no more,
    /// and then pieces_sent(). See OutgoingMessages::next().
    [[nodiscard]] std::string_view next_piece(resp::Protocol protocol, std::string& gathered) {
        return messages_->next(replies_, protocol, gathered);
    }
    void pieces_sent() { messages_->trim(replies_); }
    /// While there are none: what the socket has not taken of the replies, and that it has taken `size` bytes of that.
    [[nodiscard]] std::string_view unsent() const noexcept { return std::string_view(replies_).substr(sent_); }
    void sent(std::size_t size) {
        sent_ += size;
        if (sent_ >= replies_.size() / 2) {  // else what is left would be moved too often
            trim();
        }
    }

    /// Bytes that the client has not taken. Messages count as if they were this client's alone.
    [[nodiscard]] std::size_t unread() const noexcept {
        return replies_.size() - sent_ + message_bytes() + (behind_ ? behind_->bytes : 0);
    }

  private:
    /// Messages that wait until the large reply that has begun is complete.
    struct Behind {
        std::vector<upstream::MessagePtr> messages;
        std::size_t bytes = 0;
    };

    void trim();

    std::string replies_;
    std::size_t sent_ = 0;                        // bytes of replies_ that the socket has taken
    std::unique_ptr<OutgoingMessages> messages_;  // among the bytes of replies_; made for the first one
    std::unique_ptr<Behind> behind_;              // made when one comes within a large reply
    bool within_reply_ = false;                   // replies_ ends within a large one
};

}  // namespace portal::session
