#include "session/unblock.hpp"

#include "resp/reply_writer.hpp"
#include "session/all_clients.hpp"
#include "session/session_context.hpp"
#include "session/shard_peers.hpp"

#include <utility>

namespace portal::session {

namespace {

/// The command on its way to the node; posts what comes back.
class Unblock final : public upstream::ReplySink {
  public:
    explicit Unblock(std::function<void(std::string)> answer) : answer_(std::move(answer)) {}

    bool on_reply(upstream::PendingRequest& /*request*/, const resp::ReplyHead& reply,
                  std::string_view /*command*/) override {
        answer_(std::string(reply.bytes()));
        return true;
    }
    /// The connection on which the client waited is lost with the same node.
    void on_lost(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                 const upstream::Loss& /*loss*/) override {
        answer_(resp::integer(0));
    }
    void on_refused(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                    std::string_view error) override {
        answer_(std::string(error));
    }
    bool take_push(const resp::ReplyHead& /*frame*/, const upstream::PendingRequest* /*front*/) override {
        return false;
    }
    void on_pinned_lost() override {}

  private:
    std::function<void(std::string)> answer_;
};

/// On the shard of that client.
void unblock_here(SessionContext& context, const UnblockRequest& wanted, std::function<void(std::string)> answer) {
    const std::uint64_t connection = context.forwarding() ? blocked_connection(context, wanted.client) : 0;
    if (connection == 0 || !context.links.may_share(wanted.asker)) {
        answer(resp::integer(0));
        return;
    }
    std::string frame;
    resp::write_request(frame, "CLIENT", "UNBLOCK", std::to_string(connection), wanted.fails ? "ERROR" : "TIMEOUT");
    upstream::PendingRequest request;
    request.sink = upstream::ReplySinkPtr(new Unblock(std::move(answer)));
    request.effect = upstream::Effect::none;
    context.links.shared(wanted.asker, upstream::Link::Lane::quick).submit(frame, std::move(request));
}

}  // namespace

void unblock_client(SessionContext& context, UnblockRequest request,
                    std::function<void(SessionContext&, const std::string&)> answer) {
    ShardPeers& peers = context.peers;
    const auto shard = static_cast<std::uint32_t>(request.client % peers.shards());
    const auto back = [&peers, asker = context.shard, answer = std::move(answer)](std::string bytes) {
        peers.post(asker, [answer, bytes = std::move(bytes)](SessionContext& there) { answer(there, bytes); });
    };
    peers.post(shard,
               [request = std::move(request), back](SessionContext& there) { unblock_here(there, request, back); });
}

}  // namespace portal::session
