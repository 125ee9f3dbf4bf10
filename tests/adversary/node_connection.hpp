// What the node model knows of one connection, and the data that all nodes share (replication is perfect here).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace portal::adversary {

using Words = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

struct Entry {
    enum class Type : std::uint8_t { string, list, hash } type = Type::string;
    std::string string{};
    std::deque<std::string> list{};
    std::map<std::string, std::string> hash{};
};

inline constexpr std::uint32_t kDatabases = 4;
using Database = std::unordered_map<std::string, Entry>;

struct TrackingState {
    bool on = false, broadcasts = false, opt_in = false, opt_out = false, no_loop = false;
    bool caching = false;  // CLIENT CACHING YES for the next command
    std::uint64_t redirect = 0;
    std::vector<std::string> prefixes;
    std::set<std::string> keys;
};

struct Blocked {
    std::vector<std::string> keys;
    std::optional<Clock::time_point> until;
};

/// One connection at a node. Its socket belongs to HostileNodes.
struct Connection {
    std::uint64_t id = 0;
    std::size_t node = 0;
    int descriptor = -1;

    std::string input;
    std::string output;
    std::optional<std::size_t> close_after;  // so many bytes of the output, then it is closed
    bool closing = false;                    // once the output is written
    bool dead = false;
    Clock::time_point stalled_until{};
    Clock::time_point piece_due{};  // the next piece of a reply goes out then

    std::uint32_t user = 0;
    bool authenticated = false;
    int protocol = 2;
    std::uint32_t database = 0;
    bool in_multi = false, multi_failed = false;
    std::vector<Words> queued;
    std::string* between = nullptr;  // while EXEC runs: where messages for it go
    std::set<std::pair<std::uint32_t, std::string>> watched;
    bool watch_broken = false;
    bool debugging = false;
    bool just_reset = false;
    std::optional<Blocked> blocked;
    TrackingState tracking;
    std::set<std::string> channels, patterns;
    std::string last;  // the command that it served last, for people
};

// Replies as bytes.
std::string simple(std::string_view text);
std::string error(std::string_view text);
std::string integer(std::int64_t number);
std::string bulk(std::string_view bytes);
std::string null_of(int protocol);
std::string null_array(int protocol);
std::string header(char type, std::size_t count);

/// Lower case.
std::string folded(std::string_view word);

/// Takes one request from the front of `input`. False: it is not whole. An empty vector: not a request at all.
bool take_request(std::string& input, Words& words);

}  // namespace portal::adversary
