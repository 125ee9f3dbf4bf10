// What the features of one client may ask of its session: answers FeatureHost by the session's parts. One shard.
#pragma once

#include "session/feature_host.hpp"
#include "session/session_part.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace portal::session {

class FeatureDesk final : public SessionPart, public FeatureHost {
  public:
    using Slot = ReplySequencer::Slot;
    using Row = command::CommandRow;
    using SessionPart::SessionPart;

    [[nodiscard]] std::uint64_t id() const noexcept override;
    [[nodiscard]] upstream::LinkIdentity identity() const override;
    [[nodiscard]] bool closed() const noexcept override;
    [[nodiscard]] SessionContext& context() noexcept override;
    [[nodiscard]] command::SessionState& state() noexcept override;
    [[nodiscard]] Order& order() noexcept override;
    [[nodiscard]] bool muted() const noexcept override;
    void mute(bool on) noexcept override;
    [[nodiscard]] ClientLine describe() const override;
    void reply(std::string bytes) override;
    void deny(std::string error) override;
    void confirm(std::string bytes) override;
    void note_asked() noexcept override;
    void await_answer() override;
    void finish_awaited(Slot slot, std::string bytes) override;
    void finish_killed(Slot slot, std::string bytes) override;
    void pause(Wait wait) override;
    [[nodiscard]] Wait wait() const noexcept override;
    void end_reply_wait() noexcept override;
    void wait_for_leader() override;
    void retry() override;
    [[nodiscard]] bool refusing() const noexcept override;
    void refuse_without_leader(const Row& row) override;
    [[nodiscard]] std::string_view no_leader_reason() const noexcept override;
    [[nodiscard]] Slot open_slot() noexcept override;
    void note_sent(const upstream::Link* link) override;
    void finish_slot(Slot slot, std::size_t size, std::string bytes) override;
    [[nodiscard]] upstream::Link* own_link() const noexcept override;
    [[nodiscard]] bool needs_own_link() const noexcept override;
    [[nodiscard]] upstream::Link& link_for(bool own) override;
    [[nodiscard]] upstream::Link& fresh_link() override;
    bool submit(upstream::Link& link, const Row& row, std::string_view frame) override;
    void submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies) override;
    void send_message(const upstream::MessagePtr& message) override;
    void send_push(std::string_view frame) override;
    void mark() override;
    [[nodiscard]] bool closes_on_gap() noexcept override;
    void cut_off(observe::Closed reason) override;
};

}  // namespace portal::session
