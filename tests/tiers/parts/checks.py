"""Counting what holds and what does not, as every tier does."""

import sys
import time
import traceback

# Nothing that a tier waits for takes longer; what does hangs.
PATIENCE = 120


class Checks:
    """Counts what holds and what does not."""

    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, holds, otherwise=""):
        if holds:
            self.passed += 1
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            detail = "".join(f"\n    {line[:400]}" for line in str(otherwise).splitlines()[:40])
            print(f"FAILED {name}{detail}", flush=True)

    def each(self, steps):
        """Takes the steps one after the other; one that breaks off is one that failed."""
        for step in steps:
            try:
                step()
            except Exception:
                self(step.__name__.replace("_", " "), False, traceback.format_exc())

    def end(self):
        """The last line that a tier says, by which tests/run counts."""
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(self.failed > 0)


def wait_until(condition, otherwise):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(otherwise() if callable(otherwise) else otherwise)
        time.sleep(0.02)
