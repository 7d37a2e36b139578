"""Memory: a million IDs on standard input, and sixteen large bodies at a time."""

from suite import place, table
from suite.contender import mirror
from suite.goals.goal import at_most
from suite.goals.taken import ENVIRONMENT
from suite.measure import measure
from suite.upstream import Upstream

MOST = 64_000_000
MANY, FEW = 1_000_000, 100_000
BODIES, BODY = 16, 2_000_000_000


def goals(suite):
    many, few = (MANY, FEW) if not suite.asked.smoke else (4000, 400)
    with place.folder() as root, Upstream() as upstream:
        peaks = [peak_of_a_list(root, upstream, length) for length in [few, many]]
    yield at_most(f"peak with {many:,} IDs", peaks[1], MOST, table.mb)
    each = (peaks[1] - peaks[0]) / (many - few)
    yield at_most("memory that a further ID takes", each, 40, "{:.1f} bytes".format)
    yield from large_bodies(BODY if not suite.asked.smoke else 8_000_000)


def peak_of_a_list(root, upstream, length):
    """The peak while a list is read of which the API knows no element: each is asked for all the same."""
    ids = root / "ids.txt"
    with open(ids, "w") as file:
        file.writelines(f"u_{302_000_000_000_000 + number * 7919}\n" for number in range(length))
    command = mirror(upstream.api, "-", root / "mirror", "--api-concurrency", "16", "-q")
    # 3: what is asked for is not there.
    return measure(command, stdin=ids, environment=ENVIRONMENT, codes=(3,)).peak


def large_bodies(size):
    with place.folder(on_disk=True) as disk, Upstream(video=size) as upstream:
        place.room_for(BODIES * size + (1 << 30), disk)
        ids = disk / "ids.txt"
        ids.write_text("".join(f"u_{number}\n" for number in range(BODIES)))
        command = mirror(upstream.api, ids, disk / "mirror", "--no-sync", "--api-concurrency", "16")
        peak = measure(command, environment=ENVIRONMENT).peak
    yield at_most(f"peak with {BODIES} bodies of {size / 1e6:,.0f} MB", peak, MOST, table.mb)
