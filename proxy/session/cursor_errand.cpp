#include "session/cursor_errand.hpp"

#include "command/classifier.hpp"
#include "conversation/client_errors.hpp"
#include "conversation/link_effect.hpp"
#include "resp/reply_writer.hpp"
#include "session/session_context.hpp"
#include "session/session_registry.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace portal::session {

namespace {

/// Who has asked, for what, and which shards have still to say whether it is theirs.
struct Errand {
    std::uint64_t client = 0;
    std::uint32_t shard = 0;
    FeatureHost::Slot slot = 0;
    upstream::LinkIdentity identity;
    std::string frame;
    std::atomic<std::uint32_t> left{0};
    std::atomic<bool> taken{false};
};
using ErrandPtr = std::shared_ptr<Errand>;

std::string refusal() {
    return resp::error(conversation::client_errors::kCursor);
}

void answer(SessionContext& here, const ErrandPtr& errand, std::string bytes) {
    here.peers.post(errand->shard, [errand, bytes = std::move(bytes)](SessionContext& back) mutable {
        if (FeatureHost* const asker = back.registry.features(errand->client)) {
            asker->finish_awaited(errand->slot, std::move(bytes));
        }
    });
}

/// Carries one of them on the links of the shard whose replica it is.
class ErrandSink final : public upstream::ReplySink {
  public:
    ErrandSink(SessionContext& here, ErrandPtr errand) : here_(here), errand_(std::move(errand)) {}

    bool on_reply(upstream::PendingRequest& /*request*/, const resp::ReplyHead& reply,
                  std::string_view /*command*/) override {
        answer(here_, errand_,
               conversation::marked_reply(reply.bytes(), here_.cursor_mark).value_or(std::string(reply.bytes())));
        return true;
    }
    /// The replica is lost, or its link is: it is not asked twice.
    void on_lost(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                 const upstream::Loss& /*loss*/) override {
        answer(here_, errand_, refusal());
    }
    void on_refused(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                    std::string_view error) override {
        answer(here_, errand_, std::string(error));
    }
    bool take_push(const resp::ReplyHead& /*frame*/, const upstream::PendingRequest* /*front*/) override {
        return false;
    }
    void on_pinned_lost() override {}

  private:
    SessionContext& here_;
    ErrandPtr errand_;
};

/// Whether the cursor is one of this shard's replica.
bool is_ours(SessionContext& here, const resp::RequestView& request) {
    const std::size_t word = conversation::cursor_word(request);
    return here.reads_only && here.forwarding() &&
           conversation::origin_of(request.arg(word), here.cursor_mark) == conversation::CursorOrigin::here;
}

void take(SessionContext& here, const ErrandPtr& errand) {
    const resp::RequestView request(errand->frame);
    if (is_ours(here, request) && here.links.may_share(errand->identity) && !errand->taken.exchange(true)) {
        const std::string frame = conversation::without_mark(request);
        const command::CommandRow& row = command::classify(request);
        upstream::PendingRequest pending;
        pending.sink = upstream::ReplySinkPtr(new ErrandSink(here, errand));
        pending.tag = static_cast<std::uint32_t>(command::index_of(row));
        pending.effect = conversation::effect_of(row.handling);
        here.links.shared(errand->identity, upstream::Link::Lane::quick).submit(frame, std::move(pending));
    }
    if (errand->left.fetch_sub(1) == 1 && !errand->taken.load()) {
        answer(here, errand, refusal());
    }
}

}  // namespace

void ask_where_it_began(FeatureHost& host, const resp::RequestView& request) {
    SessionContext& context = host.context();
    auto errand = std::make_shared<Errand>();
    errand->client = host.id();
    errand->shard = context.shard;
    errand->identity = host.identity();
    errand->frame = request.frame();
    errand->left = context.peers.shards();
    host.await_answer();
    errand->slot = host.open_slot();
    for (std::uint32_t shard = 0; shard < context.peers.shards(); ++shard) {
        context.peers.post(shard, [errand](SessionContext& there) { take(there, errand); });
    }
}

}  // namespace portal::session
