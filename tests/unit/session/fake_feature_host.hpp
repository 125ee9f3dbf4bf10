// A session as its features see it, for their tests: notes what they ask for. It has no shard, so what a feature does
// with links and feeds is for the wire tests.
#pragma once

#include "session/feature_host.hpp"

#include <cstdlib>
#include <string>
#include <vector>

namespace portal::session {

class FakeFeatureHost final : public FeatureHost {
  public:
    command::SessionState client;
    std::vector<std::string> replies;  // that the client gets
    std::vector<std::string> own;      // requests of the portal's own
    std::vector<observe::Closed> cut_offs;
    bool gaps_close = false;
    std::vector<upstream::MessagePtr> messages;
    std::vector<std::string> pushes;
    Wait waits = Wait::nothing;
    bool refuses = false;  // the wait for a leader is over
    bool mutes = false;
    Order sent;

    std::uint64_t id() const noexcept override { return 1; }
    upstream::LinkIdentity identity() const override { return {}; }
    bool closed() const noexcept override { return false; }
    SessionContext& context() noexcept override { std::abort(); }
    command::SessionState& state() noexcept override { return client; }
    bool muted() const noexcept override { return mutes; }
    void mute(bool on) noexcept override { mutes = on; }
    ClientLine describe() const override { return {}; }
    void note_asked() noexcept override {}
    void await_answer() override { waits = Wait::reply; }
    void finish_awaited(Slot, std::string bytes) override { reply(std::move(bytes)); }
    void finish_killed(Slot, std::string bytes) override { reply(std::move(bytes)); }
    void reply(std::string bytes) override { replies.push_back(mutes ? std::string() : std::move(bytes)); }
    void confirm(std::string bytes) override { replies.push_back(std::move(bytes)); }
    void deny(std::string error) override { reply(std::move(error)); }
    void pause(Wait why) override { waits = why; }
    Wait wait() const noexcept override { return waits; }
    void end_reply_wait() noexcept override { waits = waits == Wait::reply ? Wait::drained : waits; }
    void wait_for_leader() override { waits = Wait::leader; }
    void retry() override {}
    bool refusing() const noexcept override { return refuses; }
    void refuse_without_leader(const Row&) override { reply("-NOLEADER\r\n"); }
    std::string_view no_leader_reason() const noexcept override { return "no leader"; }
    Slot open_slot() noexcept override { return 0; }
    Order& order() noexcept override { return sent; }
    void note_sent(const upstream::Link*) override {}
    void finish_slot(Slot, std::size_t, std::string bytes) override { replies.push_back(std::move(bytes)); }
    upstream::Link* own_link() const noexcept override { return nullptr; }
    bool needs_own_link() const noexcept override { return client.needs_link(); }
    upstream::Link& link_for(bool) override { std::abort(); }
    upstream::Link& fresh_link() override { std::abort(); }
    bool submit(upstream::Link&, const Row&, std::string_view) override { std::abort(); }
    void submit_own(upstream::Link&, std::string_view frame, std::int32_t) override { own.emplace_back(frame); }
    void send_message(const upstream::MessagePtr& message) override { messages.push_back(message); }
    void send_push(std::string_view frame) override { pushes.emplace_back(frame); }
    void mark() override {}
    bool closes_on_gap() noexcept override { return gaps_close; }
    void cut_off(observe::Closed reason) override { cut_offs.push_back(reason); }
};

}  // namespace portal::session
