"""A large asset goes up in parts, of which none is left where the run ends before all are there."""

import functools

from site_of_elements import mp4
from upstream import Upstream

from .proxy import Gate
from .scene import Scene, statuses

SIZE = 64 << 20
PART = 8 << 20


class WithVideo(Upstream):
    """Each element has a large video, too."""

    def element(self, element):
        told = super().element(element)
        path = told["cover"]["resource"].replace("cover.png", "video.mp4")
        told["resources"].append({"resource": path, "resourceKey": "video", "cover": False, "slotKey": ""})
        return told

    def answer(self, path, query, headers):
        if path.endswith("/video.mp4"):
            self.asked.append(path)
            return 200, "video/mp4", video(path)
        return super().answer(path, query, headers)


@functools.lru_cache(maxsize=2)
def video(path):
    return mp4(path, SIZE)[0]


class Large:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream

    def parts(self, log):
        return [request for request in log if self.scene.store.is_part(request)]

    def goes_up_in_parts(self):
        scene = self.scene
        with scene.proxy.recording() as log:
            done, report = scene.run()
        flaws = scene.flaws()
        scene.check("a large asset is there, whole", done.returncode == 0 and statuses(report) == {"created"}
                    and not flaws, done.stderr + flaws)
        parts = self.parts(log)
        sizes = [len(part.body) for part in parts]
        scene.check("it went up in parts of 8 MiB", sorted(sizes) == [SIZE + 24 - 8 * PART] + [PART] * 8, sizes)
        ends = [request for request in log if scene.store.ends_parts(request)]
        [manifest] = [request for request in log if scene.is_manifest("u_0")(request)]
        scene.check("and was complete before the manifest was put", len(ends) == 1 and ends[0].ended < manifest.began
                    and all(part.ended < ends[0].began for part in parts) and not scene.out_of_order(log, "u_0"),
                    scene.told(log))
        at_once = max(sum(part.began <= one.began < part.ended for part in parts) for one in parts)
        print(f"    {len(parts)} parts, as many as {at_once} at once", flush=True)
        done, _ = scene.verify()
        scene.check("verify reads it, too", done.returncode == 0, done.stderr)

    def is_interrupted(self):
        """SIGINT while the fourth part is on its way."""
        scene, before, gate = self.scene, self.scene.manifest("u_0"), Gate()
        seen = []

        def is_fourth(request):
            seen.extend([request] if scene.store.is_part(request) else [])
            return len(seen) == 4 and request is seen[3]

        with scene.proxy.recording() as log:
            with scene.proxy.meeting(is_fourth, gate), scene.running() as running:
                gate.wait_for_one()
                stdout, stderr = scene.interrupt(running)
        scene.check("a run that is interrupted while parts go up ends with 130", running.returncode == 130
                    and '"interrupted"' in stdout, f"{running.returncode} {stdout}{stderr}")
        self.nothing_is_left(log, before)

    def nothing_is_left(self, log, before):
        scene = self.scene
        scene.check("the old version stands, whole", scene.manifest("u_0") == before and not scene.flaws(),
                    scene.flaws())
        videos = [name for name in scene.names("u_0/") if "/video." in name]
        scene.check("of the new one there is no video", len(videos) == 1, videos)
        left = [name for name in scene.reader.half_uploaded() if name.startswith(scene.prefix)]
        if scene.store.ends_uploads:
            ended = [request for request in log if request.method == "DELETE" and "uploadId" in request.query]
            scene.check("and no upload is left open", len(ended) == 1 and not left, f"{left}\n{scene.told(log)}")
        else:
            print(f"    {scene.store.name}: parts of {len(left)} objects are left: no request ends an upload here;"
                  " Azure removes them itself after a week", flush=True)

    def a_part_fails(self):
        """A part that fails for good: what was begun is ended."""
        scene, before = self.scene, self.scene.manifest("u_0")

        def refuse(request, forward):
            return 400, [], b""

        with scene.proxy.recording() as log, scene.proxy.meeting(scene.store.is_part, refuse, times=99):
            done, report = scene.run()
        scene.check("where a part can't be put, the element fails", done.returncode == 3
                    and report["u_0"]["status"] == "failed", f"{done.returncode} {done.stderr}")
        self.nothing_is_left(log, before)

    def a_part_is_put_again(self):
        scene = self.scene
        with scene.proxy.meeting(scene.store.is_part, lambda request, forward: (503, [], b""), times=2) as met:
            done, report = scene.run()
        scene.check("the next run finishes, and puts a part again where the store is busy", done.returncode == 0
                    and len(met) == 2 and statuses(report) == {"updated"} and not scene.flaws(), done.stderr)
        left = [name for name in scene.reader.half_uploaded() if name.startswith(scene.prefix)]
        scene.check("after it no upload is open", not left or not scene.store.ends_uploads, left)


def steps(check, place, store):
    scene = Scene(check, place, store, "large", elements=1, upstream=WithVideo)
    large = Large(scene)
    return [large.goes_up_in_parts, large.is_interrupted, large.a_part_fails, large.a_part_is_put_again, scene.stop]
