"""A bucket as the destination: against a folder that is copied there, and in memory."""

import shutil

from suite import place, table
from suite.bucket import RCLONE, Bucket
from suite.compare import served
from suite.contender import mirror
from suite.goals.goal import at_most, share_at_most, skipped
from suite.goals.taken import ENVIRONMENT
from suite.measure import measure, median
from suite.upstream import Upstream

SHARE = 1.5
MOST = 128_000_000
BODIES, BODY = 48, 64_000_000


def goals(suite):
    if not RCLONE.exists():
        yield skipped("a bucket as the destination", "rclone is not installed")
        return
    yield against_a_copy(suite)
    yield large_bodies(BODY if not suite.asked.smoke else 9_000_000)


def against_a_copy(suite):
    straight, folder, copy = [], [], []
    kind = suite.kind("typical")
    with served(kind) as (work, _), Bucket(work.root) as bucket:
        # The bucket twice, the folder, and what is staged.
        place.room_for(2 * kind.needs(), work.root)
        environment = {**ENVIRONMENT, **bucket.environment}
        for number in range(suite.asked.rounds + 1):
            out, stage = work.root / "out", work.root / "stage"
            # In turn, and each into a prefix of its own.
            put = measure(mirror(work.api, work.ids, bucket.url(f"put-{number}"), "--staging", stage),
                          environment=environment)
            written = measure(mirror(work.api, work.ids, out), environment=environment)
            copied = measure(bucket.copied_from(out, f"copied-{number}"), environment=environment)
            for path in [out, *bucket.root.glob("*/*")]:
                shutil.rmtree(path)
            # The first round touches memory that nothing has touched before; it is not counted.
            if number > 0:
                straight.append(put)
                folder.append(written)
                copy.append(copied)
    name = "typical: into a bucket, of into a folder and rclone copy"
    return share_at_most(name, median(straight).wall, median(folder).wall + median(copy).wall, SHARE)


def large_bodies(size):
    with place.folder(on_disk=True) as disk, Upstream(video=size) as upstream, Bucket(disk) as bucket:
        place.room_for(2 * BODIES * size + (1 << 30), disk)
        ids = disk / "ids.txt"
        ids.write_text("".join(f"u_{number}\n" for number in range(BODIES)))
        command = mirror(upstream.api, ids, bucket.url("large"), "--api-concurrency", "16",
                         "--staging", disk / "stage")
        peak = measure(command, environment={**ENVIRONMENT, **bucket.environment}).peak
    return at_most(f"peak with {BODIES} bodies of {size / 1e6:,.0f} MB into a bucket", peak, MOST, table.mb)
