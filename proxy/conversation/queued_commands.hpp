// What the open transaction of one session holds, as far as the portal must know it: how many commands, whether one is
// a write, and those in which the portal has a part once EXEC is answered. Does no I/O.
#pragma once

#include "command/command_table.hpp"
#include "conversation/reply_sequencer.hpp"
#include "resp/request_view.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::conversation {

class QueuedCommands {
  public:
    /// What a feature keeps for its part in a command until EXEC is answered.
    struct Kept {
        virtual ~Kept() = default;
    };
    /// A command in which the portal has a part.
    struct Own {
        std::size_t place = 0;  // among the elements of EXEC's answer
        const command::CommandRow* row = nullptr;
        std::string frame;  // as the client sent it
        std::unique_ptr<Kept> kept;
    };

    /// True for what the portal has a part in: CLIENT, subscriptions and who has them, cursors, and what changes the
    /// connection.
    [[nodiscard]] static bool concerns_portal(command::Handling handling) noexcept;

    /// `row` goes to the node, to be queued there.
    void note(const command::CommandRow& row) noexcept;
    /// The next command is one of the portal's.
    void add(const command::CommandRow& row, std::string_view frame, std::unique_ptr<Kept> kept);
    /// The transaction is over, or begins. What features kept and did not take out is gone.
    void clear();

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] bool writes() const noexcept { return writes_; }
    /// Scripts, functions or what a module may do.
    [[nodiscard]] bool runs_code() const noexcept { return runs_code_; }
    [[nodiscard]] bool subscribes() const noexcept { return subscribes_; }
    /// Commands for which a feature keeps something.
    [[nodiscard]] std::size_t kept() const noexcept;
    [[nodiscard]] std::vector<Own>& own() noexcept { return own_; }
    [[nodiscard]] const std::vector<Own>& own() const noexcept { return own_; }

  private:
    std::size_t count_ = 0;
    bool writes_ = false;
    bool subscribes_ = false;
    bool runs_code_ = false;
    std::vector<Own> own_;
};

/// EXEC's answer while the portal puts its own parts into it.
struct Executed {
    ReplySequencer::Slot slot = 0;
    std::string bytes;         // the node's answer
    std::size_t at = 0;        // of bytes: what is done
    std::size_t elements = 0;  // of the answer, as it says itself
    std::size_t place = 0;     // of the element that comes next
    std::size_t own = 0;       // of QueuedCommands::own(): the one that comes next
    bool ran = false;          // its commands were executed
    bool cut_off = false;      // the client has killed itself, and hears no more
    bool waiting = false;      // for shards or for the node
    std::string out;           // for the client
};

}  // namespace portal::conversation
