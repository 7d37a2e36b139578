"""What a store refuses ends the run with 1, before the API is asked for anything; in the store's own words."""

from .scene import Scene, statuses
from .servers import BUCKET, GuardedMoto


class Refusals:
    def __init__(self, scene):
        self.scene, self.upstream = scene, scene.upstream

    def is_refused(self, what, words, env, url=None, commands=("run", "verify")):
        scene = self.scene
        args_of = {"run": [scene.ids, "-o", url or scene.url], "verify": [url or scene.url]}
        for command in commands:
            args, environment = args_of[command], scene.environment(env, alone=True)
            del self.upstream.asked[:]
            done = scene.mirror(command, *args, env=environment)
            said = [word for word in words if word.lower() in done.stderr.lower()]
            scene.check(f"{what}: {command} ends with 1 and says why", done.returncode == 1 and said,
                        f"{done.returncode}, not one of {words}:\n{done.stderr}")
            scene.check(f"{what}: {command} asks the API for nothing", not self.upstream.asked, self.upstream.asked)
            print(*(f"    {line}" for line in done.stderr.splitlines()), sep="\n", flush=True)

    def a_bucket_that_is_not_there(self):
        store = self.scene.store
        self.is_refused("no such bucket", [store.no_bucket], store.environment(), store.url("p", f"no-{BUCKET}"))

    def a_wrong_key(self):
        store = self.scene.store
        if store.is_guarded:
            self.is_refused("a wrong key", [store.wrong_key], store.with_wrong_key())

    def no_key(self):
        store = self.scene.store
        self.is_refused("no key", store.names_of_keys, store.without_keys())

    def no_server(self):
        store = self.scene.store
        env = {name: value.replace(store.proxy.origin, "http://127.0.0.1:9")
               for name, value in store.environment().items()}
        self.is_refused("no server", ["connection refused"], env)

    def a_newer_format(self):
        scene = self.scene
        scene.put(".element-mirror/format", b"2\n")
        self.is_refused("a mirror of a newer format", ["format"], scene.store.environment())
        scene.check("a mirror of a newer format is left as it is", scene.names() == [".element-mirror/format"],
                    scene.names())

    def keep_secrets(self):
        """Nothing is in the bucket here."""
        words = [*self.scene.store.secrets(), self.scene.place.token.read_text().strip()]
        saying = [said for said in self.scene.said if any(word in said for word in words)]
        self.scene.check("no secret is said where something is refused", not saying, "\n".join(saying))


def who_may_only_read(check, place, store):
    """With a store that knows who may do what; it is started for this alone."""
    guarded = GuardedMoto(place.here / "guarded", store.tools)
    try:
        guarded.start()
        writer, reader = guarded.create_users()
        scene = Scene(check, place, guarded, "refusals", elements=2)
        refusals = Refusals(scene)
        done, _ = scene.run(env=scene.environment(writer, alone=True))
        scene.check("a key that may write mirrors", done.returncode == 0, done.stderr)
        refusals.is_refused("a key that may only read", ["AccessDenied"], reader, commands=["run"])
        done, report = scene.verify(env=scene.environment(reader, alone=True))
        scene.check("a key that may only read verifies", done.returncode == 0 and statuses(report) == {"ok"},
                    done.stderr)
        wrong = {**writer, "AWS_SECRET_ACCESS_KEY": writer["AWS_SECRET_ACCESS_KEY"][::-1]}
        refusals.is_refused("a wrong key", [guarded.wrong_key], wrong)
        refusals.keep_secrets()
        scene.stop()
    finally:
        guarded.stop()


def steps(check, place, store):
    scene = Scene(check, place, store, "refusals", elements=2)
    refusals = Refusals(scene)
    known = []
    if store.name == "moto":
        def a_key_that_may_only_read():
            who_may_only_read(check, place, store)
        known = [a_key_that_may_only_read]
    return [refusals.a_bucket_that_is_not_there, refusals.a_wrong_key, refusals.no_key, refusals.no_server,
            refusals.a_newer_format, refusals.keep_secrets, *known, scene.stop]
