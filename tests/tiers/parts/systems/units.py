"""The systemd units: taken by systemd-analyze, and their command run as systemd would, but for the sandbox. What that
would forbid is compared with what the program asks the kernel for."""

import re
import shlex
import signal
import subprocess

from checks import PATIENCE, wait_until
from systems.place import EXAMPLES
from upstream import Upstream

SERVICE = "systemd/element-mirror.service"
TIMER = "systemd/element-mirror.timer"
PROGRAM = "/usr/local/bin/element-mirror"


def settings(path):
    """The settings of a unit: a list of key and value."""
    text = re.sub(r"\\\n\s*", "", path.read_text())
    return re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE)


def setting(path, name):
    [value] = [value for key, value in settings(path) if key == name]
    return value


def allowed_calls(unit, sets):
    """The system calls that a unit allows, by the sets of systemd-analyze."""
    known, name = {}, None
    for line in sets.splitlines():
        word = line.strip()
        if line.startswith("@"):
            name = word
            known[name] = []
        elif word and not word.startswith("#") and name:
            known[name].append(word)

    def expand(words):
        return {call for word in words for call in (expand(known[word]) if word.startswith("@") else [word])}

    allowed = expand(["@default"])
    for key, value in settings(unit):
        if key == "SystemCallFilter" and value.startswith("~"):
            allowed -= expand(value[1:].split())
        elif key == "SystemCallFilter":
            allowed |= expand(value.split())
    return allowed


class Units:
    def __init__(self, check, place):
        self.check, self.place = check, place
        self.service = place.copy(SERVICE, {PROGRAM: place.program})
        self.timer = place.copy(TIMER)

    def verify(self, service):
        done = self.place.run("systemd-analyze", "verify", "--man=no", service, self.timer)
        # What is wrong with the units of this machine is no matter.
        said = [line for line in done.stderr.splitlines() if "element-mirror" in line or "/nowhere" in line]
        return done.returncode == 0 and not said, done.stderr

    def are_taken(self):
        taken, said = self.verify(self.service)
        self.check("systemd takes the units", taken, said)
        taken, said = self.verify(self.place.copy(SERVICE, {PROGRAM: "/nowhere"}, to="wrong/element-mirror.service"))
        self.check("and would not take a service without its program", not taken, said)
        done = self.place.run("systemd-analyze", "calendar", setting(self.timer, "OnCalendar"))
        self.check("the timer's time is one", done.returncode == 0 and "Next elapse" in done.stdout, done.stderr)
        done = self.place.run("systemd-sysusers", "--dry-run", EXAMPLES / "systemd/element-mirror.sysusers")
        made = f"user '{setting(self.service, 'User')}'" in done.stdout + done.stderr
        self.check("the user of the service is one that is made", done.returncode == 0 and made, done.stderr)

    def are_hardened(self):
        # Its scale ends at 10 (100 here), and what may use the network hardly comes below 1.
        done = self.place.run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15",
                              self.service)
        self.check("the service is exposed to little", done.returncode == 0, done.stdout[-400:] + done.stderr)

    def command(self, **options):
        """ExecStart, with the folders that systemd would put into it, and other values of options."""
        state, credentials = self.place.here / "lib", self.place.here / "credentials"
        for folder in [state / setting(self.service, "StateDirectory"), credentials]:
            folder.mkdir(parents=True, exist_ok=True)
        name = setting(self.service, "LoadCredential").split(":")[0]
        (credentials / name).write_text(self.place.token.read_text())
        words = shlex.split(setting(self.service, "ExecStart"))
        for option, value in options.items():
            words[words.index("--" + option.replace("_", "-")) + 1] = value
        return [word.replace("%S", str(state)).replace("%d", str(credentials)) for word in words]

    def run(self):
        with Upstream([f"u_{n}" for n in range(5)]) as upstream:
            log = self.place.here / "calls"
            done = self.place.run("strace", "-f", "-qq", "-o", log, *self.command(), env=upstream.environment())
            state = self.place.here / "lib/element-mirror"
            there = sorted(path.name for path in state.iterdir())
            self.check("the service's command mirrors the account", done.returncode == 0
                       and there == ["element-mirror.prom", "last.ndjson", "mirror"], f"{there}\n{done.stderr}")
            mirrored = [path.name for path in (state / "mirror").glob("u_*")]
            self.check("all of it", sorted(mirrored) == sorted(upstream.elements), mirrored)
        calls = set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z_0-9]+)", log.read_text(), re.MULTILINE))
        sets = self.place.run("systemd-analyze", "syscall-filter", "--no-pager").stdout
        forbidden = calls - allowed_calls(self.service, sets)
        self.check("the service allows every system call that a run makes", "renameat2" in calls and not forbidden,
                   f"{sorted(forbidden)} of {sorted(calls)}")
        less = self.place.copy(SERVICE, {"=@system-service": "=@basic-io"}, to="less/element-mirror.service")
        self.check("and one that is missing would be noticed", "renameat2" in calls - allowed_calls(less, sets))

    def ends_well(self):
        """Where it is stopped, or another run is at work, or its time is over."""
        good = {int(code) for code in setting(self.service, "SuccessExitStatus").split()}
        with Upstream(["u_1"]) as upstream:
            upstream.answering.clear()
            env = upstream.environment()
            with subprocess.Popen(self.command(), env=self.place.environment(env), stdin=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as running:
                try:
                    wait_until(lambda: any(path.endswith("/u_1") for path in upstream.asked), "nothing is asked for")
                    second = self.place.run(*self.command(lock_wait="0s"), env=env)
                    running.send_signal(signal.SIGTERM)
                    running.wait(PATIENCE)
                finally:
                    running.kill()
            late = self.place.run(*self.command(max_time="0s"), env=env)
        codes = [running.returncode, second.returncode, late.returncode]
        self.check("what ends in order is no failure to systemd", codes == [143, 5, 6] and set(codes) <= good, codes)


def steps(check, place):
    units = Units(check, place)
    return [units.are_taken, units.are_hardened, units.run, units.ends_well]
