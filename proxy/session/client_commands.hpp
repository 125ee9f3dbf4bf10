// The CLIENT command of one client, apart from tracking. It speaks of the portal's clients, never of the links to the
// node. Whether the user may use it is judged by the node, which is asked the same subcommand in a form that changes
// nothing there. Made at the first CLIENT command; owned by its session, and kept as long as that.
#pragma once

#include "command/command_table.hpp"
#include "resp/request_view.hpp"
#include "session/feature_host.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

class ClientCommands {
  public:
    using Row = command::CommandRow;

    explicit ClientCommands(FeatureHost& host) : host_(host) {}

    /// False: must wait, and is asked again.
    bool answer(const Row& row, const resp::RequestView& request);
    /// Once it is known that the user may: `verdict` is what the node has said of it.
    void answer_permitted(const Row& row, const resp::RequestView& request, std::string_view verdict);
    /// CLIENT REPLY. What it answers is muted already for OFF and SKIP.
    std::string set_reply_mode(const resp::RequestView& request);

    /// Whether the user may use the command at hand is on its way to the node.
    void note_question() noexcept;
    /// The node's answer to the oldest question. The command is asked for again.
    void note_verdict(std::string_view verdict);
    /// What the node says of the command at hand is known.
    [[nodiscard]] bool knows_verdict() const noexcept { return verdict_.has_value(); }
    /// The command at hand is done with: no verdict is for the next one.
    void forget() noexcept;
    /// The question is lost with its link. True: it may be asked anew.
    [[nodiscard]] bool note_lost_question() noexcept;

  private:
    bool permitted(const Row& row, const resp::RequestView& request, std::string& verdict);
    std::string answer_own(const Row& row, const resp::RequestView& request);
    std::string set_library(const resp::RequestView& request);
    void list(const resp::RequestView& request);
    void kill(const resp::RequestView& request, std::string_view verdict);
    void unblock(const resp::RequestView& request);
    void pause(const Row& row, const resp::RequestView& request);
    [[nodiscard]] FeatureHost::Slot await_shards();

    FeatureHost& host_;
    std::optional<std::string> verdict_;  // of the command at hand
    std::uint32_t questions_ = 0;         // on their way; the newest may be about the command at hand
    bool asked_ = false;                  // it is
    std::uint8_t lost_questions_ = 0;     // one after the other
};

}  // namespace portal::session
