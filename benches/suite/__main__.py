"""Started by benches/run, which builds what is measured."""

import argparse
import os
import signal
import sys

from suite import contender, docs, goals, growth, machine, micro, place
from suite.compare import LEGEND, compare
from suite.measure import Failed
from suite.results import Results
from suite.work import KINDS

PARTS = ["compare", "goals", "growth", "micro"]


def options():
    parser = argparse.ArgumentParser(prog="benches/run", add_help=False)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--docs", action="store_true")
    said = parser.parse_args()
    unknown = [part for part in said.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no {unknown[0]}, but {' '.join(PARTS)}")
    if said.rounds < 1:
        parser.error("--rounds: at least 1")
    if said.smoke and said.docs:
        parser.error("--smoke --docs: its figures mean nothing, and are not published")
    said.parts = said.parts or PARTS
    said.rounds = 1 if said.smoke else said.rounds
    said.sizes = {name: kind.tiny() if said.smoke else kind for name, kind in KINDS.items()}
    said.kinds = [said.sizes[name] for name in said.kind or KINDS]
    return said


class Suite:
    def __init__(self, asked):
        self.asked = asked
        self.machine = machine.describe()
        self.results = Results(machine=self.machine, smoke=asked.smoke, rounds=asked.rounds)
        self.compared = {}
        self.missed = 0

    def kind(self, name):
        return self.asked.sizes[name]

    def compare(self):
        print(LEGEND)
        for kind in self.asked.kinds:
            figures = self.compare_kind(kind, contender.ALL)
            if figures:
                self.compared[kind.name] = figures
                self.results.add("compare", kind.name, figures)

    def compare_kind(self, kind, contenders):
        try:
            return compare(kind, self.asked.rounds, contenders)
        except place.NoRoom as why:
            print(f"SKIPPED {kind.name}: {why}", flush=True)
            return None

    def goals(self):
        found = goals.measure(self)
        self.missed += sum(goal.met is False for goal in found)
        self.results.add("goals", "all", found)

    def growth(self):
        self.results.add("growth", "sweeps", list(growth.sweeps(self)))

    def micro(self):
        if "MICRO" not in os.environ:
            print("SKIPPED micro: not in a debug build")
            return
        rows = micro.measure(self.asked.smoke)
        print(micro.show(rows))
        self.results.add("micro", "functions", rows)

    def run(self):
        print(machine.sentence(self.machine))
        if self.asked.smoke:
            print("--smoke: tiny work, once. It shows that all of it works; the figures mean nothing.")
        for part in self.asked.parts:
            print(f"\n== {part}", flush=True)
            getattr(self, part)()
        print(f"\nAll figures: {self.results.path}")
        if self.asked.docs:
            docs.write(self.results)
        return 1 if self.asked.strict and self.missed else 0


def main():
    # nginx has no rights here, and is to read what is written; everything that was started ends with this.
    os.umask(0o022)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(Suite(options()).run())
    except Failed as failed:
        sys.exit(f"benches/run: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)


main()
