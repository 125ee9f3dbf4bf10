"""Random commands for any server that describes its commands (COMMAND DOCS): mostly valid ones, some with a broken argument.

Keys come from a small pool by type, so that commands meet each other's values. Arguments that would make two servers answer
differently by themselves (short expiry times, ids made from the clock) are replaced.
"""

from resp_client import Client

# Not drawn at random: they stop or reconfigure the server, keep the connection waiting, or speak of the server or connection
# itself (addresses, times, sizes). The ones that clients use are compared by hand-written scenarios.
NOT_DRAWN = {"acl", "auth", "bgrewriteaof", "bgsave", "client", "cluster", "commandlog", "config", "debug", "failover", "hello", "info",
             "lastsave", "latency", "lolwut", "memory", "migrate", "module", "monitor", "pfselftest", "psubscribe", "psync",
             "punsubscribe", "quit", "readonly", "readwrite", "asking", "replconf", "replicaof", "reset", "restore-asking", "role",
             "save", "script debug", "script kill", "function kill", "shutdown", "slaveof", "slowlog", "ssubscribe", "subscribe",
             "sunsubscribe", "sync", "time", "unsubscribe", "command", "pfdebug", "multi", "exec", "discard", "watch", "unwatch", "wait",
             "waitaof", "randomkey", "spop", "srandmember", "hrandfield", "zrandmember", "xautoclaim", "function dump",
             "function list", "function stats", "restore", "swapdb"}

MAY_BLOCK = {"blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop", "xread", "xreadgroup"}

TYPES = {"string": "str", "list": "list", "set": "set", "sorted-set": "zset", "hash": "hash", "stream": "stream", "bitmap": "str",
         "hyperloglog": "hll", "geo": "geo"}
WORDS = ["a", "b", "c", "d", "10", "-3", "3.5", "", "hello world", b"\x00\xff\r\n", "x" * 70, b">1\r\n+x\r\n", b"*-1\r\n", b"$-1\r\n", "-ERR x", "+OK",
         b"_\r\n", ":1", ">" * 100]
INTEGERS = ["0", "1", "2", "3", "5", "-1", "-2", "100"]
DOUBLES = ["0", "1", "-1.5", "2.25", "1e3", "inf", "10", "89.9"]
FAR = {"seconds": ["100000", "-1"], "milliseconds": ["100000000", "-1"], "unix-time-seconds": ["4102444800", "1"],
       "unix-time-milliseconds": ["4102444800000", "1"], "ttl": ["0", "100000000"], "timestamp": ["4102444800", "1"]}


def _dictionary(flat):
    return {flat[i]: flat[i + 1] for i in range(0, len(flat), 2)}


class CommandSource:
    """Draws commands from what the server at `port` says of itself."""

    def __init__(self, port, chooser):
        self.chooser = chooser
        self.drawable = []  # (group, words, arguments)
        self.groups = set()
        with Client(port) as client:
            docs = _dictionary(client.command("COMMAND", "DOCS"))
        for name in sorted(docs):
            self._add([name.decode()], _dictionary(docs[name]))

    def _add(self, words, doc):
        if " ".join(words) in NOT_DRAWN:
            return
        subcommands = _dictionary(doc.get(b"subcommands", []))
        for name in sorted(subcommands):
            self._add([words[0], name.decode().split("|")[-1]], _dictionary(subcommands[name]))
        if not subcommands:
            group = doc[b"group"].decode()
            self.groups.add(group)
            self.drawable.append((group, words, doc.get(b"arguments", [])))

    def draw(self):
        """The words of one command."""
        choose = self.chooser
        group, words, arguments = choose.choice(self.drawable)
        self.scanning = words[0].endswith("scan")
        command = [choose.choice([word.upper(), word]) for word in words]
        for argument in arguments:
            command += self._argument(group, _dictionary(argument))
        if self.scanning:
            return [*command, "COUNT", "1000"]
        if words[0] in MAY_BLOCK:
            return command  # a changed argument could be a timeout without end
        if choose.random() < 0.12 and len(command) > len(words):
            at = choose.randrange(len(words), len(command))
            change = choose.randrange(3)
            if change == 0:
                del command[at]
            elif change == 1:
                command[at] = choose.choice(WORDS + INTEGERS)
            else:
                command.insert(at, choose.choice(WORDS + INTEGERS))
        return command

    def key(self, group):
        kind = TYPES.get(group)
        if kind is None or self.chooser.random() < 0.15:
            kind = self.chooser.choice(sorted(set(TYPES.values())))
        return f"{kind}:{self.chooser.randrange(3)}"

    def _argument(self, group, argument):
        choose = self.chooser
        flags = argument.get(b"flags", [])
        if "optional" in flags and choose.random() < 0.6:
            return []
        times = choose.choice([1, 1, 2, 3]) if "multiple" in flags else 1
        token = [argument[b"token"].decode()] if b"token" in argument else []
        words = []
        for number in range(times):
            if number == 0 or "multiple_token" in flags:
                words += token
            words += self._value(group, argument)
        return words

    def _value(self, group, argument):
        choose = self.chooser
        kind, name = argument[b"type"].decode(), argument[b"name"].decode()
        if kind == "pure-token":
            return []  # its token is the argument
        if kind == "oneof":
            one = _dictionary(choose.choice(argument[b"arguments"]))
            if one.get(b"token") == b"*":
                return [self._stream_id()]  # an id from the clock would differ
            return ([one[b"token"].decode()] if b"token" in one else []) + self._value(group, one)
        if kind == "block":
            return [word for part in argument[b"arguments"] for word in self._argument(group, _dictionary(part))]
        if kind == "key":
            return [self.key(group)]
        if kind == "pattern":
            return [choose.choice(["*", "str:*", "list:?", "[a-c]*"])]
        if argument.get(b"token") == b"BLOCK":
            return ["20"]
        if name in FAR:
            return [choose.choice(FAR[name])]
        if kind == "unix-time":
            return [choose.choice(FAR[name if name in FAR else "unix-time-seconds"])]
        if name == "timeout":
            return ["0.01"]
        if name == "numkeys":
            return [choose.choice("1112")]
        if name == "cursor":
            return ["0"]  # with COUNT 1000 one round; where a cursor stands depends on the server's own hash seed
        if name in ("id", "start", "end", "max-deleted-id", "lastid", "last-id", "last-delivered-id") and group == "stream":
            return [self._stream_id()]
        if kind == "integer":
            return [choose.choice(["0", "20"]) if "time" in name or name in ("ms", "block") else choose.choice(INTEGERS)]
        if kind == "double":
            return [choose.choice(DOUBLES)]
        if name in ("script", "sha1", "function", "serverversion"):
            return [choose.choice(["return redis.call('GET', KEYS[1])", "return {1, 2.5, 'x', false}", "return redis.error_reply('MINE own')",
                                   "return redis.call('NOSUCH')", "return {double=3.5}", "f", "0" * 40])]
        return [choose.choice(WORDS)]

    def _stream_id(self):
        return self.chooser.choice(["1-1", "2-0", "3-7", "5", "0", "$", "-", "+", "9-9", "(1-1"])
