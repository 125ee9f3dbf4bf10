"""Compares what two servers answer to the same commands, byte by byte, apart from what no two redis-servers agree on."""

import re

from server_pair import frame_end

# The order of a hash table, which each server process draws for itself.
UNORDERED = {"KEYS", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "HGETALL", "HKEYS", "HVALS", "HSCAN", "SSCAN", "SCAN", "ZSCAN", "SORT",
             "SORT_RO", "PUBSUB"}
# Times that pass while the test runs.
TIMED = {"TTL", "PTTL", "XPENDING", "XINFO", "OBJECT", "EXPIRETIME", "PEXPIRETIME"}
# The portal's own identity, which is not the node's; only the kind of reply is compared. Also what depends on both of these.
OWN_FIGURES = {"DUMP", "MEMORY", "SPOP", "SRANDMEMBER", "RANDOMKEY"}


def comparable(words, frame):
    """`frame`, the reply to the command `words`, with all that may differ taken out."""
    name = str(words[0]).upper()
    if frame.startswith(b"-"):
        return frame
    if name in UNORDERED:
        return b"\n".join(sorted(frame.split(b"\r\n")))
    if name in TIMED:
        return re.sub(rb":\d+", b":n", frame)
    if name in OWN_FIGURES:
        return frame[:1]
    if name in ("HELLO", "EXEC"):
        return re.sub(rb"(\$2\r\nid\r\n):\d+", rb"\1:n", frame)
    return frame


def comparable_all(commands, frames):
    """The same for a run of commands and their replies, with the elements of EXEC taken each for its own command."""
    queued, results = [], []
    for words, frame in zip(commands, frames):
        if frame == b"+QUEUED\r\n":
            queued.append(words)
            results.append(frame)
        elif str(words[0]).upper() == "EXEC" and frame.startswith(b"*") and not frame.startswith(b"*-1"):
            elements, at = [], frame.find(b"\r\n") + 2
            while at < len(frame):
                end = frame_end(frame, at)
                elements.append(frame[at:end])
                at = end
            if len(elements) == len(queued):
                elements = [comparable(each, element) for each, element in zip(queued, elements)]
            results.append(b"".join([frame[:frame.find(b"\r\n") + 2], *elements]))
            queued = []
        else:
            if str(words[0]).upper() in ("EXEC", "DISCARD", "RESET", "MULTI") and not frame.startswith(b"-ERR"):  # MULTI inside MULTI changes nothing
                queued = []
            results.append(comparable(words, frame))
    return results
