"""What was measured, for programs: target/benches/results.json, written anew after each part."""

import dataclasses
import json

from suite import place


class Results:
    def __init__(self, **head):
        self.said = dict(head)

    def add(self, part, name, figures):
        self.said.setdefault(part, {})[name] = figures
        place.TARGET.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.plain(), indent=1) + "\n")

    def plain(self):
        """The figures as JSON has them."""
        return json.loads(json.dumps(self.said, default=dataclasses.asdict))

    @property
    def path(self):
        return place.TARGET / "results.json"
