"""A mirror in a bucket is verified, damaged by others, and mended."""

import re

from .scene import OWN, Scene, statuses


class Verifying:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream
        self.upstream.moving = False

    def file(self, element, role):
        [name] = [asset["file"] for asset in self.scene.manifest(element)["assets"] if role in asset["file"]]
        return f"{element}/{name}"

    def all_is_well(self):
        scene = self.scene
        scene.run()
        for options in [[], ["--quick"]]:
            del self.upstream.asked[:]
            with scene.proxy.recording() as log:
                done, report = scene.verify(*options)
            scene.check(f"verify {' '.join(options)} finds all well, and asks no API", done.returncode == 0
                        and statuses(report) == {"ok"} and sorted(report) == self.upstream.elements
                        and not self.upstream.asked, done.stderr)
            read = [request for request in log if request.method == "GET" and re.search(r"\.png$", request.name)]
            expected = 0 if options else 3 * len(self.upstream.elements)
            scene.check(f"verify {' '.join(options)} reads {'no asset' if options else 'each asset once'}",
                        len(read) == expected, scene.told(read))

    def what_is_damaged_is_named(self):
        """Other bytes of the same length, other bytes of another, nothing, and no manifest."""
        scene = self.scene
        files = [self.file(f"u_{number}", role) for number, role in enumerate(["cover", "side", "back"])]
        self.damaged, self.cut, self.lost = files
        scene.put(self.damaged, b"x" * len(scene.get(self.damaged)))
        scene.put(self.cut, scene.get(self.cut)[:-1])
        scene.remove(self.lost)
        scene.remove("u_3/manifest.json")
        done, report = scene.verify()
        found = {element: line["status"] for element, line in report.items() if line["status"] != "ok"}
        scene.check("verify finds what was damaged, cut, removed, and has no manifest", done.returncode == 3
                    and found == {"u_0": "damaged", "u_1": "damaged", "u_2": "damaged", "u_3": "missing_manifest"},
                    found or done.stderr)
        unnamed = [name for name in [self.damaged, self.cut, self.lost]
                   if name.split("/")[1] not in str(report[name.split("/")[0]]) + done.stderr]
        scene.check("and names it", not unnamed, f"{unnamed}\n{done.stdout}{done.stderr}")
        done, report = scene.verify("--quick")
        found = [element for element, line in report.items() if line["status"] == "damaged"]
        scene.check("verify --quick finds what shows by presence and size", done.returncode == 3
                    and sorted(found) == ["u_1", "u_2"] and report["u_3"]["status"] == "missing_manifest",
                    done.stdout + done.stderr)
        done, report = scene.verify("-", input="u_5\nu_none\n")
        scene.check("verify tells of an ID that is not there", report.get("u_none", {}).get("status") == "missing"
                    and report.get("u_5", {}).get("status") == "ok", done.stdout + done.stderr)

    def what_is_damaged_is_mended(self):
        scene = self.scene
        others = {element: scene.manifest(element)["committedAt"] for element in self.upstream.elements[4:]}
        bytes_before = scene.get(self.damaged)
        with scene.proxy.recording() as log:
            done, report = scene.verify("--repair")
        mended = sorted(element for element, line in report.items() if line["status"] == "repaired")
        flaws = scene.flaws()
        scene.check("verify --repair mends it", done.returncode == 0 and not flaws
                    and mended[:3] == ["u_0", "u_1", "u_2"], done.stdout + done.stderr + flaws)
        written = {scene.inside(request).split("/")[0] for request in log if request.writes()} - {OWN}
        scene.check("and touches no other element", written <= {"u_0", "u_1", "u_2", "u_3"} and
                    all(scene.manifest(element)["committedAt"] == at for element, at in others.items()), written)
        aside = scene.names(f"{OWN}/damaged/u_0/")
        scene.check("what was there instead is put aside", [scene.get(name) for name in aside].count(bytes_before) == 1,
                    aside)
        done, report = scene.verify()
        scene.check("after that verify finds all well", done.returncode == 0 and statuses(report) == {"ok"},
                    done.stdout + done.stderr)
        done, report = scene.run()
        scene.check("and a run finds all unchanged", done.returncode == 0 and statuses(report) == {"unchanged"},
                    done.stdout + done.stderr)

    def the_past_too(self):
        scene = self.scene
        self.upstream.moving = True
        old = self.file("u_4", "cover")
        scene.run()
        self.upstream.moving = False
        scene.put(old, b"x" * len(scene.get(old)))
        done, _ = scene.verify()
        scene.check("verify looks at what stands alone", done.returncode == 0, done.stdout + done.stderr)
        done, report = scene.verify("--history")
        found = {element for element, line in report.items() if line["status"] != "ok"}
        scene.check("verify --history looks at what is superseded too", done.returncode == 3 and found == {"u_4"},
                    done.stdout + done.stderr)


def steps(check, place, store):
    scene = Scene(check, place, store, "verifying")
    verifying = Verifying(scene)
    return [verifying.all_is_well, verifying.what_is_damaged_is_named, verifying.what_is_damaged_is_mended,
            verifying.the_past_too, scene.keeps_secrets, scene.stop]
