// The scripts that a node has accepted from clients, so that the next leader can be made to know them. Bounded: texts
// that came with an EVAL and were never named by an EVALSHA go first, as in Redis since 7.4, then those that were used
// least lately. Does no I/O; one shard. A text is never changed, and is shared by the shards that know it.
#pragma once

#include "command/session_state.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace portal::session {

/// Never changes once it is made.
struct Script {
    std::string digest;  // SHA1, 40 lower-case hexadecimal digits, as EVALSHA names it
    std::string body;
    /// Whose request brought it. Its password is here no longer than clients with that login are.
    std::weak_ptr<const command::Credentials> loaded_by;
};
using ScriptPtr = std::shared_ptr<const Script>;

class ScriptCache {
  public:
    /// Texts that came with an EVAL and were never named by an EVALSHA.
    static constexpr std::size_t kMostEvaluated = 500;
    /// Digests whose text this portal has never seen.
    static constexpr std::size_t kMostNamed = 1000;
    /// What one costs beside its text, in bytes.
    static constexpr std::size_t kOverhead = 256;

    enum class Kind : std::uint8_t { evaluated, kept, named };
    /// Whether a node is known to have it, or is still to be asked.
    enum class Proof : std::uint8_t { given, owed };

    /// `limit`: bytes of texts, and kOverhead for each; 0: nothing is kept.
    explicit ScriptCache(std::size_t limit) : limit_(limit) {}
    void limit(std::size_t bytes);
    [[nodiscard]] bool enabled() const noexcept { return limit_ > 0; }

    /// A node has got `body` in a request of `by`. `digest`: what it called the script; empty: it did not say. The
    /// script if it is new here; null: it is known, too large, or not called by its digest.
    ScriptPtr accept(std::string_view body, Kind kind, Proof proof, const command::CredentialsPtr& by,
                     std::string_view digest = {});
    /// Another shard knows it. False: so did this one.
    bool accept(const ScriptPtr& script, Kind kind);
    /// A node knows the script of that digest, in any case: it has run it, or has said so.
    void note_known(std::string_view digest);
    /// A node has been asked, and knows it or does not.
    void confirm(std::string_view digest, bool known);
    /// Perhaps no node knows any of them any more; each is to be asked for.
    void doubt();
    /// The node that could have been asked is gone.
    void drop_doubtful();

    struct Known {
        std::string digest;
        ScriptPtr script;  // null: its text is not here
        bool doubtful = false;
    };
    /// Those used last stand first.
    [[nodiscard]] std::vector<Known> all() const;
    [[nodiscard]] std::vector<Known> doubtful() const;
    /// Of all(), `count` at most, from the one at `begin` on.
    [[nodiscard]] std::vector<Known> some(std::size_t begin, std::size_t count) const;
    /// It is here, and a node is known to know it.
    [[nodiscard]] bool is_proven(std::string_view digest) const;
    [[nodiscard]] bool contains(std::string_view digest) const { return by_digest_.contains(digest); }

    [[nodiscard]] bool empty() const noexcept { return by_digest_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return by_digest_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] bool has_doubtful() const noexcept { return doubtful_ > 0; }
    /// How many a node is known to know.
    [[nodiscard]] std::size_t proven() const noexcept { return size() - doubtful_; }

  private:
    struct Entry {
        std::string digest;
        ScriptPtr script;
        std::size_t hash = 0;  // of its text
        Kind kind = Kind::named;
        bool doubtful = false;
    };
    using Entries = std::list<Entry>;

    [[nodiscard]] Entries& of(Kind kind) noexcept { return entries_[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] const Entries& of(Kind kind) const noexcept { return entries_[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] Entry* find(std::string_view body, std::size_t hash);
    void touch(Entries::iterator entry, Kind kind);
    void insert(Entry entry);
    void give_text(Entry& entry, const ScriptPtr& script, std::size_t hash);
    void set_doubtful(Entry& entry, bool doubtful) noexcept;
    void erase(Entries::iterator entry);
    void drop_last(Kind kind);
    void make_room();

    std::size_t limit_;
    std::size_t bytes_ = 0;
    std::size_t doubtful_ = 0;
    std::array<Entries, 3> entries_;  // by kind; used last first
    std::unordered_map<std::string_view, Entries::iterator> by_digest_;
    std::unordered_map<std::size_t, Entries::iterator> by_text_;  // by the hash of the text
};

/// The digest of a text; empty when this machine cannot compute it.
[[nodiscard]] std::string digest_of(std::string_view body);
/// EVALSHA takes digests in either case. Empty: it is none.
[[nodiscard]] std::string lower_digest(std::string_view digest);

}  // namespace portal::session
