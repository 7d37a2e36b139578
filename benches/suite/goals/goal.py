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

    def __str__(self):
        return f"{self.name}: {self.measured}; target {self.target}: {self.verdict}"

    @property
    def verdict(self):
        return {True: "met", False: "MISSED", None: "SKIPPED"}[self.met]


def at_most(name, value, target, says=table.ratio, unit=""):
    return Goal(name, f"≤ {says(target)}{unit}", f"{says(value)}{unit}", value <= target)


def at_least(name, value, target, says=table.ratio, unit=""):
    return Goal(name, f"≥ {says(target)}{unit}", f"{says(value)}{unit}", value >= target)


def skipped(name, why):
    return Goal(name, "", f"not measured: {why}", None)


def show(goals):
    head = ["goal", "target", "measured", ""]
    return table.table(head, [[goal.name, goal.target, goal.measured, goal.verdict] for goal in goals])
