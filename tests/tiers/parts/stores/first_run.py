"""A list is mirrored into an empty prefix, and again where nothing has changed."""

import hashlib
import json

from .scene import OWN, Scene, named, statuses


class FirstRun:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream
        self.upstream.moving = False
        self.log = []

    def mirrors_all(self):
        scene = self.scene
        with scene.proxy.recording() as self.log:
            done, report = scene.run()
        scene.check("a list is mirrored", done.returncode == 0 and statuses(report) == {"created"}
                    and sorted(report) == self.upstream.elements, done.stderr)
        flaws = scene.flaws()
        scene.check("each object that a manifest names is there, whole, and bears its digest in its name", not flaws,
                    flaws)

    def nothing_else_is_there(self):
        scene = self.scene
        expected = [f"{OWN}/format"]
        for element in self.upstream.elements:
            files = [file["file"] for file in named(scene.manifest(element))]
            expected += [f"{element}/{file}" for file in [*files, "manifest.json", "SHA256SUMS"]]
        there = scene.names()
        scene.check("there is what the manifests name, a manifest and SHA256SUMS each, the format, and nothing else",
                    there == sorted(expected) and len(there) == 1 + 6 * len(self.upstream.elements), there)
        scene.check("the format is 1", scene.get(f"{OWN}/format") == b"1\n", scene.get(f"{OWN}/format"))

    def the_sums_are_right(self):
        scene, wrong = self.scene, []
        for element in self.upstream.elements:
            files = sorted((file["file"], file["sha256"]) for file in named(scene.manifest(element)))
            sums = scene.get(f"{element}/SHA256SUMS").decode()
            said = sorted((line[66:], line[:64]) for line in sums.splitlines() if line[64:66] == "  ")
            wrong += [element, sums] if said != files else []
        scene.check("SHA256SUMS names the data objects with their digests, as sha256sum writes it", not wrong,
                    "\n".join(wrong))

    def what_the_api_said(self):
        scene, wrong = self.scene, []
        for element in self.upstream.elements:
            reply = json.dumps(self.upstream.element(element)).encode()
            if scene.get(f"{element}/element.{hashlib.sha256(reply).hexdigest()[:32]}.json") != reply:
                wrong.append(element)
        scene.check("element.json is what the API said, byte for byte", not wrong, wrong)

    def as_downloaded(self):
        scene, wrong = self.scene, []
        for element in self.upstream.elements:
            for asset in scene.manifest(element)["assets"]:
                path = asset["url"].removeprefix(self.upstream.origin)
                _, _, data = self.upstream.answer(path, {}, {})
                if scene.get(f"{element}/{asset['file']}") != data:
                    wrong.append(f"{element}/{asset['file']}")
        scene.check("each asset is what the CDN has, byte for byte", not wrong, wrong)
        [cover] = [asset["file"] for asset in scene.manifest("u_0")["assets"] if asset["role"] == "cover"]
        types = [scene.reader.media_type(f"{scene.prefix}/u_0/{name}") for name in [cover, "manifest.json"]]
        scene.check("objects say of what type they are", types == ["image/png", "application/json"], types)

    def a_second_run(self):
        scene = self.scene
        del self.upstream.asked[:]
        with scene.proxy.recording() as log:
            done, report = scene.run()
        scene.check("a second run finds all unchanged", done.returncode == 0 and statuses(report) == {"unchanged"}
                    and len(report) == len(self.upstream.elements), done.stderr)
        about = [request for request in log if OWN not in scene.inside(request) + request.query]
        asked = sorted(request.listed().removeprefix(f"{scene.prefix}/") or scene.inside(request) for request in about)
        scene.check("an unchanged element costs two requests: for its manifest, and which of its objects are there", asked ==
                    [f"{element}/{what}" for element in self.upstream.elements for what in ["", "manifest.json"]],
                    scene.told(log))
        scene.check("what else is asked of the store is asked once a run", len(log) == len(asked) + 3, scene.told(log))
        fetched = [path for path in self.upstream.asked if "/cdn/" in path]
        scene.check("and the CDN is asked for nothing", not fetched, fetched)

    def a_dry_run(self):
        scene, before = self.scene, self.scene.names()
        with scene.proxy.recording() as log:
            done, report = scene.run("--dry-run", "--id", "u_new")
        writes = [request for request in log if request.method not in ("GET", "HEAD")]
        scene.check("a dry run writes nothing", not writes and scene.names() == before
                    and report["u_0"]["status"] == "unchanged", scene.told(writes) + done.stderr)

    def one_is_gone(self):
        scene = self.scene
        self.upstream.faults["u_1"] = 404
        done, report = scene.run()
        noted = scene.names(f"{OWN}/gone/")
        scene.check("an element that is gone is noted in the bucket, and keeps its objects", done.returncode == 0
                    and report["u_1"]["status"] == "gone" and noted == [f"{OWN}/gone/u_1"] and not scene.flaws(),
                    done.stderr)
        del self.upstream.faults["u_1"]
        done, report = scene.run()
        scene.check("the note goes when it is back", report["u_1"]["status"] == "unchanged"
                    and not scene.names(f"{OWN}/gone/"), done.stderr)

    def the_sample_api(self):
        """As the quick start has it."""
        scene = self.scene
        url = scene.store.url(scene.prefix + "/a prefix/of several words")
        env = scene.store.environment()
        done = scene.mirror("run", "--demo", "--all", "-o", url + "/", "-q", env=env)
        covers = [name for name in scene.names("a prefix/of several words/") if "/cover." in name]
        scene.check("--demo goes into a bucket too, below whatever prefix", done.returncode == 0 and len(covers) > 5,
                    done.stderr)
        done = scene.mirror("verify", url, "-q", env=env)
        scene.check("and verify finds it whole", done.returncode == 0, done.stderr)


def steps(check, place, store):
    scene = Scene(check, place, store, "first-run")
    first = FirstRun(scene)
    return [first.mirrors_all, first.nothing_else_is_there, first.the_sums_are_right, first.what_the_api_said,
            first.as_downloaded, first.a_second_run, first.a_dry_run, first.one_is_gone, first.the_sample_api,
            scene.keeps_secrets, scene.stop]
