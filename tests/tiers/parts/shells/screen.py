"""A terminal that somebody sits at: tmux, with a server of its own."""

import os
import shlex
import subprocess

from checks import wait_until


class Screen:
    """A window of so many columns and rows in which `command` runs; what is on it is what a person sees."""

    def __init__(self, place, name, command, columns=80, rows=24, env=()):
        self.socket = place.here / f"{name}.tmux"
        settings = {**place.environment(env), "TERM": "screen-256color"}
        words = ["env", "-i", *[f"{key}={value}" for key, value in settings.items()], *map(str, command)]
        # It stays when the command has ended.
        line = f"{shlex.join(words)}; echo ended $? > {shlex.quote(str(self.socket) + '.end')}; exec sleep 1000"
        self.end = place.here / f"{name}.tmux.end"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(place.here), line)

    def tmux(self, *words):
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["tmux", "-S", str(self.socket), *words], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=True)
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")

    def type(self, text):
        """Types text; a tab is the key."""
        for at, part in enumerate(text.split("\t")):
            if at:
                self.tmux("send-keys", "Tab")
            if part:
                self.tmux("send-keys", "-l", part)

    def enter(self, text):
        self.type(text)
        self.tmux("send-keys", "Enter")

    def key(self, name):
        self.tmux("send-keys", name)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def lines(self):
        """The lines that are not empty."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p").splitlines() if line.strip()]

    def wrapped(self):
        """How many lines go on in the next one, since they are too long."""
        joined = [line for line in self.tmux("capture-pane", "-p", "-J").splitlines() if line.strip()]
        return len(self.lines()) - len(joined)

    def has_colors(self):
        return "\x1b[" in self.tmux("capture-pane", "-p", "-e")

    def shows_cursor(self):
        return self.tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def wait_for(self, condition, what):
        wait_until(lambda: condition(self.lines()), lambda: f"{what} never shows: {self.lines()}")

    def wait_for_end(self):
        """Waits for the command's end; gives its exit code."""
        wait_until(self.end.exists, lambda: f"it does not end: {self.lines()}")
        wait_until(lambda: self.end.read_text().endswith("\n"), "it does not end")
        return int(self.end.read_text().split()[1])
