"""One goal, and whether it is met."""

import dataclasses

from suite import table


@dataclasses.dataclass(frozen=True)
class Goal:
    name: str
    target: str
    measured: str
    # None where it could not be measured.
    met: bool | None
    # As a number, in the unit of the target.
    value: float | None = None

    def __str__(self):
        target = f"; target {self.target}" if self.target else ""
        return f"{self.name}: {self.measured}{target}: {self.verdict}"

    @property
    def verdict(self):
        return {True: "met", False: "MISSED", None: "SKIPPED"}[self.met]


def at_most(name, value, target, says):
    return Goal(name, f"≤ {says(target)}", says(value), value <= target, value)


def share_at_most(name, part, whole, target):
    """Of two times the one is to be no more than `target` times the other."""
    value = part / whole
    return Goal(name, f"≤ {table.times(target)}", in_words(value, part, whole), value <= target, value)


def faster_by(name, slow, quick, target):
    """Of two times for the same the one is to be at least `target` times the other."""
    value = slow / quick
    return Goal(name, f"≥ {table.times(target)}", in_words(value, slow, quick), value >= target, value)


def in_words(value, one, other):
    return f"{table.times(value)} ({table.seconds(one)} : {table.seconds(other)})"


def skipped(name, why):
    return Goal(name, "", f"not measured: {why}", None)


def show(goals):
    head = ["goal", "target", "measured", ""]
    return table.table(head, [[goal.name, goal.target, goal.measured, goal.verdict] for goal in goals])
