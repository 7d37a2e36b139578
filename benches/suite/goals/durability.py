"""Durability: what flushing costs on a real file system, against the same run with --no-sync."""

from suite import place
from suite.compare import served
from suite.contender import mirror
from suite.goals.goal import share_at_most, skipped
from suite.goals.taken import alternately

NAME = "durable run, of one with --no-sync"


def goals(suite):
    kind = suite.kind("typical")
    with place.folder(on_disk=True) as disk:
        system = place.file_system(disk)
        if system == "tmpfs":
            yield skipped(NAME, f"{disk.parent} is a tmpfs, where flushing costs nothing")
            return
        place.room_for(kind.needs() // 2, disk)
        with served(kind) as (work, _):
            durable, quick = alternately(suite.asked.rounds, disk, [
                lambda out: mirror(work.api, work.ids, out),
                lambda out: mirror(work.api, work.ids, out, "--no-sync"),
            ])
    yield share_at_most(f"{NAME} ({system})", durable.wall, quick.wall, 1.3)
