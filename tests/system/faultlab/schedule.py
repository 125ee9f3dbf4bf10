"""Faults, one at a time or two overlapping, drawn from a seed: what happens to which host, when, and for how long.

A schedule is a list of steps and prints as text, so that a bad run can be told and repeated by its seed.
"""

import dataclasses
import random


@dataclasses.dataclass(frozen=True)
class Fault:
    at: float        # seconds from the start of the schedule
    lasts: float     # until it is healed
    name: str
    target: str = "" # leader, replica, front0, front1
    other: str = ""

    def __str__(self):
        where = f" {self.target}" + (f" | {self.other}" if self.other else "")
        return f"{self.at:5.1f} s for {self.lasts:.1f} s: {self.name}{where}"


NODES = ("leader", "replica")
FRONTS = ("front0", "front1")


def _draw(rng, at):
    lasts = rng.choice((0.3, 0.8, 1.5, 3.0, 5.0))
    name = rng.choice(("kill", "kill", "pause", "pause", "cut", "cut", "cut one way", "isolate", "kill front", "pause front",
                       "lossy", "slow", "restart empty", "busy", "both nodes"))
    match name:
        case "kill" | "pause":
            return Fault(at, lasts, name, rng.choice(NODES))
        case "cut" | "cut one way":
            target, other = rng.choice((("leader", "replica"), ("front0", "leader"), ("front1", "leader"), ("front0", "replica"),
                                        ("front1", "replica")))
            if name == "cut one way" and rng.random() < 0.5:
                target, other = other, target
            return Fault(at, lasts, name, target, other)
        case "isolate":
            return Fault(at, lasts, name, rng.choice((*NODES, *FRONTS)))
        case "kill front" | "pause front":
            return Fault(at, lasts, name.split()[0], rng.choice(FRONTS))
        case "lossy" | "slow":
            return Fault(at, lasts, name, rng.choice((*NODES, *FRONTS)))
        case "restart empty":
            return Fault(at, max(lasts, 1.5), name, "leader")
        case "busy":
            return Fault(at, 0.9, name, "leader")
        case _:
            return Fault(at, lasts, "kill", "both nodes")


def draw(seed, faults=4, spacing=6.0):
    rng = random.Random(seed)
    steps, at = [], 1.5
    for _ in range(faults):
        steps.append(_draw(rng, at))
        if rng.random() < 0.25:
            steps.append(_draw(rng, at + rng.random()))
        at += spacing
    return sorted(steps, key=lambda each: each.at)
