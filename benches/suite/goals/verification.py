"""Verification: `element-mirror verify` on all cores, against one core's sha256sum of the same files."""

import os

from suite.compare import served
from suite.contender import PROGRAM, mirror
from suite.goals.goal import faster_by, skipped
from suite.goals.taken import ENVIRONMENT, alternately
from suite.measure import measure

NAME = "speed of verify, of sha256sum's"


def goals(suite):
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        yield skipped(NAME, "there is one core only")
        return
    with served(suite.kind("typical")) as (work, _):
        out = work.root / "mirror"
        measure(mirror(work.api, work.ids, out), environment=ENVIRONMENT)
        listed = "find \"$0\" -path \"$0/.element-mirror\" -prune -o -type f -print0 | xargs -0 sha256sum"
        # The target is one for two cores, whatever there is.
        verify = ["taskset", "-c", two_cores(), PROGRAM, "verify", out, "-q"]
        verified, summed = alternately(suite.asked.rounds, work.root, [
            lambda _: verify, lambda _: ["sh", "-c", listed, out],
        ])
    yield faster_by(f"{NAME} (two cores)", summed.wall, verified.wall, 1.6)


def two_cores():
    return ",".join(str(core) for core in sorted(os.sched_getaffinity(0))[:2])
