"""What the tests rest on: what each store does with conditions and with parts, as other clients ask it for that."""

from .scene import Scene

PART = 5 << 20


class Footing:
    """All of it goes through the proxy."""

    def __init__(self, scene):
        self.scene = scene
        self.reader = scene.store.make_reader(scene.store.bucket, scene.proxy.origin)
        self.name = f"{scene.prefix}/a name with spaces/ä.json"

    def objects(self):
        scene, reader = self.scene, self.reader
        reader.put(self.name, b"one")
        scene.check("an object is put, read, listed and removed", reader.get(self.name) == b"one"
                    and reader.names(scene.prefix) == [self.name], reader.names(scene.prefix))
        reader.remove(self.name)
        scene.check("what was removed is not there", reader.get(self.name) is None and not reader.names(scene.prefix))

    def conditions(self):
        scene, reader = self.scene, self.reader
        heeds = scene.store.is_conditional
        with scene.proxy.recording() as log:
            tag = reader.put_if(self.name, b"one", absent=True)
            second = reader.put_if(self.name, b"two", absent=True)
            third = reader.put_if(self.name, b"three", still='"0123456789abcdef0123456789abcdef"')
            scene.check(f"If-None-Match and If-Match are {'heeded' if heeds else 'not heeded, and taken in silence'}",
                        tag and reader.get(self.name) == (b"one" if heeds else b"three")
                        and all(heeds is (put is None) for put in [second, third]), scene.told(log))
            fourth = reader.put_if(self.name, b"four", still=tag)
        scene.check("an object is put in the place of the one that was read", fourth and
                    reader.get(self.name) == b"four", scene.told(log))
        reader.remove(self.name)

    def parts(self):
        scene, reader = self.scene, self.reader
        with scene.proxy.recording() as log:
            upload = reader.begin_parts(self.name, b"x" * PART)
            open_ones = reader.half_uploaded()
            scene.check("an upload in parts shows as open", open_ones == [self.name], open_ones)
            scene.check("a part is no object", self.name not in reader.names(scene.prefix))
            reader.end_parts(self.name, upload)
        scene.check("one that was ended does not", not reader.half_uploaded(), scene.told(log))
        scene.check("requests for parts are told by their query", [scene.store.is_part(request) for request in log
                    if request.writes()].count(True) == 1, scene.told(log))
        if self.name in reader.names(scene.prefix):
            reader.remove(self.name)


def steps(check, place, store):
    scene = Scene(check, place, store, "footing", elements=1)
    footing = Footing(scene)
    return [footing.objects, footing.conditions, footing.parts, scene.stop]
