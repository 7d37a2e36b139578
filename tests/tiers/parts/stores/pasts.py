"""What is superseded stays for a day, whatever is asked for; and goes after that, where it is asked for."""

from .scene import OWN, Scene, named

# The program's clock goes ahead of the store's, which is the machine's own: one that looks at it takes no such request.
IN_THREE_DAYS = ["faketime", "-f", "+3d"]


class Pasts:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream

    def what_is_young_stays(self):
        scene = self.scene
        scene.run()
        scene.run()
        before = scene.names()
        done, report = scene.run("--keep-versions", "0")
        missing = sorted(set(before) - set(scene.names()))
        scene.check("--keep-versions 0 removes nothing that is younger than a day", done.returncode == 0 and not missing
                    and report["u_0"]["status"] == "updated", missing or done.stderr)
        before = scene.names()
        done = scene.mirror("prune", scene.url, "--keep-versions", "0")
        missing = sorted(set(before) - set(scene.names()))
        scene.check("nor does prune", done.returncode == 0 and not missing, missing or done.stderr)
        kept = [manifest for element in self.upstream.elements for manifest in scene.pasts(element).values()]
        flaws = [flaw for manifest in kept for flaw in scene.flaws_of(manifest["element"]["id"], manifest)]
        scene.check("all that superseded manifests name still stands", len(kept) == 2 * len(self.upstream.elements)
                    and not flaws, "\n".join(flaws))

    def what_is_old_goes(self):
        scene = self.scene
        scene.put("u_0/notes.txt", b"somebody else's")
        scene.put("u_0/video.00000000000000000000000000000000.mp4", b"of a run that was killed")
        standing = scene.manifest("u_0")
        done = scene.mirror("prune", scene.url, "--keep-versions", "1", under=IN_THREE_DAYS)
        left = {element: len(scene.pasts(element)) for element in self.upstream.elements}
        scene.check("after days, prune --keep-versions 1 leaves one superseded version", done.returncode == 0
                    and set(left.values()) == {1}, f"{left}\n{done.stderr}")
        [kept] = scene.pasts("u_0").values()
        scene.check("and all that it and the standing one name", not scene.flaws() and not scene.flaws_of("u_0", kept),
                    scene.flaws())
        with scene.proxy.recording() as log:
            done = scene.mirror("prune", scene.url, "--keep-versions", "0", under=IN_THREE_DAYS)
        expected = [f"u_0/{file['file']}" for file in named(standing)]
        expected += ["u_0/SHA256SUMS", "u_0/manifest.json", "u_0/notes.txt"]
        scene.check("--keep-versions 0 leaves what stands, and what others put there", done.returncode == 0
                    and scene.names("u_0/") == sorted(expected) and scene.names(f"{OWN}/history/") == []
                    and not scene.flaws(), "\n".join([done.stderr, *scene.names("u_0/"), *scene.names(OWN)]))
        removed = [name for request in log for name in request.removed() if "u_0" in name]
        scene.check("a manifest goes before what it names", f"/{OWN}/history/" in removed[0]
                    and not any(f"/{OWN}/history/" in name for name in removed[1:]) and len(removed) > 4,
                    scene.told(log))


def steps(check, place, store):
    scene = Scene(check, place, store, "pasts", elements=4)
    pasts = Pasts(scene)
    aged = [pasts.what_is_old_goes] if store.takes_any_clock else []
    return [pasts.what_is_young_stays, *aged, scene.stop]
