"""The same work done by each contender, alternately, round by round; everything in memory."""

import contextlib
import shutil

from suite import contender, place, table
from suite.measure import Measured, median
from suite.nginx import Nginx
from suite.work import Work

LEGEND = """Medians; from–to are the fastest and the slowest round. User and system are processor time of all processes
of a contender, peak is the memory of its largest one (none reads as less than 8 MiB). The last columns are
multiples of element-mirror's. Floors keep no promises: network drops the bytes, store hashes and writes them, copy
copies the source's files. Two more say what one thing costs by itself: versions stores with the file work of whole
versions, client by way of element-mirror's own HTTP library."""


@contextlib.contextmanager
def served(kind, counts=False):
    """Work of a kind and the servers that have it."""
    with place.folder() as root:
        work = Work(kind, root)
        place.room_for(kind.needs(), root)
        with Nginx(root, counts) as nginx:
            work.fill(nginx.api, nginx.cdn)
            yield work, nginx


def compare(kind, rounds, contenders=contender.ALL):
    """What each contender took for each round, by its name."""
    taken = {}
    for one in contenders:
        if one.there():
            taken[one.name] = []
        else:
            print(f"SKIPPED {one.name}: it is not installed", flush=True)
    contenders = [one for one in contenders if one.name in taken]
    with served(kind) as (work, _):
        print(f"\n{kind.name}: {kind.describe()}; {work.count} files, {work.bytes / 1e6:.0f} MB", flush=True)
        [warming] = [one for one in contender.ALL if one.name == contender.FLOOR]
        # Memory that nothing has touched yet is slow, above all a virtual machine's: the first would pay.
        warming.run(work, work.root / "out")
        shutil.rmtree(work.root / "out")
        for number in range(rounds):
            # Nobody is always the first after somebody else.
            turn = number % len(contenders)
            for one in contenders[turn:] + contenders[:turn]:
                out = work.root / "out"
                taken[one.name].append(one.run(work, out))
                shutil.rmtree(out, ignore_errors=True)
        figures = {"bytes": work.bytes, "files": work.count, "what": kind.describe(), "taken": taken}
    print(show(figures), flush=True)
    return figures


def show(figures):
    """The medians, in a table."""
    taken = figures["taken"]
    subject = median(taken[contender.SUBJECT])
    rows = []
    for name, measured in taken.items():
        one: Measured = median(measured)
        spread = f"{min(m.wall for m in measured):.2f}–{max(m.wall for m in measured):.2f}"
        rows.append([
            name, table.seconds(one.wall), spread, table.seconds(one.user), table.seconds(one.system),
            table.mib(one.peak), f"{figures['bytes'] / 1e6 / one.wall:.0f}",
            table.ratio(one.wall / subject.wall), table.ratio(one.cpu / subject.cpu),
        ])
    head = ["", "wall", "from–to", "user", "system", "peak", "MB/s", "wall ×", "CPU ×"]
    return table.table(head, rows)
