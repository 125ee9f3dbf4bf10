"""Faults drawn from a seed: what happens to which host, when, and for how long.

A schedule is a list of faults and prints as text, so that a bad run can be told and repeated by its seed.
"""

import dataclasses
import random


@dataclasses.dataclass(frozen=True)
class Fault:
    at: float         # seconds from the start of the schedule
    lasts: float      # seconds until it is healed
    name: str
    target: str = ""  # leader, replica, both nodes, front0, front1, an arbiter's host, arbiters
    other: str = ""   # the other end of a cut

    def __str__(self):
        where = f" {self.target}" + (f" | {self.other}" if self.other else "")
        return f"{self.at:5.1f} s for {self.lasts:.1f} s: {self.name}{where}"


NODES = ("leader", "replica")
FRONTS = ("front0", "front1")
SECONDS = (0.3, 0.8, 1.5, 3.0)
SPACING = 4.0  # seconds from one fault to the next

# name -> how often it is drawn
NODE_FAULTS = {"kill": 2, "pause": 2, "cut": 2, "cut one way": 2, "isolate": 1, "lossy": 1, "slow": 1, "kill front": 1,
               "pause front": 1, "restart empty": 1, "replace": 1, "busy": 1, "slow fork": 1, "disk full": 1, "move": 1, "clock": 1,
               "circle": 1, "kill both": 1}
ARBITER_FAULTS = {"cut from arbiter": 2, "kill arbiter": 1, "pause arbiter": 1, "arbiter away": 2}


def _draw(rng, at, etcd):
    weights = NODE_FAULTS | (ARBITER_FAULTS if etcd else {})
    lasts = rng.choice(SECONDS)
    name = rng.choices(list(weights), list(weights.values()))[0]
    match name:
        case "kill" | "pause" | "disk full" | "move":
            return Fault(at, lasts, name, rng.choice(NODES))
        case "restart empty" | "replace" | "busy" | "slow fork" | "circle":
            return Fault(at, lasts, name, "leader")
        case "kill both":
            return Fault(at, lasts, "kill", "both nodes")
        case "cut" | "cut one way":
            target, other = rng.choice((("leader", "replica"), *((front, node) for front in FRONTS for node in NODES)))
            if name == "cut one way" and rng.random() < 0.5:
                target, other = other, target
            return Fault(at, lasts, name, target, other)
        case "isolate" | "lossy" | "slow":
            return Fault(at, lasts, name, rng.choice((*NODES, *FRONTS)))
        case "kill front" | "pause front":
            return Fault(at, lasts, name.split()[0], rng.choice(FRONTS))
        case "clock":
            return Fault(at, lasts, name, rng.choice(FRONTS), rng.choice(("-3600", "3600", "259200")))
        case "cut from arbiter":
            return Fault(at, lasts, "cut", rng.choice(FRONTS), "arbiters")
        case "kill arbiter" | "pause arbiter":
            return Fault(at, lasts, name.split()[0], f"arbiter{rng.randrange(etcd)}")
        case _:
            return Fault(at, lasts, "pause", "arbiters")


def draw(seed, faults=4, spacing=SPACING, etcd=0, overlap=True):
    """`etcd`: members of the arbiter, whose faults are drawn, too. `overlap`: now and then a second one before the first ends."""
    rng = random.Random(seed)
    steps, at = [], 1.0
    for _ in range(faults):
        steps.append(_draw(rng, at, etcd))
        if overlap and rng.random() < 0.25:
            steps.append(_draw(rng, at + rng.random(), etcd))
        at += spacing
    return sorted(steps, key=lambda each: each.at)
