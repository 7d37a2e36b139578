"""The manual page, by those who would show it."""


class Manual:
    def __init__(self, check, place):
        self.check, self.place = check, place
        self.page = place.here / "element-mirror.1"

    def is_written(self):
        done = self.place.mirror("man")
        self.check("man prints the page on standard output, and nothing else", (done.returncode, done.stderr) == (0, ""),
                   done.stderr)
        self.page.write_text(done.stdout)
        self.check("the same one each time", self.place.mirror("man").stdout == done.stdout)

    def is_clean(self):
        lint = self.place.run("mandoc", "-T", "lint", "-W", "warning", self.page)
        self.check("mandoc has nothing to say against it", (lint.returncode, lint.stdout) == (0, ""), lint.stdout)
        groff = self.place.run("groff", "-ww", "-mandoc", "-Tutf8", "-z", self.page)
        self.check("nor has groff", (groff.returncode, groff.stderr) == (0, ""), groff.stderr)

    def reads_well(self):
        shown = self.place.run("mandoc", "-T", "ascii", "-O", "width=80", self.page).stdout
        # What is struck twice is bold.
        while "\b" in shown:
            at = shown.index("\b")
            shown = shown[:at - 1] + shown[at + 1:]
        wide = [line for line in shown.splitlines() if len(line.expandtabs()) > 80]
        self.check("no line of it is wider than 80 columns", not wide, "\n".join(wide))
        heads = ["NAME", "SYNOPSIS", "COMMANDS", "OPTIONS OF RUN", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"]
        missing = [head for head in heads if f"\n{head}\n" not in shown]
        self.check("it has every section", not missing, missing)
        self.check("and the exit codes", "130, 143, 141" in shown and "--keep-versions" in shown)


def steps(check, place):
    manual = Manual(check, place)
    return [manual.is_written, manual.is_clean, manual.reads_well]
