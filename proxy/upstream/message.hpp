// One published message, held once in memory however many subscribers still have to be sent it. One shard.
#pragma once

#include "resp/reply_writer.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

namespace portal::upstream {

class Message final : public boost::intrusive_ref_counter<Message, boost::thread_unsafe_counter> {
  public:
    /// Copies `frame`, a whole push as the node sent it.
    explicit Message(std::string_view frame) : bytes_(frame) {}

    /// The frame as a client of `protocol` gets it: a push, or an array, which differ in the first byte only. The view
    /// is to be used before the next call.
    [[nodiscard]] std::string_view frame(resp::Protocol protocol) noexcept {
        bytes_.front() = protocol == resp::Protocol::resp3 ? '>' : '*';
        return bytes_;
    }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

  private:
    std::string bytes_;
};

using MessagePtr = boost::intrusive_ptr<Message>;

}  // namespace portal::upstream
