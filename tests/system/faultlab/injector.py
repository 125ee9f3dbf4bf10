"""Makes faults happen and heals them. `leader` and `replica` mean the nodes that have these roles when a fault begins."""

import time

from cluster import NODE_PORT
from portal_support import wait_until

FORK_TAKES = 700   # milliseconds: a large process, but less than down_after
MANY_KEYS = 1_000_000  # at a time
STARVED = 1        # percent of a processor
SCRIPT = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end
local ends = now() + tonumber(ARGV[1])
while now() < ends do end
return 1
"""
POLL = 0.1         # seconds between two looks at the whole cluster


class Injector:
    def __init__(self, cluster, say=lambda text: None):
        self.cluster = cluster
        self.say = say
        self.cuts = []  # what the network loses now: functions that say so again

    def run_on_time(self, steps):
        """Each fault begins at its time, whatever goes on."""
        start = time.monotonic()
        pending, heals = list(steps), []
        while pending or heals:
            now = time.monotonic() - start
            heals.sort(key=lambda each: each[0])
            if heals and heals[0][0] <= now:
                heals.pop(0)[1]()
            elif pending and pending[0].at <= now:
                fault = pending.pop(0)
                heals += [(fault.at + fault.lasts, heal) for heal in self.begin(fault)]
            else:
                time.sleep(0.01)

    def run_one_by_one(self, steps):
        """Each fault begins when the cluster is whole again after the one before, and every node could be promoted."""
        for fault in steps:
            heals = self.begin(fault)
            time.sleep(fault.lasts)
            for heal in heals:
                heal()
            self.wait_whole(f"after {fault}")
            wait_until(self.cluster.ready, 60, f"the portals know that every node is in sync after {fault}", every=POLL)

    def wait_whole(self, what, quiet=False):
        wait_until(lambda: self.repaired() and self.cluster.healthy(quiet), 60, f"every node is linked to one leader {what}", every=POLL)

    def repaired(self):
        """What an operator does when a node ends at its start: empties it, if another one leads.

        Redis 7.0.15 may leave zeros in its log after a full disk (the log goes on behind a hole) and then refuses the file.
        """
        for node in self.cluster.nodes:
            if not node.running and self.cluster.leader() is not None:
                self.say(f"  {node.host} does not start from its own files; it is emptied")
                self.wipe(node)
                node.start()
        return True

    def resolve(self, target):
        """The members that a fault's target names."""
        if target in ("leader", "replica"):
            leader = self.cluster.leader() or self.cluster.nodes[0]
            return [leader] if target == "leader" else [next(each for each in self.cluster.nodes if each is not leader)]
        if target == "both nodes":
            return list(self.cluster.nodes)
        if target == "arbiters":
            return list(self.cluster.arbiters)
        return [each for each in self.cluster.members() if each.host == target]

    def begin(self, fault):
        """What must be done to heal it, as functions."""
        self.say(f"  {fault}")
        members = self.resolve(fault.target)
        first = members[0]
        match fault.name:
            case "kill":
                for each in members:
                    each.kill()
                return [lambda each=each: each.running or each.start() for each in members]
            case "pause":
                for each in members:
                    each.pause()
                return [each.resume for each in members]
            case "restart empty":
                self.wipe(first)
                return [lambda: first.running or first.start()]
            case "replace":  # at once, so that no look at the node fails: behind its address there is another one
                self.wipe(first)
                first.start()
                return []
            case "move":
                first.kill()
                self.cluster.network.move(first.host)
                return [lambda: first.running or first.start()]
            case "circle":  # each node is told to follow the other
                nodes = self.cluster.nodes
                for each, other in zip(nodes, [*nodes[1:], nodes[0]]):
                    self.cluster.ask(each, "REPLICAOF", self.cluster.network.name(other.host), NODE_PORT)
                return []
            case "busy":
                return [self.from_its_host(first, "DEBUG", "SLEEP", str(fault.lasts))]
            case "script":
                return [self.from_its_host(first, "EVAL", SCRIPT, "0", str(fault.lasts))]
            case "populate":  # nobody is served meanwhile, too; no replica gets these keys
                return [self.from_its_host(first, "DEBUG", "POPULATE", str(MANY_KEYS), fault.other)]
            case "keys":
                return [self.from_its_host(first, "KEYS", "*")]
            case "starve":
                return [first.starve(STARVED)]
            case "slow fork":
                first.slow_fork(FORK_TAKES)
                self.from_its_host(first, "BGSAVE")()
                return [lambda: first.slow_fork(0)]
            case "disk full":
                for each in members:
                    self.cluster.fill_disk(each)
                return [lambda each=each: self.free_disk(each) for each in members]
            case "clock":
                first.set_clock(int(fault.other))
                return [lambda: first.set_clock(0)]
            case _:
                return [self.disturb(fault, [each.host for each in members])]

    def wipe(self, node):
        node.kill()
        for entry in sorted(self.cluster.disk(node).rglob("*"), reverse=True):
            entry.rmdir() if entry.is_dir() else entry.unlink()

    def free_disk(self, node):
        """A replica that cannot write its log ends itself, as Redis does, and somebody starts it again."""
        self.cluster.free_disk(node)
        if not node.running:
            node.start()

    def from_its_host(self, member, *words):
        """Sends a command without waiting for the answer. What ends its connection: a command goes on until then."""
        try:
            client = self.cluster.client(member.host)
            client.send(*words)
            return client.close
        except OSError:
            self.say(f"  {member.host} does not take {words[0]}")
            return lambda: None

    def disturb(self, fault, hosts):
        lab = self.cluster.network
        others = [each.host for each in self.resolve(fault.other)] if fault.other else []
        pairs = [(host, other) for host in hosts for other in others]
        match fault.name:
            case "cut":
                cut = lambda: [lab.cut(*pair) for pair in pairs]
            case "cut one way":
                cut = lambda: [lab.cut(*pair, both=False) for pair in pairs]
            case "isolate":
                cut = lambda: [lab.isolate(host, but=("client",)) for host in hosts]
            case "isolate together":  # they reach each other and the clients, nobody else
                cut = lambda: [lab.isolate(host, but=("client", *hosts, *others)) for host in [*hosts, *others]]
            case "lossy":
                cut = lambda: [lab.shape(host, each, dropped=0.1) for host in hosts for each in lab.hosts if each != host]
            case "slow":
                cut = lambda: [lab.shape(host, each, held=0.05) for host in hosts for each in lab.hosts if each != host]
            case _:
                raise AssertionError(f"no fault is called {fault.name}")
        self.cuts.append(cut)
        cut()

        def heal():
            self.cuts.remove(cut)
            lab.heal()
            for each in self.cuts:
                each()
        return heal
