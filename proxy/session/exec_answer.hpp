// Commands inside a transaction in which the portal has a part. Each is queued at the node, as it is or as a question
// that changes nothing there, so that the node judges it in its place. When EXEC is answered, the portal does its part,
// in order, and puts its answers in place of the node's. One shard.
#pragma once

#include "conversation/queued_commands.hpp"
#include "resp/request_view.hpp"
#include "session/session_part.hpp"
#include "upstream/pending_queue.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace portal::session {

class ExecAnswer final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    /// Such a command inside an open transaction. False: must wait, and is taken again.
    bool queue(const Row& row, const resp::RequestView& request);
    /// EXEC of a transaction with such commands. A subscription is confirmed by a frame for each name, and its messages
    /// may come in between: a fence tells where the answer ends, whatever the node refuses by then.
    bool submit(const Row& row, const resp::RequestView& request);
    /// The whole of the node's answer to that EXEC, or a frame of it. True when it was the last.
    bool take(upstream::PendingRequest& request, std::string_view bytes);
    /// A push in the middle of that answer. False: none is coming.
    bool take_push(std::string_view frame);
    /// The link is lost; nothing more comes of the answer.
    void forget();

    // --- while the answer is put together
    /// Frames of it have come, and more will.
    [[nodiscard]] bool coming() const noexcept { return frames_ && !frames_->bytes.empty(); }
    [[nodiscard]] bool busy() const noexcept { return executed_ != nullptr; }
    [[nodiscard]] Slot slot() const noexcept { return executed_->slot; }
    /// A part of it, for the client, unless it wants no replies.
    void give_result(std::string_view bytes);
    /// Shards or the node are asked for the part at hand, if an answer is put together.
    void note_waiting() noexcept;
    /// What they were asked for is known.
    void finish_part(std::string_view bytes);
    /// The client has killed itself; `bytes` is the last that it hears.
    void cut_off(std::string_view bytes);

  private:
    bool queue_login(const Row& row, const resp::RequestView& request);
    void go_on();
    void take_result(std::string_view frame);
    void do_part(QueuedCommands::Own& command, std::string_view frame);

    /// An answer of several frames, while they come.
    struct Frames {
        std::string fence;  // sent behind EXEC: its answer tells that this one has ended
        std::string bytes;
    };

    std::unique_ptr<Frames> frames_;      // null: it is one frame
    std::unique_ptr<Executed> executed_;  // while the answer is put together
};

}  // namespace portal::session
