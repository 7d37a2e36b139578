"""Start to end of a run with nothing to do, against `curl --version`."""

from suite import place
from suite.contender import mirror
from suite.goals.goal import share_at_most
from suite.goals.taken import alternately

TIMES = 40


def goals(suite):
    with place.folder() as root:
        ids = root / "ids.txt"
        ids.touch()
        run, curl = alternately(TIMES * suite.asked.rounds, root, [
            lambda out: mirror("http://127.0.0.1:9/v1/kling", ids, out),
            lambda _: ["curl", "--version"],
        ])
    yield share_at_most("an empty list, of `curl --version`", run.wall, curl.wall, 2)
