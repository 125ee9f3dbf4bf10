// What one scripted client has sent and believes. Its socket is Clients' business, what may be answered the Judge's,
// what it does next the scenes'.
#pragma once

#include "marks.hpp"
#include "node_connection.hpp"
#include "value.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace portal::adversary {

/// Which answer a command gets.
enum class Want : std::uint8_t {
    ok,
    set,
    get,
    mget,
    strlen,
    number,  // the number that it carries
    word,    // the word that it carries, as a string
    whoami,
    hset,
    hgetall,
    rpush,
    lrange,
    lpop,
    blpop,
    del,
    multi,
    exec,
    discard,
    watch,
    unwatch,
    auth,
    select,
    hello,
    subscribe,
    unsubscribe,
    count_of_receivers,
    tracking_on,
    tracking_off,
    client_id,
    getname,
    setname,
    debug,
    eval,  // the word that it carries, or an error of the script's own
    unknown,
    deadly,
    reset
};

struct Command {
    Words words{};
    Want want = Want::ok;
    std::vector<Mark> marks{};            // of what it writes, or of the word that must come back
    std::uint64_t serial = 0;             // of a write
    std::int64_t number = 0;              // INCRBY's; the user, database or protocol that is asked for
    std::optional<std::uint32_t> user{};  // whom HELLO logs in
    std::size_t followers = 0;            // further answers to this command, each a Command of its own without words
    Clock::time_point sent{};
    std::uint64_t turn = 0;                // of the clients' loop, when it was sent
    std::vector<std::uint64_t> unheard{};  // writes before it whose answers the client did not want

    [[nodiscard]] const std::string& key() const { return words[1]; }
};

enum class Known : std::uint8_t { no, yes, unknown };

struct KeyState {
    bool cloudy = false;  // a write was in doubt: anything of this client's own may stand there
    std::optional<Mark> string;
    std::deque<Mark> list;
    std::map<std::string, Mark> hash;
};

struct Client {
    std::uint32_t id = 0;
    std::uint32_t buddy = 0;  // who pushes to its list, and to whom it may redirect
    int descriptor = -1;
    std::uint64_t connections = 0;

    std::string output;
    std::string input;
    std::size_t worth_parsing = 0;
    std::deque<Command> expected;
    std::deque<std::function<void(Client&)>> steps;
    bool leaving = false;      // closes without reading on
    Clock::time_point next{};  // its next scene begins then
    Clock::time_point progress{};
    std::uint64_t progress_turn = 0;

    // What it believes of its connection.
    std::uint32_t user = 0;
    std::uint32_t database = 0;
    int protocol = 2;
    Known multi = Known::no;
    std::vector<Command> queued;
    bool watched = false;
    std::set<std::string> watched_keys;
    bool watch_broken = false;
    bool unknown_place = false;   // a login or SELECT of the present scene may not be answered yet
    bool refused_inside = false;  // an error came since MULTI
    Known tracking = Known::no;
    bool ever_redirected = false;
    bool debugging = false;
    std::set<std::string> channels;
    std::optional<std::string> name;
    std::uint64_t portal_id = 0;
    bool tainted = false;  // it has sent what may be answered more or fewer times than once
    bool unsure = false;   // something was refused or in doubt that this model does not follow: no further scene here

    // What it keeps over all its connections.
    std::map<std::string, KeyState> keys;
    std::map<std::string, std::uint32_t> generations;
    std::set<std::uint64_t> popped;
    std::deque<std::string> log;

    [[nodiscard]] bool open() const { return descriptor >= 0; }
    [[nodiscard]] bool idle() const { return expected.empty() && steps.empty() && output.empty(); }
    void note(std::string line);
    /// A new connection knows nothing.
    void forget_connection();
    /// The present name of key `number` of that kind in its database.
    [[nodiscard]] std::string key(char kind, std::size_t number);
    void send(Command command);
    /// With CLIENT REPLY OFF or SKIP: nothing is expected.
    void send_muted(const Words& words);
    [[nodiscard]] std::string history() const;

  private:
    void write(const Words& words, std::string line);
};

}  // namespace portal::adversary
