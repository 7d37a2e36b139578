"""Progress, on a terminal that somebody makes smaller, and that is left as it was found."""

import json
import os
import re
import signal

from shells.screen import Screen
from upstream import TOKEN, Upstream

LINE = re.compile(r"^\S \d+ of \d+")


def lines_of_progress(lines):
    return [line for line in lines if LINE.match(line)]


class Progress:
    def __init__(self, check, place):
        self.check, self.place = check, place
        self.upstream = Upstream([f"u_{n}" for n in range(60)])
        (place.here / "ids.txt").write_text("\n".join(self.upstream.elements))

    def screen(self, name, *args, **options):
        env = {**self.upstream.environment(), "USEAPI_TOKEN": TOKEN, **options.pop("env", {})}
        command = [self.place.program, "run", "ids.txt", "-j", "2", "--limit-rate", "500K", "-o", name, *args]
        return Screen(self.place, name, command, env=env, **options)

    def is_one_line_that_tells_how_far_it_came(self):
        with self.screen("wide") as screen:
            screen.wait_for(lambda lines: any(" left" in line for line in lines_of_progress(lines)), "the time left")
            lines = screen.lines()
            told = ["60 elements", "iB/s", "in flight"]
            self.check("one line tells done and all, rate, and time left", len(lines) == 1
                       and all(word in lines[0] for word in told), lines)
            self.check("in no more than the terminal's columns", screen.wrapped() == 0, lines)

    def survives_a_terminal_that_becomes_narrow(self):
        with self.screen("resized") as screen:
            screen.wait_for(lambda lines: any(" left" in line for line in lines_of_progress(lines)), "the time left")
            before = screen.lines()
            screen.resize(40, 10)
            # Drawn anew since.
            screen.wait_for(lambda lines: screen.wrapped() == 0 and lines_of_progress(lines) and lines[-1] not in before,
                            "a line of 40 columns")
            lines = screen.lines()
            self.check("at 40 columns it is one line, and nothing is left of the wider one", len(lines) == 1, lines)
            screen.resize(100, 24)
            screen.wait_for(lambda lines: any("in flight" in line for line in lines_of_progress(lines)), "a wide line")
            self.check("and at 100 columns again", len(screen.lines()) == 1, screen.lines())
            code = screen.wait_for_end()
            lines = screen.lines()
            self.check("at the end there is the summary, and nothing else", code == 0 and lines[0].startswith("60 elements")
                       and lines[-1] == "mirror: resized" and len(lines) == 3, lines)
            self.check("and the cursor", screen.shows_cursor())

    def does_not_write_over_failures(self):
        self.upstream.faults = {"u_7": 500, "u_20": 418}
        with self.screen("failing", columns=60) as screen:
            code = screen.wait_for_end()
            lines = screen.lines()
            self.check("what failed stands above the summary", code == 3 and lines[0].startswith("    failed  u_")
                       and not lines_of_progress(lines), lines)
            self.check("which tells each kind with an example and what to do", all(
                any(word in line for line in lines) for word in ["http_500 (1)", "u_7", "→  run again later"]), lines)
        self.upstream.faults = {}

    def leaves_the_cursor(self):
        for end in [signal.SIGINT, signal.SIGKILL]:
            with self.screen(end.name) as screen:
                screen.wait_for(lines_of_progress, "progress")
                lock = json.loads((self.place.here / end.name / ".element-mirror/lock").read_text())
                os.kill(lock["pid"], end)
                screen.wait_for_end()
                self.check(f"after {end.name} the cursor is there", screen.shows_cursor(), screen.lines())

    def is_coloured_only_where_that_is_wanted(self):
        self.upstream.faults = {"u_0": 500}
        shown = {}
        for name, args, env in [("plain", ["--color", "never"], {}), ("no-color", [], {"NO_COLOR": "1"}), ("auto", [], {})]:
            command = [self.place.program, "run", "--id", "u_0", "-o", name, *args]
            environment = {**self.upstream.environment(), "USEAPI_TOKEN": TOKEN, **env}
            with Screen(self.place, name, command, env=environment) as screen:
                screen.wait_for_end()
                shown[name] = screen.has_colors()
        self.upstream.faults = {}
        self.check("there are colours on a terminal, and none with NO_COLOR or --color never", shown
                   == {"plain": False, "no-color": False, "auto": True}, shown)

    def of_a_list_leaves_nothing(self):
        command = ["sh", "-c", f"{self.place.program} list > listed.txt"]
        with Screen(self.place, "list", command, env={**self.upstream.environment(), "USEAPI_TOKEN": TOKEN}) as screen:
            code = screen.wait_for_end()
            self.check("a list that was walked leaves nothing on the screen", (code, screen.lines()) == (0, []),
                       screen.lines())
        listed = (self.place.here / "listed.txt").read_text().split()
        self.check("and lists every element", listed == self.upstream.elements, listed[:5])

    def stop(self):
        self.upstream.__exit__()


def steps(check, place):
    progress = Progress(check, place)
    return [progress.is_one_line_that_tells_how_far_it_came, progress.survives_a_terminal_that_becomes_narrow,
            progress.does_not_write_over_failures, progress.leaves_the_cursor,
            progress.is_coloured_only_where_that_is_wanted, progress.of_a_list_leaves_nothing, progress.stop]
