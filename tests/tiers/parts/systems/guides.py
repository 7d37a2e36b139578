"""docs/recipes.md and docs/operations.md: each block of commands is run on the sample API, one after the other; all end well."""

import re

from systems.place import EXAMPLES, PROJECT


class Guide:
    def __init__(self, check, place, name):
        self.check, self.place, self.name = check, place, name
        self.text = (PROJECT / name).read_text()

    def blocks_are_run(self):
        blocks = re.findall(r"^```sh\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        self.check("there are blocks of commands", len(blocks) >= 6, blocks)
        for block in blocks:
            # What one leaves is seen by the next, as where somebody types them.
            done = self.place.run("bash", "-euo", "pipefail", "-c", block, env={"ELEMENT_MIRROR_DEMO": "1"})
            self.check(f"{self.name}: {block.splitlines()[0]}", done.returncode == 0, done.stdout + done.stderr)


class Operations(Guide):
    def __init__(self, check, place):
        super().__init__(check, place, "docs/operations.md")
        (place.here / "examples").symlink_to(EXAMPLES)
        (place.here / "password").write_text("operations\n")

    def what_is_shown_is_there(self):
        links = re.findall(r"\]\(\.\./(examples[^)#]*)\)", self.text)
        installed = re.findall(r"\bexamples/[\w./-]*\w", self.text)
        missing = [path for path in links + installed if not (PROJECT / path).exists()]
        self.check("the examples that it names are there", len(links) > 5 and not missing, missing)
        # Those that stand there by themselves embed the library.
        files = [path for path in EXAMPLES.rglob("*") if path.is_file() and path.parent != EXAMPLES]
        unnamed = [path.name for path in files if str(path.relative_to(PROJECT)) not in links + installed]
        self.check("and it names all of them", not unnamed, unnamed)
        codes = re.findall(r"^\| ([\d, ]+) \|", self.text, re.MULTILINE)
        told = re.findall(r"^\| ([\d, ]+) \|", (PROJECT / "README.md").read_text(), re.MULTILINE)
        numbers = [sorted(re.findall(r"\d+", ",".join(one))) for one in [codes, told]]
        self.check("it says of each exit code what to do", numbers[0] == numbers[1] and numbers[0], numbers)


def steps(check, place):
    operations, recipes = Operations(check, place), Guide(check, place, "docs/recipes.md")
    return [recipes.blocks_are_run, operations.blocks_are_run, operations.what_is_shown_is_there]
