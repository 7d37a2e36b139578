"""A prefix of a bucket for one topic, an API and CDN, and the program between them."""

import contextlib
import hashlib
import json
import re
import signal
import subprocess

from checks import PATIENCE
from upstream import EMAIL, TOKEN, Upstream

from .proxy import Request

OWN = ".element-mirror"


class Scene:
    """What a topic has of a store; all that the program says is kept."""

    def __init__(self, check, place, store, topic, elements=8, upstream=Upstream):
        self.checks, self.place, self.store = check, place, store
        self.reader, self.proxy = store.reader, store.proxy
        self.move(topic)
        self.upstream = upstream([f"u_{number}" for number in range(elements)])
        self.ids = place.here / "ids.txt"
        self.ids.write_text("".join(f"{element}\n" for element in self.upstream.elements))
        self.said = []

    def move(self, prefix):
        """The mirror is somewhere else from now on."""
        self.prefix, self.url = prefix, self.store.url(prefix)

    def check(self, name, holds, otherwise=""):
        self.checks(f"{self.store.name}: {name}", holds, otherwise)

    # The program

    def environment(self, more=(), alone=False):
        """What leads the program here; with `more` than leads it to the store, or instead of that."""
        # A real server fails now and then: rclone does where two objects are put into a folder at once.
        here = {"ELEMENT_MIRROR_TOKEN_FILE": str(self.place.token), "ELEMENT_MIRROR_RETRIES": "3"}
        store = {} if alone else self.store.environment()
        return {**self.upstream.environment(), **here, **store, **dict(more)}

    def mirror(self, command, *args, env=None, under=(), **options):
        """Runs the program to its end; `under` another, where that is named."""
        given = self.environment() if env is None else env
        done = self.place.run(*under, self.place.program, command, *args, env=given, **options)
        self.said.append(done.stdout + done.stderr)
        return done

    def run(self, *args, ids=None, **options):
        """Mirrors all elements; gives what was done, and the report's lines by ID."""
        done = self.mirror("run", ids or self.ids, "-o", self.url, "--report", "-", *args, **options)
        return done, lines(done.stdout)

    def verify(self, *args, **options):
        """Verifies the mirror; gives what was done, and the report's lines by ID."""
        done = self.mirror("verify", self.url, "--report", "-", *args, **options)
        return done, lines(done.stdout)

    @contextlib.contextmanager
    def running(self, *args):
        """The program mirroring all elements, while the block lasts; what is still running then is killed."""
        command = [str(word) for word in [self.place.program, "run", self.ids, "-o", self.url, "--report", "-", *args]]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=self.place.environment(self.environment()), cwd=self.place.here, text=True,
                              stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe) as running:
            try:
                yield running
            finally:
                running.kill()

    def end(self, running, by=None):
        """What a program that is running comes to; it is sent a signal, where one is named."""
        if by is not None:
            running.send_signal(by)
        stdout, stderr = running.communicate(timeout=PATIENCE)
        self.said.append(stdout + stderr)
        return stdout, stderr

    def interrupt(self, running):
        return self.end(running, by=signal.SIGINT)

    # The bucket

    def names(self, folder=""):
        """The names of the mirror's objects, in a folder of it, behind the prefix."""
        listed = self.reader.names(f"{self.prefix}/{folder}")
        return sorted(name.removeprefix(self.prefix + "/") for name in listed)

    def get(self, name):
        return self.reader.get(f"{self.prefix}/{name}")

    def put(self, name, data):
        self.reader.put(f"{self.prefix}/{name}", data)

    def remove(self, name):
        self.reader.remove(f"{self.prefix}/{name}")

    def manifest(self, element):
        found = self.get(f"{element}/manifest.json")
        return found and json.loads(found)

    def flaws(self, elements=None):
        """What is wrong with the versions that stand: each object that a manifest names is to be there, whole."""
        said = []
        for element in self.upstream.elements if elements is None else elements:
            manifest = self.manifest(element)
            said += [f"{element} has no manifest"] if manifest is None else self.flaws_of(element, manifest)
        return "\n".join(said)

    def flaws_of(self, element, manifest):
        said = []
        for file in named(manifest):
            name, data = f"{element}/{file['file']}", self.get(f"{element}/{file['file']}")
            if data is None:
                said.append(f"{name} is missing")
            elif len(data) != file["size"] or hashlib.sha256(data).hexdigest() != file["sha256"]:
                said.append(f"{name} has other bytes than the manifest says")
            if file["sha256"][:32] != (re.findall(r"\.([0-9a-f]{32})(?:\.|$)", name) or [None])[0]:
                said.append(f"{name} has not the beginning of its digest in its name: {file['sha256']}")
        return said

    def pasts(self, element):
        """The superseded manifests of an element, by when."""
        folder = f"{OWN}/history/{element}/"
        return {name.split("/")[3]: json.loads(self.get(name)) for name in self.names(folder)}

    # What was asked of the bucket

    def inside(self, request):
        """The name of what is asked for, behind the prefix."""
        return request.name.removeprefix(self.prefix).lstrip("/")

    def told(self, log, element=""):
        """What was asked, a line each."""
        return "\n".join(str(request).replace(self.prefix + "/", "") for request in log if element in request.name)

    def out_of_order(self, log, element):
        """Whether what an element's version is made of was put in another order than must be; in words."""
        groups = {"data": [], "history": [], "manifest": [], "sums": []}
        for request in filter(Request.succeeded, log):
            name = self.inside(request)
            if request.writes() and name.startswith(f"{element}/"):
                kind = {"manifest.json": "manifest", "SHA256SUMS": "sums"}.get(name.split("/")[-1], "data")
                groups[kind].append(request)
            elif request.writes() and name.startswith(f"{OWN}/history/{element}/"):
                groups["history"].append(request)
        said = []
        if len(groups["manifest"]) != 1 or len(groups["sums"]) != 1 or not groups["data"]:
            said.append(f"of {element} other things were put than one version")
        ends = 0
        for kind, requests in groups.items():
            if any(request.began < ends for request in requests):
                said.append(f"{kind} of {element} was begun before what comes before it had ended")
            ends = max([ends, *(request.ended for request in requests)])
        return "\n".join([*said, self.told(log, element)]) if said else ""

    def is_manifest(self, element):
        return lambda request: request.writes() and self.inside(request) == f"{element}/manifest.json"

    # What must not be said

    def keeps_secrets(self):
        """Nothing that the program says or stores is a secret."""
        words = [TOKEN, *self.store.secrets()]
        saying = [said for said in self.said if any(word in said for word in words)]
        self.check("no secret is said", self.said and not saying, "\n".join(saying))
        holding = [name for name in self.names()
                   if any(word.encode() in (self.get(name) or b"") for word in [*words, EMAIL])]
        self.check("no secret and no email is in the bucket", not holding, holding)

    def stop(self):
        self.upstream.__exit__()


def lines(report):
    """A report's lines by ID."""
    return {line["id"]: line for line in map(json.loads, report.splitlines())}


def named(manifest):
    """The objects that a manifest names."""
    return [*manifest["assets"], manifest["response"]]


def statuses(report):
    return {line["status"] for line in report.values()}
