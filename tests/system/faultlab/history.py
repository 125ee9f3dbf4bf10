"""One operation of a client as the fault lab records it, and the files that hold them: a JSON line each."""

import dataclasses
import json

# Outcomes
OK = "ok"            # answered: `result` is the reply
DOUBT = "doubt"      # may or may not have been executed: INDOUBT, or the connection ended before the reply
REFUSED = "refused"  # an error that promises that nothing was done: NOLEADER, LOADING, MISCONF, ...

# Kinds whose acknowledgement means that something was stored
WRITES = ("write", "count", "append", "add", "transfer", "push", "share")


@dataclasses.dataclass
class Operation:
    client: int
    kind: str        # write, read, count, append, add, transfer, push, pop, share, look, swap, connect
    key: str
    value: object    # what was written; null for reads
    outcome: str
    result: object
    start: float     # seconds, CLOCK_MONOTONIC
    end: float
    error: str = ""  # first words of the error reply, or "closed"


def save(operations, path):
    with open(path, "w", encoding="utf-8") as out:
        for each in operations:
            out.write(json.dumps(dataclasses.astuple(each)) + "\n")


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [Operation(*json.loads(line)) for line in lines]
