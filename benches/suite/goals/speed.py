"""Speed, as the comparison measured it: on the clock against aiohttp, in processor time against the floor."""

from suite import contender
from suite.goals.goal import share_at_most, skipped
from suite.measure import median

# Of aiohttp's wall time, by kind.
WALL = {"small": 0.35, "typical": 0.35, "large": 0.45}
CPU = 1.4
RIVAL = "aiohttp"


def goals(suite):
    wanted = [one for one in contender.ALL if one.name in [contender.SUBJECT, RIVAL, contender.FLOOR]]
    for kind in suite.asked.kinds:
        figures = suite.compared.get(kind.name) or suite.compare_kind(kind, wanted)
        if not figures:
            yield skipped(f"speed, {kind.name}", "there was no room for it")
            continue
        taken = {name: median(measured) for name, measured in figures["taken"].items()}
        subject = taken[contender.SUBJECT]
        name = f"{kind.name}: wall, of {RIVAL}'s"
        if RIVAL in taken:
            yield share_at_most(name, subject.wall, taken[RIVAL].wall, WALL[kind.name])
        else:
            yield skipped(name, "it is not installed")
        name = f"{kind.name}: CPU, of {contender.FLOOR}'s"
        yield share_at_most(name, subject.cpu, taken[contender.FLOOR].cpu, CPU)
