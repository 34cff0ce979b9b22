"""What /metrics said, parsed."""

import re

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Metrics:
    def __init__(self, text):
        self.text = text
        self.samples = []  # (name, {label: value}, number)
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = SAMPLE.match(line)
                assert match, f"not a sample: {line!r}"
                name, labels, number = match.groups()
                self.samples.append((name, dict(LABEL.findall(labels or "")), float(number)))

    def sum(self, name, **labels):
        """Of all samples that have at least these labels; 0 if there is none."""
        return sum(number for found, has, number in self.samples
                   if found == name and labels.items() <= has.items())

    def lines(self, name):
        return "\n".join(line for line in self.text.splitlines() if line.startswith(name))
