"""A run that finds all unchanged: against the first one, and against curl asking for the same replies."""

import shutil

from suite.compare import served
from suite.contender import mirror
from suite.goals.goal import Goal, share_at_most
from suite.goals.taken import ENVIRONMENT, alternately
from suite.measure import Failed, measure, median
from suite.nginx import TOKEN


def goals(suite):
    yield from against_the_first(suite)
    yield from against_curl(suite)


def against_the_first(suite):
    first, again, asked = [], [], 0
    with served(suite.kind("typical"), counts=True) as (work, nginx):
        out = work.root / "out"
        command = mirror(work.api, work.ids, out)
        for number in range(suite.asked.rounds + 1):
            nginx.forget()
            measured = measure(command, environment=ENVIRONMENT)
            if nginx.cdn_requests() < work.count - len(work.files):
                raise Failed("the CDN's requests are not counted")
            nginx.forget()
            rerun = measure(command, environment=ENVIRONMENT)
            asked += nginx.cdn_requests()
            shutil.rmtree(out)
            # The first round touches memory that nothing has touched before; it is not counted.
            if number > 0:
                first.append(measured)
                again.append(rerun)
    name = "typical: unchanged re-run, of the first run"
    yield share_at_most(name, median(again).wall, median(first).wall, 0.25)
    yield Goal("typical: CDN requests of unchanged re-runs", "0", str(asked), asked == 0, asked)


def against_curl(suite):
    with served(suite.kind("small")) as (work, _):
        config = work.root / "curl"
        lines = [f'url = "{work.api}/elements/{element}"\noutput = "/dev/null"\n' for element in work.files]
        config.write_text(f'header = "Authorization: Bearer {TOKEN}"\n' + "".join(lines))
        # Both ask sixteen at a time.
        command = mirror(work.api, work.ids, work.root / "mirror", "--api-concurrency", "16")
        measure(command, environment=ENVIRONMENT)
        curl = ["curl", "--config", config, "--parallel", "--parallel-max", "16", "--fail", "--silent"]
        again, asked = alternately(suite.asked.rounds, work.root, [lambda _: command, lambda _: curl])
    yield share_at_most("small: unchanged re-run, of curl asking the same", again.wall, asked.wall, 1.5)
