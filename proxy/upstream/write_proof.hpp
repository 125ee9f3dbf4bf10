// Group commit of write replies: which reply waits for which round, when a round is due, and what it has proved. A
// round asks the leader for its offset, waits for its replicas, and asks how far each has confirmed; it covers every
// write that was answered before it began. Pure: knows no socket and no session.
#pragma once

#include "replication/topology.hpp"
#include "upstream/role_reply.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace portal::upstream {

/// Replies with one ticket are released together. Grows; 0 stands for none.
enum class Ticket : std::uint64_t {};

class WriteProof {
  public:
    using Clock = std::chrono::steady_clock;

    /// Where a reply goes.
    enum class Place : std::uint8_t {
        pass,  // to the client at once
        wait,  // behind the round that will cover it: gathering()
        lost,  // nobody can confirm it any more: the leader that answered may be gone
    };

    /// `strict`: no write is answered while no replica is required. Else the leader alone is enough then.
    explicit WriteProof(bool strict) : strict_(strict) {}

    /// The replicas that must have confirmed a write before its reply is released.
    void require(std::vector<replication::Confirmer> confirmers) { required_ = std::move(confirmers); }
    [[nodiscard]] const std::vector<replication::Confirmer>& required() const noexcept { return required_; }

    // The link on which rounds travel. A round can only speak of writes that the same process has answered, so what
    // waits when the link is lost can never be confirmed.
    void link_opened() noexcept { link_ = Link::opening; }
    void link_ready() noexcept { link_ = Link::ready; }
    void link_lost() noexcept;
    [[nodiscard]] bool has_link() const noexcept { return link_ != Link::none; }
    [[nodiscard]] bool ready() const noexcept { return link_ == Link::ready; }

    /// New writes may be sent: their replies can be expected to be confirmed.
    [[nodiscard]] bool open() const noexcept;
    /// The last round was not confirmed in time, and none was since.
    [[nodiscard]] bool failing() const noexcept { return failing_; }

    /// A reply to a write has come. `permitted`: this portal has confirmed the record recently enough to know who must
    /// confirm.
    [[nodiscard]] Place place(bool permitted) noexcept;
    [[nodiscard]] Ticket gathering() const noexcept { return Ticket{gathering_}; }
    /// Everything up to here may go to its clients.
    [[nodiscard]] Ticket proven() const noexcept { return Ticket{proven_}; }

    /// When no replica is required and none has to be, what waits is released. True if something was.
    bool release_unrequired(bool permitted) noexcept;

    [[nodiscard]] bool round_due() const noexcept;
    /// Begins a round. How many replicas WAIT shall wait for.
    [[nodiscard]] std::size_t begin(Clock::time_point now) noexcept;
    /// The last round only has to be made anew, waiting for more replicas.
    [[nodiscard]] bool due_at_once() const noexcept { return round_due() && (more_ > 0 || !failing_); }
    [[nodiscard]] bool in_round() const noexcept { return round_.has_value(); }
    /// The leader's offset, which covers everything that the round does. Nothing: the node does not lead.
    void note_offset(const std::optional<LeaderRole>& role) noexcept;
    void note_waited(std::uint64_t replicas) noexcept { waited_ = replicas; }
    /// Ends the round. How long it took, if it has proved what it covers.
    std::optional<Clock::duration> finish(const std::optional<LeaderRole>& role, bool permitted, Clock::time_point now);

  private:
    enum class Link : std::uint8_t { none, opening, ready };
    struct Round {
        std::uint64_t covers = 0;
        Clock::time_point began;
        std::optional<std::uint64_t> offset;
    };

    [[nodiscard]] bool confirmed(const LeaderRole& role, std::uint64_t offset) const;

    bool strict_;
    std::vector<replication::Confirmer> required_;
    Link link_ = Link::none;
    std::uint64_t gathering_ = 1;    // ticket of the next reply
    std::uint64_t last_placed_ = 0;  // newest ticket that some reply has
    std::uint64_t proven_ = 0;
    std::optional<Round> round_;
    std::uint64_t waited_ = 0;
    std::size_t more_ = 0;  // replicas to wait for beyond the required ones: others were quicker to confirm
    bool failing_ = false;
};

}  // namespace portal::upstream
