// Decides whether an answer may be what its client gets: own marks, right, database, protocol and state; in order; byte
// for byte. Knows no socket.
#pragma once

#include "client.hpp"
#include "hostile_nodes.hpp"
#include "ledger.hpp"

#include <string>

namespace portal::adversary {

/// What may befall a client that did nothing wrong.
struct Tolerance {
    bool lost = false;         // INDOUBT, NOLEADER, an EXEC that answers nil after a WATCH
    bool closed = false;       // its connection ends
    bool refused = false;      // refusals by chance
    bool login = false;        // users change: WRONGPASS, NOAUTH, closed connections
    bool max_clients = false;  // "max number of clients reached"
    bool noise = false;        // pushes of no meaning
    bool desync = false;       // who sends scripts may find its own answers shifted, nobody else's
    bool early_reads = false;  // a read that was asked again sees a write that was sent behind it
};

class Judge {
  public:
    Judge(Ledger& ledger, HostileNodes& nodes, const Tolerance& tolerance)
        : ledger_(ledger), nodes_(nodes), tolerance_(tolerance) {}

    /// The next value that `client` has read; takes from what it expects.
    void take(Client& client, const Value& value);
    /// Its connection has ended, by itself or not: what it expected is in doubt.
    void lost(Client& client, bool by_portal);
    void wrong(Client& client, const std::string& kind, const std::string& what);
    [[nodiscard]] std::uint64_t answers() const noexcept { return answers_; }
    [[nodiscard]] std::uint64_t in_doubt() const noexcept { return in_doubt_; }

  private:
    enum class Fate : std::uint8_t { refused, doubtful };

    [[nodiscard]] static bool is_confirmation(const Value& value);
    bool take_push(Client& client, const Value& value);
    void take_message(Client& client, const std::string& channel, const std::string& message);
    void take_invalidation(Client& client, const Value& keys);
    void answer(Client& client, const Command& command, const Value& value);
    void answer_state(Client& client, const Command& command, const Value& value);
    void answer_data(Client& client, const Command& command, const Value& value);
    void answer_list(Client& client, const Command& command, const Value& value);
    void answer_exec(Client& client, const Command& command, const Value& value);
    void check_unheard(Client& client, const Command& command);
    bool takes_queued(Client& client, Command& command, const Value& value);
    Fate judge_error(Client& client, const Command& command, const Value& value);
    bool is_own_subject(const Client& client, const Command& command, std::string_view text);
    void settle(Client& client, const Command& command, Fate fate);
    void expect_mark(Client& client, const Command& command, const Mark& mark, const Value& value);
    void expect_string(Client& client, const Command& command, const std::string& name, const Value& value);
    void expect_ok(Client& client, const Command& command, const Value& value);
    void executed(Client& client, const Command& command);
    [[nodiscard]] bool may_see_more(const Client& client, const std::string& key) const;
    void check_types(Client& client, const Value& value);
    void make_cloudy(Client& client, const std::string& key);

    Ledger& ledger_;
    HostileNodes& nodes_;
    const Tolerance& tolerance_;
    std::uint64_t answers_ = 0, in_doubt_ = 0;
};

}  // namespace portal::adversary
