// A client and a node that speak with each other as they like, on a link of the client's own: the debugger of scripts,
// and a replica that is given its stream. What the node says is passed on as it comes; what the client says is looked
// at, so that nothing goes that way which the portal denies. Neither side is read faster than the other takes the
// bytes. Ends when either side goes; the link serves nobody else. One shard.
#pragma once

#include "resp/request_view.hpp"
#include "session/session_part.hpp"
#include "upstream/pending_queue.hpp"

#include <cstdint>
#include <string_view>

namespace portal::session {

class Relay final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    /// All bytes pass.
    [[nodiscard]] bool active() const noexcept { return kind_ != Kind::none; }
    /// The client has a stream of replication.
    [[nodiscard]] bool replicates() const noexcept { return kind_ == Kind::replica; }

    // --- how it begins. False: what was sent before must be answered first
    /// The client's first script in the debugger.
    bool begin_debugger(const Row& row, std::string_view frame);
    /// REPLCONF, SYNC or PSYNC. Which connection is that of a replica the node says by its answer to the latter.
    bool ask_for_stream(const Row& row, const resp::RequestView& request);
    /// That answer is no refusal.
    void on_opened();

    // --- while it is active
    /// A request of the client: one of Redis's own, or a word of the debugger's.
    void take(const Row& row, const resp::RequestView& request);
    /// An empty line, by which a replica says that it is alive.
    void take_empty(std::string_view line);
    void on_relayed(std::string_view bytes);
    /// The node has ended it. What it said last still goes out.
    void end(const upstream::PendingRequest& request);

  private:
    enum class Kind : std::uint8_t { none, debugger, replica };

    [[nodiscard]] bool nothing_outstanding() const;
    bool refuse_stream(const Row& row);
    void pass_on(std::string_view bytes);
    [[nodiscard]] std::string client_address() const;

    Kind kind_ = Kind::none;
};

}  // namespace portal::session
