// What the sessions of one shard have to do with scripts: they tell what nodes have answered, so that the cache knows
// what a node knows, and ask whether a command must wait until the present node knows it, too. What is new is handed to
// the other shards. ScriptLoader asks and loads. One shard.
#pragma once

#include "command/command_table.hpp"
#include "replication/topology.hpp"
#include "resp/reply_piece.hpp"
#include "resp/request_view.hpp"
#include "session/script_cache.hpp"

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portal::session {

struct SessionContext;

class Scripts {
  public:
    using Row = command::CommandRow;

    explicit Scripts(SessionContext& context, std::size_t limit) : context_(context), cache_(limit) {}

    // --- sessions
    /// The answer to a command outside of a transaction.
    void note_answer(const Row& row, std::string_view command, const resp::ReplyHead& reply,
                     const command::CredentialsPtr& by);
    /// `frames`, from MULTI on, were executed: the node is asked which of their scripts it knows.
    void note_executed(std::string_view frames, const command::CredentialsPtr& by);
    /// The command names a script that is still to be loaded.
    [[nodiscard]] bool must_wait(const Row& row, const resp::RequestView& request) const {
        return gate_ != Gate::open && waits(row, request);
    }
    [[nodiscard]] bool all_may_pass() const noexcept { return gate_ == Gate::open; }

    // --- the shard
    /// Other texts may be kept.
    void limit(std::size_t bytes);
    /// Another node is routed to from now on.
    void begin_leader();
    /// From time to time, and before the leader changes: other shards learn what is new here.
    void share();

    // --- the loader
    enum class Gate : std::uint8_t {
        open,
        named,   // only what names one of `awaited` waits
        closed,  // all that names a script waits
    };
    void set_gate(Gate gate, std::set<std::string, std::less<>> awaited = {});
    [[nodiscard]] ScriptCache& cache() noexcept { return cache_; }
    /// Called when a node is to be asked for something, or to be loaded.
    void on_work(std::function<void()> work) { work_ = std::move(work); }
    /// Perhaps somebody has flushed the scripts of this node: each shard asks for all that it knows.
    void doubt_everywhere();
    /// The present node lacks some that another shard has.
    [[nodiscard]] bool take_lacking() noexcept { return std::exchange(lacking_, false); }
    /// After each change.
    void count() const;

  private:
    struct Shared {
        ScriptPtr script;
        ScriptCache::Kind kind;
    };
    struct Delivery {
        std::vector<Shared> scripts;
        replication::Epoch epoch{0};
        std::string node;  // that knows them
    };

    [[nodiscard]] bool waits(const Row& row, const resp::RequestView& request) const;
    void accept(std::string_view body, ScriptCache::Kind kind, ScriptCache::Proof proof,
                const command::CredentialsPtr& by, std::string_view digest = {});
    void note_exists(const resp::RequestView& request, std::string_view bytes);
    void take(const Delivery& delivery);
    void ask_loader() const;
    void doubt();

    SessionContext& context_;
    ScriptCache cache_;
    std::vector<Shared> fresh_;  // other shards do not know them yet
    Gate gate_ = Gate::open;
    std::set<std::string, std::less<>> awaited_;
    std::function<void()> work_;
    bool lacking_ = false;
};

}  // namespace portal::session
