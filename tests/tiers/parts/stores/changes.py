"""In which order things are put for a new element, and for one that changed; what is put, and on what condition."""

from checks import wait_until
from upstream import Upstream

from .scene import OWN, Scene, lines, named, statuses


class NewCovers(Upstream):
    """Of what changes, it is the cover alone; the other assets stay as they were."""

    def element(self, element):
        told = super().element(element)
        for resource in told["resources"][1:]:
            folder, version, file = resource["resource"].rsplit("/", 2)
            resource["resource"] = f"{folder}/0/{file}"
        return told


class Changes:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream
        self.first = {}

    def in_order(self, log, what):
        scene = self.scene
        wrong = [scene.out_of_order(log, element) for element in self.upstream.elements]
        scene.check(f"{what}: data, history, manifest, SHA256SUMS are put in this order", not any(wrong),
                    "\n".join(filter(None, wrong)))
        print(*(f"    {line}" for line in scene.told(log, "u_0").splitlines()), sep="\n", flush=True)

    def as_the_server_has_it(self, what, count):
        """The store's own log, which has a request where it has ended."""
        scene, store = self.scene, self.scene.store
        put = []

        def is_logged():
            put[:] = [name.removeprefix(scene.prefix + "/") for name in store.puts_logged()
                      if name.startswith(scene.prefix + "/") and "/u_0/" in "/" + name]
            return len(put) >= count

        wait_until(is_logged, f"{store.name} has not logged what was put: {put}")
        kinds = ["history" if OWN in name else name.split("/")[-1].split(".")[0] for name in put[-4:]]
        scene.check(f"{what}: the server's own log has the same order", kinds[-2:] == ["manifest", "SHA256SUMS"]
                    and "manifest" not in kinds[:-2] and "history" not in kinds[:-3], put)

    def new_elements(self):
        scene = self.scene
        with scene.proxy.recording() as log:
            done, report = scene.run()
        scene.check("there is a mirror", done.returncode == 0 and statuses(report) == {"created"}, done.stderr)
        self.in_order(log, "a new element")
        manifests = [request for request in log if request.writes() and request.name.endswith("/manifest.json")]
        conditions = {request.condition() for request in manifests}
        heeds = scene.store.is_conditional
        scene.check(f"a first manifest is put {'where there is none (If-None-Match: *)' if heeds else 'on no condition'}",
                    conditions == {" if-none-match: *" if heeds else ""}, scene.told(manifests))
        self.as_the_server_has_it("a new element", 6)
        self.first = {element: scene.manifest(element) for element in self.upstream.elements}

    def changed_elements(self):
        scene = self.scene
        with scene.proxy.recording() as log:
            done, report = scene.run()
        flaws = scene.flaws()
        scene.check("what changed is updated", done.returncode == 0 and statuses(report) == {"updated"} and not flaws,
                    done.stderr + flaws)
        self.in_order(log, "a changed element")
        self.on_condition(log)
        self.as_the_server_has_it("a changed element", 6 + 5)
        put = [scene.inside(request).split("/")[-1].split(".")[0] for request in log
               if request.writes() and request.succeeded() and scene.inside(request).startswith("u_0/")]
        scene.check("what did not change is not put again",
                    sorted(put) == ["SHA256SUMS", "cover", "element", "manifest"], scene.told(log, "u_0"))

    def on_condition(self, log):
        """A manifest takes the place of the one that was read, and of no other."""
        scene, wrong = self.scene, []
        for element in self.upstream.elements:
            about = [request for request in log if scene.inside(request) == f"{element}/manifest.json"]
            methods = [request.method for request in about if request.succeeded()]
            put = [request for request in about if request.writes()][-1]
            if scene.store.is_conditional:
                right = methods == ["GET", "PUT"] and put.headers.get("if-match", "*") != "*"
            else:
                right = methods == ["GET", "GET", "PUT"] and not put.condition()
            wrong += [] if right else [scene.told(about)]
        how = "on a condition (If-Match)" if scene.store.is_conditional else "and read before, where none is heeded"
        scene.check(f"a manifest is put in the place of the one that was read, {how}", not wrong, "\n".join(wrong))

    def the_past_stands(self):
        scene, wrong = self.scene, []
        for element, first in self.first.items():
            pasts = scene.pasts(element)
            [when] = pasts or [None]
            compact = first["committedAt"].split(".")[0].replace("-", "").replace(":", "").rstrip("Z") + "Z"
            if pasts != {compact: first}:
                wrong.append(f"{element}: {when}, not {compact}")
            wrong += scene.flaws_of(element, first)
        scene.check("the superseded manifest is in the history, and all that it names still stands", not wrong,
                    "\n".join(wrong))

    def the_past_is_listed(self):
        scene = self.scene
        done = scene.mirror("history", scene.url, "--json")
        listed = lines(done.stdout)
        right = [listed[element]["when"] in scene.pasts(element) for element in self.upstream.elements
                 if element in listed]
        scene.check("history lists it", done.returncode == 0 and len(right) == len(self.upstream.elements)
                    and all(right), done.stdout + done.stderr)
        done = scene.mirror("history", scene.url, "u_0")
        scene.check("history lists it for people too, of one element", done.returncode == 0 and "u_0" in done.stdout
                    and "u_1" not in done.stdout, done.stdout + done.stderr)
        print(f"    {done.stdout.strip()}", flush=True)

    def soon_after_another(self):
        """Versions of one and the same second: each has a place of its own in the history."""
        scene, all_of_them = self.scene, []
        run = {"ids": "-", "input": "u_0\n"}
        for _ in range(6):
            all_of_them.append(scene.manifest("u_0"))
            scene.run(**run)
        kept = scene.pasts("u_0")
        lost = [manifest["committedAt"] for manifest in all_of_them if manifest not in kept.values()]
        scene.check("versions that follow each other within a second are all in the history", not lost
                    and any(when.endswith("-2") for when in kept), f"{lost} not in {list(kept)}")

    def refreshed(self):
        """Without a change nothing is put, even if all is downloaded again."""
        scene = self.scene
        self.upstream.moving = False
        with scene.proxy.recording() as log:
            done, report = scene.run("--refresh")
        written = [request for request in log if request.writes() and OWN not in request.name]
        scene.check("--refresh of the same bytes puts nothing", done.returncode == 0 and not written
                    and statuses(report) == {"unchanged"}, scene.told(written) + done.stderr)

    def only_what_is_asked_for(self):
        """A role less, and then all roles again: objects that stand are used where they are."""
        scene = self.scene
        self.upstream.elements.append("u_few")
        run = ["--id", "u_few"]
        scene.run(*run, "--roles", "cover")
        roles = [asset["role"] for asset in scene.manifest("u_few")["assets"]]
        scene.check("--roles holds for a bucket", roles == ["cover"] and scene.manifest("u_few")["roles"] == ["cover"],
                    roles)
        with scene.proxy.recording() as log:
            done, report = scene.run(*run)
        put = [scene.inside(request).split(".")[0] for request in log if request.writes() and "/u_few/" in request.name]
        there = len(named(scene.manifest("u_few")))
        scene.check("what is asked for later is put beside it", done.returncode == 0 and there == 4
                    and report["u_few"]["status"] == "updated" and "u_few/cover" not in put, scene.told(log, "u_few"))

    def sums_that_lag(self):
        """A run that ended between the manifest and SHA256SUMS left the old ones, or none."""
        scene = self.scene
        scene.remove("u_0/SHA256SUMS")
        done, _ = scene.verify()
        scene.check("SHA256SUMS decides nothing: without it verify finds all whole", done.returncode == 0,
                    done.stdout + done.stderr)


def steps(check, place, store):
    scene = Scene(check, place, store, "changes", upstream=NewCovers)
    changes = Changes(scene)
    return [changes.new_elements, changes.changed_elements, changes.the_past_stands, changes.the_past_is_listed,
            changes.soon_after_another, changes.refreshed, changes.only_what_is_asked_for, changes.sums_that_lag,
            scene.keeps_secrets, scene.stop]
