"""How time and memory grow: with the number of elements, with connections, with the network's latency."""

import dataclasses
import shutil

from suite import place, table
from suite.compare import served
from suite.contender import mirror
from suite.goals.taken import ENVIRONMENT
from suite.measure import Measured, measure, median
from suite.upstream import Upstream

API_CONCURRENCY = 4
CONCURRENCY = 16
# What may be noise: only more than that is told as growth.
NOISE = 1.25


@dataclasses.dataclass
class Sweep:
    """One thing that grew, and what the program took for each step of it."""

    name: str
    unit: str
    points: list[tuple[int, Measured]]
    verdict: str

    def show(self):
        rows = [[step, table.seconds(one.wall), table.seconds(one.cpu), table.mib(one.peak)]
                for step, one in self.points]
        return f"{table.table([self.unit, 'wall', 'CPU', 'peak'], rows)}\n\n{self.verdict}"


def sweeps(suite):
    for sweep in [elements, connections, latency]:
        found = sweep(suite)
        print(f"\n{found.name}\n{found.show()}", flush=True)
        yield found


def taken(rounds, out, command):
    """The medians of a command that fills `out` anew each time."""
    all_of_them = []
    for _ in range(rounds):
        all_of_them.append(measure(command, environment=ENVIRONMENT))
        shutil.rmtree(out)
    return median(all_of_them)


def elements(suite):
    """Of a kind ever more elements, from one server."""
    steps = [5, 20, 80] if suite.asked.smoke else [100, 400, 1600]
    points = []
    for count in steps:
        kind = dataclasses.replace(suite.kind("small"), elements=count)
        with served(kind) as (work, _):
            out = work.root / "out"
            command = mirror(work.api, work.ids, out)
            # Memory that nothing has touched yet is slow: the first time is not counted.
            taken(1, out, command)
            points.append((count, taken(suite.asked.rounds, out, command)))
    (few, first), (many, last) = points[0], points[-1]
    said = []
    for name in ["wall", "cpu", "peak"]:
        grown = getattr(last, name) / getattr(first, name)
        faster = ", FASTER than the work" if grown > many / few * NOISE else ""
        said.append(f"{name} {grown:.1f} ×{faster}")
    return Sweep("Elements: the same kind, ever more of them", "elements", points,
                 f"{many // few} × the elements took: {'; '.join(said)}")


def connections(suite):
    """The same elements over ever more connections."""
    steps = [1, 4] if suite.asked.smoke else [1, 2, 4, 8, 16, 32, 64]
    kind = dataclasses.replace(suite.kind("small"), elements=10 if suite.asked.smoke else 400)
    points = []
    with served(kind) as (work, _):
        out = work.root / "out"
        taken(1, out, mirror(work.api, work.ids, out))
        for count in steps:
            command = mirror(work.api, work.ids, out, concurrency=count)
            points.append((count, taken(suite.asked.rounds, out, command)))
    fastest = min(points, key=lambda point: point[1].wall)
    cpu = points[-1][1].cpu / points[0][1].cpu
    faster = ", which is MORE for the same work" if cpu > NOISE else ""
    return Sweep("Connections: the same elements over ever more of them", "connections", points,
                 f"fastest with {fastest[0]}; {steps[-1]} take {cpu:.2f} × the CPU of {steps[0]}{faster}")


def latency(suite):
    """The same elements from a server that is ever later."""
    steps = [0, 20] if suite.asked.smoke else [0, 20, 100]
    count, images = (8 if suite.asked.smoke else 100), 4
    points = []
    with place.folder() as root:
        ids, out = root / "ids.txt", root / "out"
        ids.write_text("".join(f"u_{number}\n" for number in range(count)))
        for delay in steps:
            with Upstream(delay=delay, images=images, image=48_000) as upstream:
                points.append((delay, taken(suite.asked.rounds, out, mirror(upstream.api, ids, out))))
    # Nobody can wait less: so many requests after each other on a connection, and files only after a reply.
    least = (1 + max(count / API_CONCURRENCY, count * images / CONCURRENCY)) * steps[-1] / 1000
    waited = points[-1][1].wall - points[0][1].wall
    more = ", MORE than the latency explains" if waited > least * NOISE else ""
    return Sweep("Latency: every reply so much later", "ms", points,
                 f"{steps[-1]} ms cost {waited:.2f} s, {waited / least:.2f} × the least that they can{more}")
