"""Runs that go on at the same time on one prefix, and a reader who follows manifests while runs replace them."""

import contextlib
import re
import threading

from checks import wait_until

from .proxy import Gate
from .scene import Scene, lines, statuses

SHARDS = 8


class AtOnce:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream

    @contextlib.contextmanager
    def all_at_work(self, *options):
        """Runs with options each, of which none is answered before all have asked."""
        del self.upstream.asked[:]
        self.upstream.answering.clear()
        with contextlib.ExitStack() as stack:
            runs = [stack.enter_context(self.scene.running(*each)) for each in options]
            wait_until(lambda: len(self.upstream.asked) >= len(runs), "the runs do not all ask")
            self.upstream.answering.set()
            yield runs

    def ends(self, runs):
        """What the runs come to: what they said, where one did not end well, and their reports' lines."""
        said, reports = [], []
        for running in runs:
            stdout, stderr = self.scene.end(running)
            said += [] if running.returncode == 0 else [f"{running.returncode} {stderr}"]
            reports.append(lines(stdout))
        return "\n".join(said), reports

    def two_runs(self):
        scene = self.scene
        for what in ["on nothing", "on a mirror"]:
            with self.all_at_work([], []) as runs:
                said, reports = self.ends(runs)
            flaws = scene.flaws()
            all_told = all(len(report) == len(self.upstream.elements) for report in reports)
            scene.check(f"two runs at once {what} both end well", not said and all_told, said)
            scene.check(f"and all manifests are whole after two runs {what}", not flaws, flaws)
        done, report = scene.verify("--history")
        scene.check("verify --history agrees", done.returncode == 0 and statuses(report) == {"ok"}, done.stderr)

    def one_overtakes(self):
        """A manifest is held up on its way, and another run's comes first."""
        scene, gate = self.scene, Gate(lets_go_on=True)
        with scene.proxy.recording() as log:
            with scene.proxy.meeting(scene.is_manifest("u_0"), gate):
                with scene.running("--id", "u_0") as held:
                    gate.wait_for_one()
                    done, _ = scene.run(ids="-", input="u_0\n")
                    theirs = scene.manifest("u_0")
                    gate.opened.set()
                    said, [report] = self.ends([held])
        scene.check("a run that was overtaken ends well, and so does the other", done.returncode == 0 and not said,
                    said)
        kept = theirs in [scene.manifest("u_0"), *scene.pasts("u_0").values()]
        scene.check("what stands is whole", not scene.flaws(), scene.flaws())
        if scene.store.is_conditional:
            scene.check("the other's version is not lost: it is superseded, and in the history", kept,
                        scene.told(log, "u_0"))
            refused = [request for request in log if request.status in (409, 412) and scene.is_manifest("u_0")(request)]
            scene.check("the store refused the manifest that came late", len(refused) == 1, scene.told(log, "u_0"))

    def eight_shards(self):
        scene = self.scene
        scene.move("at-once/shards")
        with self.all_at_work(*(["--shard", f"{number + 1}/{SHARDS}"] for number in range(SHARDS))) as runs:
            said, reports = self.ends(runs)
        done = sorted(element for report in reports for element in report)
        scene.check("eight shards at once end well, and do each element once", not said
                    and done == sorted(self.upstream.elements), said or done)
        flaws = scene.flaws()
        scene.check("and all manifests are whole", not flaws and all(reports), flaws)

    def a_reader_follows(self):
        scene, over = self.scene, threading.Event()
        scene.move("at-once/followed")
        followed, rounds, runs, again = self.upstream.elements[:6], [], [], []
        some = {"ids": "-", "input": "\n".join(followed)}

        def follow():
            while not over.is_set():
                rounds.append("\n".join(self.flaws_seen(element, again) for element in followed).strip())

        scene.run(**some)
        reader = threading.Thread(target=follow)
        reader.start()
        try:
            while len(runs) < 6 or len(rounds) < 6:
                done, report = scene.run("--keep-versions", "0", **some)
                runs.append((done.returncode, statuses(report)))
        finally:
            over.set()
            reader.join()
        flaws = [found for found in rounds if found]
        scene.check("who follows manifests finds all that they name, whole, while runs replace them again and again",
                    not flaws and set(map(str, runs)) == {str((0, {"updated"}))}, "\n".join([*flaws[:5], str(runs)]))
        objects = len(rounds) * len(followed) * 4
        torn = f"; what the store itself cut short was asked for again {len(again)} times" if again else ""
        print(f"    {len(rounds)} times all, {objects} objects, during {len(runs)} runs{torn}", flush=True)

    def a_reader_at_that_moment(self):
        """One who reads a version when its manifest has just been put, and the run does not know it yet; and who had
        read the manifest before it, and goes on to what that names when the run is over."""
        scene, flaws, read = self.scene, [], []

        def reads(request, forward):
            element = scene.inside(request).split("/")[0]
            before = scene.manifest(element)
            reply = forward()
            flaws.append(scene.flaws([element]))
            read.append((element, before))
            return reply

        def is_manifest(request):
            return request.method == "PUT" and re.fullmatch(r"u_\d+/manifest.json", scene.inside(request))

        with scene.proxy.meeting(is_manifest, reads, times=1000):
            for _ in range(3):
                scene.run("--keep-versions", "0", ids="-", input="u_0\nu_1\n")
        flaws += [flaw for element, before in read for flaw in scene.flaws_of(element, before)]
        scene.check("who reads at that moment finds all that the new manifest names, and later what the old one did",
                    len(read) == 6 and not any(flaws), "\n".join(filter(None, flaws)))

    def flaws_seen(self, element, again):
        """What a reader finds wrong with a version; of a store that cuts replies short he asks once more."""
        tries = 1 if self.scene.store.replaces_whole else 5
        for number in range(tries):
            again += [element] if number else []
            try:
                flaws = self.scene.flaws([element])
            except Exception as broken:
                flaws = repr(broken)
            if not flaws:
                break
        return flaws


def steps(check, place, store):
    scene = Scene(check, place, store, "at-once", elements=24)
    at_once = AtOnce(scene)
    return [at_once.two_runs, at_once.one_overtakes, at_once.eight_shards, at_once.a_reader_follows,
            at_once.a_reader_at_that_moment, scene.keeps_secrets, scene.stop]
