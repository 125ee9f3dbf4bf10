// The rows. `write` stands for every command that must not be sent twice by itself: the ones that redis-server flags as
// writes, those that act in another way (scripts, PUBLISH, CONFIG SET, SHUTDOWN), and those whose answer would be wrong
// on another connection (WAIT). A container's own row is met only with a subcommand that the table lacks, so it is a
// write.
#include "command/command_table.hpp"

#include <algorithm>
#include <array>

namespace portal::command {
namespace {

struct Keys {
    int first = 0, last = 0, step = 0;
};
constexpr Keys kOneKey{1, 1, 1};
constexpr Keys kTwoKeys{1, 2, 1};
constexpr Keys kAllKeys{1, -1, 1};
constexpr Keys kSecondKey{2, 2, 1};

/// Loading of scripts and functions counts, too: their texts come back in errors.
consteval bool runs_code(std::string_view name) {
    constexpr std::array<std::string_view, 11> kNames{"eval",   "eval_ro",  "evalsha",  "evalsha_ro",
                                                      "fcall",  "fcall_ro", "function", "ft.cursor",
                                                      "module", "script",   "debug"};
    for (const std::string_view each : kNames) {
        if (name == each) {
            return true;
        }
    }
    return false;
}

consteval ScriptUse script_use(std::string_view name) {
    struct Use {
        std::string_view name;
        ScriptUse use;
    };
    constexpr std::array<Use, 7> kUses{{{"eval", ScriptUse::text},
                                        {"eval_ro", ScriptUse::text},
                                        {"evalsha", ScriptUse::digest},
                                        {"evalsha_ro", ScriptUse::digest},
                                        {"script|load", ScriptUse::load},
                                        {"script|exists", ScriptUse::exists},
                                        {"script|flush", ScriptUse::flush}}};
    for (const Use& each : kUses) {
        if (name == each.name) {
            return each.use;
        }
    }
    return ScriptUse::none;
}

/// Reads whose cost does not depend on how much there is to read.
consteval bool is_quick(std::string_view name) {
    constexpr std::array<std::string_view, 40> kNames{
        "arcount",    "arget",     "arlen",      "auth",      "dbsize",  "digest", "echo",        "exists",
        "expiretime", "get",       "getbit",     "hello",     "hexists", "hget",   "hlen",        "hmget",
        "hstrlen",    "lastsave",  "lindex",     "llen",      "ping",    "pttl",   "pexpiretime", "scard",
        "select",     "sismember", "smismember", "strlen",    "time",    "touch",  "ttl",         "type",
        "xlen",       "zcard",     "zcount",     "zlexcount", "zmscore", "zrank",  "zrevrank",    "zscore"};
    for (const std::string_view each : kNames) {
        if (name == each) {
            return true;
        }
    }
    return false;
}

/// What a script, a function or a module does, and searches that the node carries out beside its other work.
consteval bool is_slow(std::string_view name) {
    return name.starts_with("eval") || name.starts_with("fcall") || name.starts_with("ft.") || name == "vsim";
}

/// `name` is "command" or "command|subcommand".
consteval CommandRow plain_row(std::string_view name, int arity, bool write, Keys keys) {
    const auto bar = name.find('|');
    const auto subcommand = bar == std::string_view::npos ? std::string_view{} : name.substr(bar + 1);
    return {.name = name.substr(0, bar),
            .subcommand = subcommand,
            .arity = arity,
            .write = write,
            .runs_code = runs_code(name.substr(0, bar)),
            .scripts = script_use(name),
            .quick = is_quick(name),
            .users = name == "acl|setuser" || name == "acl|deluser" || name == "acl|load",
            .slow = is_slow(name),
            .first_key = keys.first,
            .last_key = keys.last,
            .key_step = keys.step};
}

consteval CommandRow read(std::string_view name, int arity, Keys keys = {}) {
    return plain_row(name, arity, false, keys);
}

consteval CommandRow write(std::string_view name, int arity, Keys keys = {}) {
    return plain_row(name, arity, true, keys);
}

consteval CommandRow treated(CommandRow row, Affinity affinity, Handling handling) {
    row.affinity = affinity;
    row.handling = handling;
    return row;
}

consteval CommandRow shared(CommandRow row, Handling handling) {
    return treated(row, Affinity::shared, handling);
}
consteval CommandRow pinned(CommandRow row, Handling handling) {
    return treated(row, Affinity::pinned, handling);
}
consteval CommandRow feed(CommandRow row, Handling handling) {
    return treated(row, Affinity::feed, handling);
}
consteval CommandRow local(CommandRow row, Handling handling) {
    return treated(row, Affinity::local, handling);
}

/// The row of a command with subcommands, met only with one that the table lacks: it may do anything to its connection.
consteval CommandRow container(std::string_view name, int arity) {
    return pinned(write(name, arity), Handling::connection);
}

constexpr auto kListed = std::to_array<CommandRow>({
    container("acl", -2),
    read("acl|cat", -2),
    write("acl|deluser", -3),
    read("acl|dryrun", -4),
    read("acl|genpass", -2),
    read("acl|getuser", 3),
    read("acl|help", 2),
    read("acl|list", 2),
    write("acl|load", 2),
    write("acl|log", -2),
    write("acl|save", 2),
    write("acl|setuser", -3),
    read("acl|users", 2),
    read("acl|whoami", 2),
    write("append", 3, kOneKey),
    read("arcount", 2, kOneKey),
    write("ardel", -3, kOneKey),
    write("ardelrange", -4, kOneKey),
    read("arget", 3, kOneKey),
    read("argetrange", 4, kOneKey),
    read("argrep", -6, kOneKey),
    read("arinfo", -2, kOneKey),
    write("arinsert", -3, kOneKey),
    read("arlastitems", -3, kOneKey),
    read("arlen", 2, kOneKey),
    read("armget", -3, kOneKey),
    write("armset", -4, kOneKey),
    read("arnext", 2, kOneKey),
    read("arop", -5, kOneKey),
    write("arring", -4, kOneKey),
    read("arscan", -4, kOneKey),
    write("arseek", 3, kOneKey),
    write("arset", -4, kOneKey),
    pinned(read("asking", 1), Handling::asking),
    local(read("auth", -2), Handling::auth),
    container("backup", 2),
    write("backup|abort", 2),
    write("backup|cleanup", 2),
    read("backup|help", 2),
    read("backup|list", 2),
    write("backup|seal", 2),
    write("backup|start", 2),
    read("backup|status", 2),
    write("bgrewriteaof", 1),
    write("bgsave", -1),
    read("bitcount", -2, kOneKey),
    write("bitfield", -2, kOneKey),
    read("bitfield_ro", -2, kOneKey),
    write("bitop", -4, {2, -1, 1}),
    read("bitpos", -3, kOneKey),
    pinned(write("blmove", 6, kTwoKeys), Handling::blocking),
    pinned(write("blmovem", -6, kTwoKeys), Handling::blocking),
    pinned(write("blmpop", -5), Handling::blocking),
    pinned(write("blpop", -3, {1, -2, 1}), Handling::blocking),
    pinned(write("brpop", -3, {1, -2, 1}), Handling::blocking),
    pinned(write("brpoplpush", 4, kTwoKeys), Handling::blocking),
    pinned(write("bzmpop", -5), Handling::blocking),
    pinned(write("bzpopmax", -3, {1, -2, 1}), Handling::blocking),
    pinned(write("bzpopmin", -3, {1, -2, 1}), Handling::blocking),
    pinned(write("client", -2), Handling::client_other),
    pinned(read("client|caching", 3), Handling::client_caching),
    pinned(read("client|capa", -3), Handling::client_other),
    local(read("client|getname", 2), Handling::client_getname),
    shared(read("client|getredir", 2), Handling::client_getredir),
    read("client|help", 2),
    local(read("client|id", 2), Handling::client_id),
    pinned(read("client|import-source", 3), Handling::client_other),
    local(read("client|info", 2), Handling::client_info),
    local(write("client|kill", -3), Handling::client_kill),
    local(read("client|list", -2), Handling::client_list),
    local(read("client|maint_notifications", -3), Handling::client_maintenance),
    local(read("client|no-evict", 3), Handling::client_no_evict),
    local(read("client|no-touch", 3), Handling::client_no_touch),
    local(write("client|pause", -3), Handling::client_pause),
    local(read("client|reply", 3), Handling::client_reply),
    local(read("client|setinfo", 4), Handling::client_setinfo),
    local(read("client|setname", 3), Handling::client_setname),
    pinned(read("client|tracking", -3), Handling::client_tracking),
    shared(read("client|trackinginfo", 2), Handling::client_trackinginfo),
    local(write("client|unblock", -3), Handling::client_unblock),
    local(write("client|unpause", 2), Handling::client_unpause),
    container("cluster", -2),
    write("cluster|addslots", -3),
    write("cluster|addslotsrange", -4),
    write("cluster|bumpepoch", 2),
    write("cluster|cancelslotmigrations", 2),
    read("cluster|count-failure-reports", 3),
    read("cluster|countkeysinslot", 3),
    write("cluster|delslots", -3),
    write("cluster|delslotsrange", -4),
    write("cluster|failover", -2),
    write("cluster|flushslot", -3),
    write("cluster|flushslots", 2),
    write("cluster|forget", 3),
    read("cluster|getkeysinslot", 4),
    read("cluster|getslotmigrations", 2),
    read("cluster|help", 2),
    read("cluster|info", 2),
    read("cluster|keyslot", 3),
    read("cluster|links", 2),
    write("cluster|meet", -4),
    write("cluster|migrateslots", -4),
    write("cluster|migration", -4),
    read("cluster|myid", 2),
    read("cluster|myshardid", 2),
    read("cluster|nodes", 2),
    read("cluster|replicas", 3),
    write("cluster|replicate", 3),
    write("cluster|reset", -2),
    write("cluster|saveconfig", 2),
    write("cluster|set-config-epoch", 3),
    write("cluster|setslot", -4),
    read("cluster|shards", 2),
    read("cluster|slaves", 3),
    read("cluster|slot-stats", -4),
    read("cluster|slots", 2),
    pinned(write("cluster|syncslots", -3), Handling::replication),
    read("clusterscan", -2, kOneKey),
    read("command", -1),
    read("command|count", 2),
    read("command|docs", -2),
    read("command|getkeys", -4),
    read("command|getkeysandflags", -4),
    read("command|help", 2),
    read("command|info", -2),
    read("command|list", -2),
    container("commandlog", -2),
    read("commandlog|get", 4),
    read("commandlog|help", 2),
    read("commandlog|len", 3),
    write("commandlog|reset", 3),
    container("config", -2),
    read("config|get", -3),
    read("config|help", 2),
    write("config|resetstat", 2),
    write("config|rewrite", 2),
    write("config|set", -4),
    write("copy", -3, kTwoKeys),
    read("dbsize", 1),
    write("debug", -2),
    write("decr", 2, kOneKey),
    write("decrby", 3, kOneKey),
    write("del", -2, kAllKeys),
    write("delex", -2, kOneKey),
    write("delifeq", 3, kOneKey),
    read("digest", 2, kOneKey),
    pinned(read("discard", 1), Handling::discard),
    read("dump", 2, kOneKey),
    read("echo", 2),
    shared(write("eval", -3), Handling::script),
    read("eval_ro", -3),
    shared(write("evalsha", -3), Handling::script),
    read("evalsha_ro", -3),
    pinned(write("exec", 1), Handling::exec),
    read("exists", -2, kAllKeys),
    write("expire", -3, kOneKey),
    write("expireat", -3, kOneKey),
    read("expiretime", 2, kOneKey),
    write("failover", -1),
    shared(write("fcall", -3), Handling::script),
    read("fcall_ro", -3),
    write("flushall", -1),
    write("flushdb", -1),
    shared(write("ft.cursor", -4), Handling::read_on),
    container("function", -2),
    write("function|delete", 3),
    read("function|dump", 2),
    write("function|flush", -2),
    read("function|help", 2),
    write("function|kill", 2),
    read("function|list", -2),
    write("function|load", -3),
    write("function|restore", -3),
    read("function|stats", 2),
    write("geoadd", -5, kOneKey),
    read("geodist", -4, kOneKey),
    read("geohash", -2, kOneKey),
    read("geopos", -2, kOneKey),
    write("georadius", -6, kOneKey),
    read("georadius_ro", -6, kOneKey),
    write("georadiusbymember", -5, kOneKey),
    read("georadiusbymember_ro", -5, kOneKey),
    read("geosearch", -7, kOneKey),
    write("geosearchstore", -8, kTwoKeys),
    read("get", 2, kOneKey),
    read("getbit", 3, kOneKey),
    write("getdel", 2, kOneKey),
    write("getex", -2, kOneKey),
    read("getrange", 4, kOneKey),
    write("getset", 3, kOneKey),
    write("hdel", -3, kOneKey),
    local(read("hello", -1), Handling::hello),
    read("hexists", 3, kOneKey),
    write("hexpire", -6, kOneKey),
    write("hexpireat", -6, kOneKey),
    read("hexpiretime", -5, kOneKey),
    read("hget", 3, kOneKey),
    read("hgetall", 2, kOneKey),
    write("hgetdel", -5, kOneKey),
    write("hgetex", -5, kOneKey),
    container("himport", -2),
    pinned(read("himport|discard", 3), Handling::fieldset),
    pinned(read("himport|discardall", 2), Handling::fieldset),
    pinned(read("himport|prepare", -4), Handling::fieldset),
    pinned(write("himport|set", -5, kSecondKey), Handling::plain),
    write("hincrby", 4, kOneKey),
    write("hincrbyfloat", 4, kOneKey),
    read("hkeys", 2, kOneKey),
    read("hlen", 2, kOneKey),
    read("hmget", -3, kOneKey),
    write("hmset", -4, kOneKey),
    container("hotkeys", -2),
    read("hotkeys|get", 2),
    read("hotkeys|help", 2),
    write("hotkeys|reset", 2),
    write("hotkeys|start", -2),
    write("hotkeys|stop", 2),
    write("hpersist", -5, kOneKey),
    write("hpexpire", -6, kOneKey),
    write("hpexpireat", -6, kOneKey),
    read("hpexpiretime", -5, kOneKey),
    read("hpttl", -5, kOneKey),
    read("hrandfield", -2, kOneKey),
    shared(read("hscan", -3, kOneKey), Handling::cursor),
    write("hset", -4, kOneKey),
    write("hsetex", -6, kOneKey),
    write("hsetnx", 4, kOneKey),
    read("hstrlen", 3, kOneKey),
    read("httl", -5, kOneKey),
    read("hvals", 2, kOneKey),
    write("incr", 2, kOneKey),
    write("incrby", 3, kOneKey),
    write("incrbyfloat", 3, kOneKey),
    write("increx", -2, kOneKey),
    read("info", -1),
    read("keys", 2),
    read("lastsave", 1),
    container("latency", -2),
    read("latency|doctor", 2),
    read("latency|graph", 3),
    read("latency|help", 2),
    read("latency|histogram", -2),
    read("latency|history", 3),
    read("latency|latest", 2),
    write("latency|reset", -2),
    read("lcs", -3, kTwoKeys),
    read("lindex", 3, kOneKey),
    write("linsert", 5, kOneKey),
    read("llen", 2, kOneKey),
    write("lmove", 5, kTwoKeys),
    write("lmovem", -5, kTwoKeys),
    write("lmpop", -4),
    read("lolwut", -1),
    write("lpop", -2, kOneKey),
    read("lpos", -3, kOneKey),
    write("lpush", -3, kOneKey),
    write("lpushx", -3, kOneKey),
    read("lrange", 4, kOneKey),
    write("lrem", 4, kOneKey),
    write("lset", 4, kOneKey),
    write("ltrim", 4, kOneKey),
    container("memory", -2),
    read("memory|doctor", 2),
    read("memory|help", 2),
    read("memory|malloc-stats", 2),
    write("memory|purge", 2),
    read("memory|stats", 2),
    read("memory|usage", -3, kSecondKey),
    read("mget", -2, kAllKeys),
    write("migrate", -6, {3, 3, 1}),
    container("module", -2),
    read("module|help", 2),
    read("module|list", 2),
    write("module|load", -3),
    write("module|loadex", -3),
    write("module|unload", 3),
    pinned(read("monitor", 1), Handling::monitor),
    write("move", 3, kOneKey),
    write("mset", -3, {1, -1, 2}),
    write("msetex", -4),
    write("msetnx", -3, {1, -1, 2}),
    pinned(read("multi", 1), Handling::multi),
    container("object", -2),
    read("object|encoding", 3, kSecondKey),
    read("object|freq", 3, kSecondKey),
    read("object|help", 2),
    read("object|idletime", 3, kSecondKey),
    read("object|refcount", 3, kSecondKey),
    write("persist", 2, kOneKey),
    write("pexpire", -3, kOneKey),
    write("pexpireat", -3, kOneKey),
    read("pexpiretime", 2, kOneKey),
    write("pfadd", -2, kOneKey),
    read("pfcount", -2, kAllKeys),
    write("pfdebug", 3, kSecondKey),
    write("pfmerge", -2, kAllKeys),
    read("pfselftest", 1),
    shared(read("ping", -1), Handling::ping),
    write("psetex", 4, kOneKey),
    feed(read("psubscribe", -2), Handling::psubscribe),
    pinned(write("psync", -3), Handling::sync),
    read("pttl", 2, kOneKey),
    shared(write("publish", 3), Handling::publish),
    container("pubsub", -2),
    read("pubsub|channels", -2),
    read("pubsub|help", 2),
    read("pubsub|numpat", 2),
    shared(read("pubsub|numsub", -2), Handling::subscribers),
    shared(read("pubsub|shardchannels", -2), Handling::subscribers),
    shared(read("pubsub|shardnumsub", -2), Handling::subscribers),
    feed(read("punsubscribe", -1), Handling::punsubscribe),
    local(read("quit", -1), Handling::quit),
    read("randomkey", 1),
    pinned(read("readonly", 1), Handling::readonly_mode),
    pinned(read("readwrite", 1), Handling::readonly_mode),
    write("rename", 3, kTwoKeys),
    write("renamenx", 3, kTwoKeys),
    pinned(write("replconf", -1), Handling::replconf),
    write("replicaof", 3),
    local(read("reset", 1), Handling::reset),
    write("restore", -4, kOneKey),
    write("restore-asking", -4, kOneKey),
    read("role", 1),
    write("rpop", -2, kOneKey),
    write("rpoplpush", 3, kTwoKeys),
    write("rpush", -3, kOneKey),
    write("rpushx", -3, kOneKey),
    write("sadd", -3, kOneKey),
    write("save", 1),
    shared(read("scan", -2), Handling::cursor),
    read("scard", 2, kOneKey),
    container("script", -2),
    pinned(write("script|debug", 3), Handling::script_debug),
    read("script|exists", -3),
    write("script|flush", -2),
    read("script|help", 2),
    write("script|kill", 2),
    write("script|load", 3),
    read("script|show", 3),
    read("sdiff", -2, kAllKeys),
    read("sdiffcard", -3),
    write("sdiffstore", -3, kAllKeys),
    local(read("select", 2), Handling::select),
    write("set", -3, kOneKey),
    write("setbit", 4, kOneKey),
    write("setex", 4, kOneKey),
    write("setnx", 3, kOneKey),
    write("setrange", 4, kOneKey),
    write("sflush", -3),
    pinned(write("shutdown", -1), Handling::connection),
    read("sinter", -2, kAllKeys),
    read("sintercard", -3),
    write("sinterstore", -3, kAllKeys),
    read("sismember", 3, kOneKey),
    write("slaveof", 3),
    container("slowlog", -2),
    read("slowlog|get", -2),
    read("slowlog|help", 2),
    read("slowlog|len", 2),
    write("slowlog|reset", 2),
    read("smembers", 2, kOneKey),
    read("smismember", -3, kOneKey),
    write("smove", 4, kTwoKeys),
    write("sort", -2, kOneKey),
    read("sort_ro", -2, kOneKey),
    write("spop", -2, kOneKey),
    shared(write("spublish", 3, kOneKey), Handling::publish),
    read("srandmember", -2, kOneKey),
    write("srem", -3, kOneKey),
    shared(read("sscan", -3, kOneKey), Handling::cursor),
    feed(read("ssubscribe", -2, kAllKeys), Handling::ssubscribe),
    read("strlen", 2, kOneKey),
    feed(read("subscribe", -2), Handling::subscribe),
    read("substr", 4, kOneKey),
    read("sunion", -2, kAllKeys),
    read("sunioncard", -3),
    write("sunionstore", -3, kAllKeys),
    feed(read("sunsubscribe", -1, kAllKeys), Handling::sunsubscribe),
    write("swapdb", 3),
    pinned(write("sync", 1), Handling::sync),
    read("time", 1),
    read("touch", -2, kAllKeys),
    write("trimslots", -5),
    pinned(read("ts.read", -3, kOneKey), Handling::blocking),
    read("ttl", 2, kOneKey),
    read("type", 2, kOneKey),
    write("unlink", -2, kAllKeys),
    feed(read("unsubscribe", -1), Handling::unsubscribe),
    pinned(read("unwatch", 1), Handling::unwatch),
    pinned(write("wait", 3), Handling::wait),
    pinned(write("waitaof", 4), Handling::wait),
    pinned(read("watch", -2, kAllKeys), Handling::watch),
    write("xack", -4, kOneKey),
    write("xackdel", -6, kOneKey),
    write("xadd", -5, kOneKey),
    write("xautoclaim", -6, kOneKey),
    write("xcfgset", -2, kOneKey),
    write("xclaim", -6, kOneKey),
    write("xdel", -3, kOneKey),
    write("xdelex", -5, kOneKey),
    container("xgroup", -2),
    write("xgroup|create", -5, kSecondKey),
    write("xgroup|createconsumer", 5, kSecondKey),
    write("xgroup|delconsumer", 5, kSecondKey),
    write("xgroup|destroy", 4, kSecondKey),
    read("xgroup|help", 2),
    write("xgroup|setid", -5, kSecondKey),
    write("xidmprecord", 5, kOneKey),
    container("xinfo", -2),
    read("xinfo|consumers", 4, kSecondKey),
    read("xinfo|groups", 3, kSecondKey),
    read("xinfo|help", 2),
    read("xinfo|stream", -3, kSecondKey),
    read("xlen", 2, kOneKey),
    write("xnack", -7, kOneKey),
    read("xpending", -3, kOneKey),
    read("xrange", -4, kOneKey),
    pinned(read("xread", -4), Handling::blocking),
    pinned(write("xreadgroup", -7), Handling::blocking),
    read("xrevrange", -4, kOneKey),
    write("xsetid", -3, kOneKey),
    write("xtrim", -4, kOneKey),
    write("zadd", -4, kOneKey),
    read("zcard", 2, kOneKey),
    read("zcount", 4, kOneKey),
    read("zdiff", -3),
    write("zdiffstore", -4, kOneKey),
    write("zincrby", 4, kOneKey),
    read("zinter", -3),
    read("zintercard", -3),
    write("zinterstore", -4, kOneKey),
    read("zlexcount", 4, kOneKey),
    write("zmpop", -4),
    read("zmscore", -3, kOneKey),
    write("zpopmax", -2, kOneKey),
    write("zpopmin", -2, kOneKey),
    read("zrandmember", -2, kOneKey),
    read("zrange", -4, kOneKey),
    read("zrangebylex", -4, kOneKey),
    read("zrangebyscore", -4, kOneKey),
    write("zrangestore", -5, kTwoKeys),
    read("zrank", 3, kOneKey),
    write("zrem", -3, kOneKey),
    write("zremrangebylex", 4, kOneKey),
    write("zremrangebyrank", 4, kOneKey),
    write("zremrangebyscore", 4, kOneKey),
    read("zrevrange", -4, kOneKey),
    read("zrevrangebylex", -4, kOneKey),
    read("zrevrangebyscore", -4, kOneKey),
    read("zrevrank", 3, kOneKey),
    shared(read("zscan", -3, kOneKey), Handling::cursor),
    read("zscore", 3, kOneKey),
    read("zunion", -3),
    write("zunionstore", -4, kOneKey),
});

/// Those of the table, and behind them those that stand for what it lacks: an unknown command, and a read and a write
/// that leave nothing on their connection.
constexpr auto kRows = [] {
    std::array<CommandRow, kListed.size() + 3> rows;
    std::ranges::copy(kListed, rows.begin());
    rows[kListed.size()] = {.name = {},
                            .subcommand = {},
                            .write = true,
                            .affinity = Affinity::pinned,
                            .handling = Handling::unknown,
                            .runs_code = true};
    rows[kListed.size() + 1] = {.name = {}, .subcommand = {}, .write = false, .runs_code = true, .slow = true};
    rows[kListed.size() + 2] = {.name = {}, .subcommand = {}, .write = true, .runs_code = true, .slow = true};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].index = static_cast<std::uint16_t>(i);
    }
    return rows;
}();

}  // namespace

std::span<const CommandRow> command_table() noexcept {
    return std::span(kRows).first<kListed.size()>();
}

constinit const CommandRow* const kAllRows = kRows.data();

}  // namespace portal::command
