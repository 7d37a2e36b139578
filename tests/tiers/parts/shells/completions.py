"""Completions, in the shells themselves: what is typed, and what stands there after the tab."""

import pathlib

from shells.screen import Screen

BASH_COMPLETION = pathlib.Path("/usr/share/bash-completion/bash_completion")
# What is typed before the tab, and what stands there then. The folder has a list `elements.txt` and a mirror `mirrored`.
COMPLETED = {
    "a command": ("element-mirror comp", "element-mirror completions"),
    "an option": ("element-mirror run --conc", "element-mirror run --concurrency"),
    "an option behind others": ("element-mirror verify mirrored -q --repa", "element-mirror verify mirrored -q --repair"),
    "a value": ("element-mirror run --color al", "element-mirror run --color always"),
    "a value behind =": ("element-mirror list --log-format=js", "element-mirror list --log-format=json"),
    "a role": ("element-mirror run --roles vi", "element-mirror run --roles video"),
    "a list": ("element-mirror run elem", "element-mirror run elements.txt"),
    "a list behind an option": ("element-mirror run --demo elem", "element-mirror run --demo elements.txt"),
    "a report": ("element-mirror run --skip-done elem", "element-mirror run --skip-done elements.txt"),
    "a folder": ("element-mirror run -o mirr", "element-mirror run -o mirrored/"),
    "a mirror": ("element-mirror verify mirr", "element-mirror verify mirrored/"),
    "what a schema is of": ("element-mirror schema rep", "element-mirror schema report"),
    "a shell": ("element-mirror completions fi", "element-mirror completions fish"),
    "by its path": ("bin/element-mirror run --conc", "bin/element-mirror run --concurrency"),
}


class Completions:
    def __init__(self, check, place):
        self.check, self.place = check, place
        (place.here / "elements.txt").write_text("u_1\n")
        (place.here / "mirrored").mkdir()

    def script(self, shell, path):
        done = self.place.mirror("completions", shell)
        if done.returncode:
            raise RuntimeError(done.stderr)
        path = self.place.here / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(done.stdout)
        return path

    def typed(self, name, command, setup, cases=COMPLETED):
        """Types each case into a shell that was set up so, and looks what became of it."""
        with Screen(self.place, name, command, columns=120) as screen:
            screen.enter(" && ".join([*setup, "PS1='ready> '", "clear"]))
            screen.wait_for(lambda lines: lines == ["ready>"], "a prompt")
            for what, (before, after) in cases.items():
                screen.type(before + "\t")
                # To zsh, an option's value may follow a =.
                shown = [f"ready> {after}", f"ready> {after}="]
                try:
                    screen.wait_for(lambda lines: lines[-1:] and lines[-1] in shown, shown[0])
                    holds, seen = True, ""
                except RuntimeError as error:
                    holds, seen = False, error
                self.check(f"{name} completes {what}", holds, seen)
                screen.key("C-u")
                screen.enter("clear")
                screen.wait_for(lambda lines: lines == ["ready>"], "a prompt")

    def in_bash(self):
        script = self.script("bash", "completions.bash")
        cases = {**COMPLETED, "a role behind another": ("element-mirror run --roles cover,vi",
                                                        "element-mirror run --roles cover,video")}
        self.typed("bash", ["bash", "--norc", "--noprofile", "-i"], [f"source {script}"], cases)

    def in_bash_with_bash_completion(self):
        self.script("bash", ".local/share/bash-completion/completions/element-mirror")
        self.typed("bash-completion", ["bash", "--norc", "--noprofile", "-i"], [f"source {BASH_COMPLETION}"])

    def in_zsh(self):
        folder = self.script("zsh", "zsh/_element-mirror").parent
        setup = [f"fpath=({folder} $fpath)", "autoload -U compinit", "compinit -u -D"]
        self.typed("zsh", ["zsh", "-f", "-i"], setup)

    def in_fish(self):
        script = self.script("fish", "completions.fish")
        for what, (before, after) in COMPLETED.items():
            done = self.place.run("fish", "--no-config", "-c", f"source {script}; complete -C '{before}'")
            words = [line.split("\t")[0] for line in done.stdout.splitlines()]
            wanted = after.split(" ")[-1]
            self.check(f"fish completes {what}", wanted in words, f"{words} {done.stderr}")

    def in_others(self):
        for shell in ["elvish", "powershell"]:
            done = self.place.mirror("completions", shell)
            self.check(f"there is a script for {shell}", done.returncode == 0 and "--concurrency" in done.stdout)


def steps(check, place):
    completions = Completions(check, place)
    return [completions.in_bash, completions.in_bash_with_bash_completion, completions.in_zsh, completions.in_fish,
            completions.in_others]
