"""Named situations, one after another on one cluster under load, and what clients may see of each.

Those that need an arbiter of its own (etcd) say so. `calm`: the same leader before and after. `errors`: the error replies that may
be seen, by their first word; a closed connection never is, unless a portal was killed.
"""

import dataclasses
import time

from schedule import Fault

IN_DOUBT = frozenset({"INDOUBT"})
DEMOTED = IN_DOUBT | {"EXECABORT"}  # a transaction that was open ends
CUT_OFF_TOGETHER = "a portal and the leader are cut off together"
NO_SPACE = frozenset({"MISCONF", "EXECABORT"})


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    faults: tuple
    calm: bool = True
    errors: frozenset = frozenset()
    etcd: int = 0  # how many members it needs at least
    heavy: bool = False  # takes much time or memory: by name only


SCENARIOS = (
    Scenario("a large leader forks for a background save", (Fault(0, 1.0, "slow fork", "leader"),)),
    Scenario("the leader sleeps for three times down_after", (Fault(0, 3.0, "busy", "leader"),)),
    Scenario("a script on the leader takes three times down_after", (Fault(0, 3.0, "script", "leader"),)),
    Scenario("the leader's process is stopped for a while, and no agent says so", (Fault(0, 3.0, "pause", "leader"),)),
    Scenario("the leader has a hundredth of a processor", (Fault(0, 3.0, "starve", "leader"),)),
    Scenario("KEYS on five million keys", (*(Fault(5.0 * i, 5.0, "populate", "leader", f"filler{i}") for i in range(5)),
                                           Fault(26.0, 12.0, "keys", "leader")), heavy=True),
    Scenario("a background save while the replica is unreachable",
             (Fault(0, 2.0, "isolate", "replica"), Fault(0.5, 1.2, "slow fork", "leader"))),
    Scenario("another node behind the leader's address, empty", (Fault(0, 1.0, "replace", "leader"),), calm=False, errors=IN_DOUBT),
    Scenario("two nodes that follow each other", (Fault(0, 1.0, "circle", "leader"),), calm=False, errors=DEMOTED),
    Scenario("the leader's disk is full", (Fault(0, 1.5, "disk full", "leader"),), errors=NO_SPACE),
    Scenario("the replica's disk is full", (Fault(0, 1.5, "disk full", "replica"),)),
    Scenario("the leader comes back under another address", (Fault(0, 1.0, "move", "leader"),), calm=False, errors=IN_DOUBT),
    Scenario("the replica comes back under another address", (Fault(0, 0.5, "move", "replica"),)),
    Scenario("a portal's date jumps back and forth", (Fault(0, 0.8, "clock", "front0", "-3600"), Fault(0.4, 0.8, "clock", "front1", "259200"))),
    Scenario("the replica loses the leader, the portals do not", (Fault(0, 2.0, "cut", "leader", "replica"),)),
    Scenario("the leader hears the portals, they do not hear it", (Fault(0, 2.0, "cut one way", "leader", "front0"),)),
    Scenario("a member of the arbiter is killed", (Fault(0, 1.5, "kill", "arbiter0"),), etcd=3),
    Scenario("a member of the arbiter is silent", (Fault(0, 1.5, "pause", "arbiter1"),), etcd=3),
    Scenario("a portal is cut off from the arbiter", (Fault(0, 2.6, "cut", "front0", "arbiters"),), etcd=1),
    Scenario(CUT_OFF_TOGETHER, (Fault(0, 4.0, "isolate together", "front0", "leader"),), calm=False, errors=IN_DOUBT, etcd=1),
    Scenario("the whole arbiter is away", (Fault(0, 3.0, "pause", "arbiters"),), etcd=1),
)


AFTERMATH = 0.5  # seconds in which a command that met the fault may still get its answer


# On a cluster with agents, each with the same faults as above.
WITH_AGENTS = (
    Scenario("the leader sleeps for three times down_after, beside an agent", (Fault(0, 3.0, "busy", "leader"),)),
    Scenario("a script on the leader takes three times down_after, beside an agent", (Fault(0, 3.0, "script", "leader"),)),
    Scenario("the leader's process is stopped, and its agent says so", (Fault(0, 3.0, "pause", "leader"),), calm=False, errors=IN_DOUBT),
)


class Observed:
    """What happened on the cluster while a scenario ran."""

    def __init__(self, scenario, start, end, same_leader):
        self.scenario, self.start, self.end, self.same_leader = scenario, start, end, same_leader

    def judge(self, operations):
        """Sentences about what should not have been."""
        name = self.scenario.name
        mine = [op for op in operations if op.kind != "connect" and self.start <= op.end < self.end]
        seen = {op.error for op in mine if op.error} - self.scenario.errors
        wrong = [f"{name}: a client saw {error}" for error in sorted(seen)]
        if self.scenario.calm and not self.same_leader:
            wrong.append(f"{name}: the leader was changed")
        if self.scenario in WITH_AGENTS and not self.scenario.calm and self.same_leader:
            wrong.append(f"{name}: the leader was not changed")
        if not any(op.outcome == "ok" for op in mine):
            wrong.append(f"{name}: no service")
        return wrong


def run(injector, chosen):
    """Runs them all; the workload goes on meanwhile. The observations are to be judged when the history is there."""
    observed = []
    for scenario in chosen:
        before, start = (injector.cluster.leader(), injector.cluster.epoch()), time.monotonic()
        injector.say(scenario.name)
        injector.run_on_time(scenario.faults)
        injector.wait_whole(f"after: {scenario.name}")
        time.sleep(AFTERMATH)
        observed.append(Observed(scenario, start, time.monotonic(), before == (injector.cluster.leader(), injector.cluster.epoch())))
    return observed
