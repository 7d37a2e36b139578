"""The crontab: taken by cron's own parser, and its lines run as cron runs them."""

import re

from systems.place import EXAMPLES
from upstream import Upstream

FILE = "cron/element-mirror"


def settings_and_lines(text):
    """What a crontab sets, and the commands of its lines."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    setting = re.compile(r"([A-Z_]+)=(.*)")
    settings = dict(setting.fullmatch(line).groups() for line in lines if setting.fullmatch(line))
    # To cron a % would end the command.
    commands = [line.split(None, 5)[5] for line in lines if not setting.fullmatch(line)]
    return settings, commands


class Crontab:
    def __init__(self, check, place):
        self.check, self.place = check, place
        self.metrics = place.here / "node-exporter"
        self.metrics.mkdir()
        (place.here / "log").mkdir()
        self.file = place.copy(FILE, {"/usr/local/bin": place.bin, "/srv": place.here, "/etc/element-mirror/token":
                                      place.token, "/var/log/element-mirror": place.here / "log",
                                      "/var/lib/prometheus/node-exporter": self.metrics})
        self.settings, [self.nightly, self.weekly] = settings_and_lines(self.file.read_text())
        self.upstream = Upstream([f"u_{n}" for n in range(5)])

    def is_taken(self):
        done = self.place.run("crontab", "-n", EXAMPLES / FILE)
        self.check("cron takes the crontab", done.returncode == 0, done.stderr)
        wrong = self.place.copy(FILE, {"17 3 * * *": "17 30 * * *"}, to="wrong")
        done = self.place.run("crontab", "-n", wrong)
        self.check("and would not take an hour that is none", done.returncode != 0, done.stdout + done.stderr)
        self.check("no line has a %, which cron takes for the end of it", "%" not in self.nightly + self.weekly)

    def as_cron(self, command):
        """Runs a line with nothing in the environment but what cron puts there; gives what it would mail."""
        settings = {**self.settings, "LOGNAME": "mirror", **self.upstream.environment()}
        command = [self.settings["SHELL"], "-c", command]
        done = self.place.run("env", "-i", *[f"{name}={value}" for name, value in settings.items()], *command)
        return done.returncode, done.stdout + done.stderr

    def runs(self):
        code, mail = self.as_cron(self.nightly)
        mirrored = sorted(path.name for path in (self.place.here / "elements").glob("u_*"))
        self.check("the nightly line mirrors the account, and there is no mail", (code, mail) == (0, "")
                   and mirrored == self.upstream.elements, f"{code} {mirrored} {mail}")
        written = [self.metrics / "element-mirror.prom", self.place.here / "log/last.ndjson",
                   self.place.here / "elements/index.ndjson"]
        self.check("metrics, report and index are there", all(path.stat().st_size for path in written))
        self.check("the weekly line finds all well, and there is no mail", self.as_cron(self.weekly) == (0, ""))
        # The list says that it has moved on, and it can't be had.
        self.upstream.versions["u_3"] += 1
        self.upstream.faults["u_3"] = 500
        code, mail = self.as_cron(self.nightly)
        self.check("of a bad night there is mail that says what is wrong", code == 3 and "u_3" in mail
                   and len(mail.splitlines()) < 20, f"{code} {mail}")
        (self.place.here / "elements/u_1/cover.png").write_bytes(b"damaged")
        code, mail = self.as_cron(self.weekly)
        self.check("of a damaged file too", code == 3 and "u_1" in mail, f"{code} {mail}")

    def stop(self):
        self.upstream.__exit__()


def steps(check, place):
    crontab = Crontab(check, place)
    return [crontab.is_taken, crontab.runs, crontab.stop]
