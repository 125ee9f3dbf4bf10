// What `$` and `+` mean in an XREAD that waits at the node: all that comes behind the last entry there is when it
// comes. On the same connection the portal asks for the id of that entry right before, so that the XREAD can be armed
// again at another node with that id instead of the sign, and misses nothing. Pure.
#pragma once

#include "command/command_table.hpp"
#include "conversation/reply_sequencer.hpp"
#include "resp/request_view.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace portal::conversation {

class StreamIds {
  public:
    using Slot = ReplySequencer::Slot;

    /// The command of the questions.
    static constexpr std::string_view kQuestion = "xrevrange";

    /// An XREAD that may wait, and whose reply goes into `slot`, is about to be sent. The questions that are to be sent
    /// before it, on the same link; none for most.
    [[nodiscard]] std::vector<std::string> ask(Slot slot, const command::CommandRow& row,
                                               const resp::RequestView& request);
    /// The answer to the oldest question; `bytes` is a reply, or the beginning of a large one. A node that refuses
    /// leaves the sign as it is.
    void note_answer(std::string_view bytes);
    /// The connection is lost: no question is answered any more.
    void note_lost();
    /// The request with the ids that are known in place of its signs.
    [[nodiscard]] std::string known(Slot slot, std::string_view frame) const;
    /// It has been answered.
    void forget(Slot slot);
    void clear() noexcept { waiting_.clear(); }
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

  private:
    struct Id {
        std::size_t word = 0;  // of the request
        bool answered = false;
        std::string id{};  // empty: not known
    };
    struct Waiting {
        Slot slot = 0;
        std::vector<Id> ids;
    };

    std::vector<Waiting> waiting_;  // in the order in which they were asked for
};

}  // namespace portal::conversation
