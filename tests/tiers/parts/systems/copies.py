"""Copies elsewhere, made by rclone and restic while runs replace every folder again and again."""

import contextlib
import json
import shutil
import threading

from checks import wait_until
from upstream import Upstream

# As docs/operations.md has it; what is copied takes a second or two, in which several runs would end.
LOCKED = ["flock", "--shared", "mirror/.element-mirror/lock"]
SLOWLY = {"rclone": ["--bwlimit", "20M"], "restic": ["--limit-upload", "20000"]}


class Copies:
    def __init__(self, check, place):
        self.check, self.place = check, place
        self.upstream = Upstream([f"u_{n}" for n in range(12)], height=700)
        self.ids = place.here / "ids.txt"
        self.ids.write_text("\n".join(self.upstream.elements))
        self.env = {**self.upstream.environment(), "ELEMENT_MIRROR_TOKEN_FILE": str(place.token),
                    "RESTIC_REPOSITORY": "backups", "RESTIC_PASSWORD": "copies"}
        # The exit codes of the runs.
        self.runs = []

    def run(self, *args):
        return self.place.mirror("run", self.ids, "-o", "mirror", "-q", "--keep-versions", "1", *args, env=self.env)

    @contextlib.contextmanager
    def runs_going_on(self):
        """One run after the other until the block ends, each of which replaces all folders."""
        over = threading.Event()

        def go_on():
            while not over.is_set():
                self.runs.append(self.run("--lock-wait", "60s").returncode)

        running = threading.Thread(target=go_on)
        running.start()
        try:
            yield
        finally:
            over.set()
            running.join()

    def let_runs_end(self, count=2):
        so_far = len(self.runs)
        wait_until(lambda: len(self.runs) >= so_far + count, "no run ends")

    def unsound(self, copy):
        """What `verify` finds wrong with a copy."""
        done = self.place.mirror("verify", copy, "--history", "--report", "-", "-q")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        good = done.returncode == 0 and sorted(line["id"] for line in lines) == sorted(self.upstream.elements)
        return "" if good else f"{done.returncode} {done.stderr}\n{done.stdout}"

    def begin(self):
        done = self.run()
        self.check("there is a mirror to copy", done.returncode == 0, done.stderr)

    def under_the_lock(self):
        said = []
        self.place.run("restic", "init", env=self.env)
        with self.runs_going_on():
            for number in range(3):
                copiers = {"rclone": ["rclone", "sync", "mirror", f"copy{number}"],
                           "restic": ["restic", "backup", "mirror"]}
                for name, copier in copiers.items():
                    self.let_runs_end()
                    done = self.place.run(*LOCKED, *copier, *SLOWLY[name], env=self.env)
                    if done.returncode != 0 or "ERROR" in done.stderr or "error:" in done.stderr:
                        said.append(f"{name} {done.returncode} {done.stderr}")
                self.place.run("restic", "restore", "latest", "--target", f"restored{number}", env=self.env)
        self.check("under the lock copiers find nothing to complain of", not said, "\n".join(said))
        unsound = [self.unsound(copy) for number in range(3) for copy in [f"copy{number}", f"restored{number}/mirror"]]
        self.check("each copy that is made under the lock is whole, history and all", not any(unsound),
                   "\n".join(unsound))
        self.check("runs went on all the while", len(self.runs) >= 12 and not any(self.runs), self.runs)

    def a_run_that_does_not_wait(self):
        done = self.place.run(*LOCKED, self.place.program, "run", self.ids, "-o", "mirror", env=self.env)
        self.check("a run that does not wait for a copier ends with 5", done.returncode == 5, done.stderr)
        done = self.place.run(*LOCKED, *LOCKED, "true")
        self.check("copiers do not exclude each other", done.returncode == 0, done.stderr)

    def without_the_lock(self):
        """What becomes of it is chance; that it is told is not."""
        with self.runs_going_on():
            self.let_runs_end()
            self.place.run("rclone", "sync", "mirror", "loose", *SLOWLY["rclone"], env=self.env)
        done = self.place.run("rclone", "sync", "mirror", "loose", env=self.env)
        unsound = self.unsound("loose")
        self.check("copied once more, while no run goes on, it is whole", done.returncode == 0 and not unsound,
                   done.stderr + unsound)
        self.run()
        shutil.copy(self.place.here / "mirror/u_1/manifest.json", self.place.here / "loose/u_1/manifest.json")
        self.check("a copy with files of two versions is found by verify", self.unsound("loose").startswith("3 "))
        self.upstream.moving = False
        self.run()
        done = self.place.mirror("verify", "loose", "--repair", "-q", env=self.env)
        self.check("and made good by --repair: it is a mirror like any other", done.returncode == 0
                   and not self.unsound("loose"), done.stderr)

    def stop(self):
        self.upstream.__exit__()


def steps(check, place):
    copies = Copies(check, place)
    return [copies.begin, copies.under_the_lock, copies.a_run_that_does_not_wait, copies.without_the_lock, copies.stop]
