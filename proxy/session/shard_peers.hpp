// The way from a session to the other shards of its portal, for the few commands that speak of all clients. A shard
// shares nothing: work is posted to it and what it found is posted back. Posted work names sessions by id only, since a
// session may be gone when it runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace portal::session {

struct SessionContext;

class ShardPeers {
  public:
    using Task = std::function<void(SessionContext&)>;

    /// Runs `task` as an event of that shard, soon. Any thread.
    virtual void post(std::uint32_t shard, Task task) = 0;
    [[nodiscard]] virtual std::uint32_t shards() const noexcept = 0;

    /// The same on every shard but `from`.
    void post_to_others(std::uint32_t from, const Task& task) {
        for (std::uint32_t shard = 0; shard < shards(); ++shard) {
            if (shard != from) {
                post(shard, task);
            }
        }
    }

    /// Calls `look` once on every shard, then `done` on shard `asker` with what each returned, by shard.
    template <typename Found>
    void ask_all(std::uint32_t asker, std::function<Found(SessionContext&)> look,
                 std::function<void(SessionContext&, std::vector<Found>&)> done) {
        struct Question {
            std::vector<Found> found;
            std::atomic<std::uint32_t> left;
        };
        const std::uint32_t count = shards();
        auto question = std::make_shared<Question>();
        question->found.resize(count);
        question->left = count;
        for (std::uint32_t shard = 0; shard < count; ++shard) {
            post(shard, [this, shard, asker, look, done, question](SessionContext& context) {
                question->found[shard] = look(context);
                if (question->left.fetch_sub(1) == 1) {
                    post(asker, [done, question](SessionContext& back) { done(back, question->found); });
                }
            });
        }
    }

    /// Calls `look` on one shard, then `done` on shard `asker`.
    template <typename Found>
    void ask(std::uint32_t shard, std::uint32_t asker, std::function<Found(SessionContext&)> look,
             std::function<void(SessionContext&, Found&)> done) {
        post(shard, [this, asker, look = std::move(look), done = std::move(done)](SessionContext& context) {
            auto found = std::make_shared<Found>(look(context));
            post(asker, [done, found](SessionContext& back) { done(back, *found); });
        });
    }

  protected:
    ~ShardPeers() = default;
};

}  // namespace portal::session
