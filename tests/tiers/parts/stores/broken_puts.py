"""Puts that fail, or seem to, and runs that are killed between two of them."""

from .proxy import Gate, lost, refused
from .scene import OWN, Scene, statuses


class BrokenPuts:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream

    def an_answer_that_is_lost(self):
        """The manifest is there, whatever its put was answered: it is read back."""
        scene = self.scene
        cases = {"is lost": lost, "says 500": refused(500, applied=True), "says 412": refused(412, applied=True)}
        for what, meet in cases.items():
            with scene.proxy.recording() as log, scene.proxy.meeting(scene.is_manifest("u_0"), meet) as met:
                done, report = scene.run()
            pasts, flaws = len(scene.pasts("u_0")), scene.flaws()
            scene.check(f"a manifest that is there although its put's answer {what} is success", done.returncode == 0
                        and met and statuses(report) in ({"created"}, {"updated"}) and not flaws,
                        done.stderr + flaws + scene.told(log, "u_0"))
            once = pasts == len(scene.pasts("u_1"))
            scene.check(f"and it is committed once, where the answer {what}", once, scene.told(log, "u_0"))

    def a_busy_store(self):
        """One that says 503 gets each put again."""
        scene = self.scene

        def is_data(request):
            return request.writes() and scene.inside(request).startswith("u_0/cover.")

        with scene.proxy.meeting(is_data, refused(503, applied=False), times=2) as met:
            done, report = scene.run()
        scene.check("a store that is busy is asked again", done.returncode == 0 and len(met) == 2
                    and statuses(report) == {"updated"} and not scene.flaws(), done.stderr)

    def a_put_that_is_refused(self):
        scene, before = self.scene, self.scene.manifest("u_0")

        def is_data(request):
            return request.writes() and scene.inside(request).startswith("u_0/side.")

        with scene.proxy.recording() as log, scene.proxy.meeting(is_data, refused(403, applied=False), times=99):
            done, report = scene.run()
        scene.check("where a put is refused, that element fails and the others go on", done.returncode == 3
                    and report["u_0"]["status"] == "failed" and report["u_1"]["status"] == "updated", done.stderr)
        manifests = [request for request in log if scene.is_manifest("u_0")(request)]
        scene.check("no manifest names what is not there: the old version stands, whole", not manifests
                    and scene.manifest("u_0") == before and not scene.flaws(), scene.told(log, "u_0"))

    def killed(self, what, matches):
        """Kills a run that waits for one of its puts."""
        scene, gate = self.scene, Gate()
        with scene.proxy.meeting(matches, gate), scene.running("--id", "u_0") as running:
            gate.wait_for_one()
            running.kill()
            running.communicate()
        scene.check(f"killed {what}: all that stands is whole", not scene.flaws(), scene.flaws())

    def killed_before_the_manifest(self):
        scene, before = self.scene, self.scene.manifest("u_0")
        self.killed("between data and manifest", scene.is_manifest("u_0"))
        scene.check("the old version stands", scene.manifest("u_0") == before)
        self.goes_on("updated")

    def killed_before_the_sums(self):
        scene, before = self.scene, self.scene.manifest("u_0")
        self.killed("between manifest and SHA256SUMS",
                    lambda request: request.writes() and scene.inside(request) == "u_0/SHA256SUMS")
        scene.check("the new version stands", scene.manifest("u_0") != before)
        self.upstream.moving = False
        self.goes_on("unchanged")
        self.upstream.moving = True
        done, report = scene.run()
        sums = sorted(line[66:] for line in scene.get("u_0/SHA256SUMS").decode().splitlines())
        files = [name.split("/")[1] for name in scene.names("u_0/")]
        scene.check("with the next version SHA256SUMS is right again", done.returncode == 0
                    and len(sums) == 4 and set(sums) <= set(files), sums)

    def goes_on(self, status):
        scene = self.scene
        done, report = scene.run()
        scene.check("the next run finishes", done.returncode == 0 and report["u_0"]["status"] == status
                    and not scene.flaws(), f"{report['u_0']} {done.stderr}")
        done, report = scene.verify("--history")
        scene.check("verify --history finds nothing wrong", done.returncode == 0 and statuses(report) == {"ok"},
                    done.stdout + done.stderr)

    def nothing_else_is_left(self):
        scene = self.scene
        odd = [name for name in scene.names() if name.split("/")[0] not in [OWN, *self.upstream.elements]]
        own = {name.split("/")[1] for name in scene.names(f"{OWN}/")}
        scene.check("nothing else is left in the bucket", not odd and own == {"format", "history"}, [*odd, *own])


def steps(check, place, store):
    scene = Scene(check, place, store, "broken-puts", elements=4)
    broken = BrokenPuts(scene)
    return [broken.an_answer_that_is_lost, broken.a_busy_store, broken.a_put_that_is_refused,
            broken.killed_before_the_manifest, broken.killed_before_the_sums, broken.nothing_else_is_left,
            scene.keeps_secrets, scene.stop]
