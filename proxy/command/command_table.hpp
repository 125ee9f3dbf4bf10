// One row per command of redis-server 7.0 to 8.10 and Valkey 7.2 to 9.1: arity, read or write, key positions, and how a
// session must treat it. Where versions differ, the arity is that of 7.0. Commands of modules have a row only where
// what the server says of them misleads. Pure data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace portal::command {

/// Which upstream connection a command may travel on.
enum class Affinity : std::uint8_t {
    shared,  // keeps no state on the connection: any shared link of the session's (user, protocol, database)
    pinned,  // changes or depends on connection state, blocks, or is unknown: a leased link
    feed,    // subscriptions: a link that the shard's subscribers share
    local,   // answered by the portal, without a node or with one's answer in between
};

/// What the session does with the command beyond forwarding it. `plain` is everything that is only forwarded.
enum class Handling : std::uint8_t {
    plain,
    unknown,  // not in the table: forwarded on a leased link, treated as a write
    blocking,
    // transactions
    multi,
    exec,
    discard,
    watch,
    unwatch,
    // publish/subscribe
    subscribe,
    unsubscribe,
    psubscribe,
    punsubscribe,
    ssubscribe,
    sunsubscribe,
    publish,      // PUBLISH, SPUBLISH
    subscribers,  // PUBSUB NUMSUB and its kin: the portal knows of more clients than the node
    ping,
    monitor,
    // connection state that the portal keeps
    auth,
    hello,
    select,
    reset,
    quit,
    client_id,
    client_getname,
    client_setname,
    client_setinfo,
    client_info,
    client_list,
    client_kill,
    client_no_evict,
    client_no_touch,
    client_reply,
    client_pause,
    client_unpause,
    client_unblock,
    client_tracking,
    client_getredir,
    client_trackinginfo,
    client_caching,
    client_maintenance,  // MAINT_NOTIFICATIONS: no open server has it
    client_other,
    asking,
    readonly_mode,  // cluster words: forwarded as they are
    script_debug,   // SCRIPT DEBUG: the next script of this connection runs in the debugger
    connection,     // takes the connection over, or changes it in a way of which the portal knows nothing
    wait,           // WAIT, WAITAOF: speak of the writes of this connection
    script,         // EVAL and the like: may write, whatever their name says
    fieldset,       // HIMPORT PREPARE, DISCARD, DISCARDALL: the connection keeps the names of fields
    cursor,         // SCAN and its kin: what goes on with an iteration means something to one process alone
    read_on,        // FT.CURSOR: a cursor of one process, which each reading moves on
    // refused without commands.replication
    replconf,     // what a replica says of itself before it asks for the stream
    sync,         // SYNC and PSYNC: the connection becomes that of a replica
    replication,  // between the nodes of a cluster: always refused
};

/// What a command has to do with the scripts that a node knows by their digest.
enum class ScriptUse : std::uint8_t {
    none,
    text,    // EVAL, EVAL_RO: brings a script along, which the node knows from then on
    digest,  // EVALSHA, EVALSHA_RO: names one that the node must know
    load,    // SCRIPT LOAD
    exists,  // SCRIPT EXISTS
    flush,   // SCRIPT FLUSH
};

struct CommandRow {
    std::string_view name;        // lower case
    std::string_view subcommand;  // lower case; empty for the command itself
    int arity = 0;                // as redis-server counts: with the name; negative: at least
    bool write = false;           // may change data (or cannot be told): must not be sent twice by itself
    Affinity affinity = Affinity::shared;
    Handling handling = Handling::plain;
    bool runs_code = false;  // of others: scripts, functions, modules; may be answered with anything, or too often
    ScriptUse scripts = ScriptUse::none;
    bool quick = false;  // reads in a moment, whatever the data
    bool users = false;  // changes who may log in: ACL SETUSER, DELUSER, LOAD
    bool slow = false;   // runs code of others, or in a thread of the node's: for as long as it likes
    int first_key = 0, last_key = 0, key_step = 0;  // as COMMAND reports; 0: none or movable
    std::uint16_t index = 0;                        // where it stands in kAllRows
};

/// All rows, sorted by (name, subcommand).
[[nodiscard]] std::span<const CommandRow> command_table() noexcept;
/// Those rows, and behind them three that stand for what the table lacks; see classifier.hpp.
extern const CommandRow* const kAllRows;

}  // namespace portal::command
