"""What was found: what holds, what fails, and what could not be checked, in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SHOWN = 20  # examples of one kind of failure; the rest is counted


class UnreadableError(Exception):
    """The file is not a bundle, or of a version that this verifier does not know."""


@dataclass(slots=True)
class Findings:
    """The outcome of a verification.

    holds, unchecked : sentences.  fails : sentence -> (how often, places of the first few).
    """

    holds: list[str] = field(default_factory=list)
    fails: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)

    def fail(self, what: str, place: str = "") -> None:
        """Note a failure; `place` says where, such as 'record 17'."""
        count, places = self.fails.get(what, (0, []))
        if place and len(places) < SHOWN:
            places.append(place)
        self.fails[what] = (count + 1, places)

    def expect(self, true: bool, holds: str, fails: str) -> bool:
        """Note one of two sentences and return which."""
        if true:
            self.holds.append(holds)
        else:
            self.fail(fails)
        return true

    @property
    def good(self) -> bool:
        """Whether nothing fails; what could not be checked does not count."""
        return not self.fails

    def failures(self) -> Iterable[str]:
        """Each failure as one sentence."""
        for what, (count, places) in self.fails.items():
            if count == 1:
                yield f"{what}: {places[0]}" if places else what
            else:
                more = f" and {count - len(places)} more" if count > len(places) else ""
                where = f": {', '.join(places)}{more}" if places else ""
                yield f"{what} ({count} times){where}"

    def to_text(self) -> str:
        """The report for people."""
        parts: list[str] = []
        for title, sentences in (
            ("FAILS", list(self.failures())),
            ("HOLDS", self.holds),
            ("COULD NOT BE CHECKED", self.unchecked),
        ):
            if sentences:
                parts.append("\n".join([title, *(f"  - {printable(s)}" for s in sentences)]))
        verdict = (
            "Nothing that could be checked fails." if self.good else "This bundle does not hold."
        )
        return "\n\n".join([*parts, verdict])


def printable(text: str) -> str:
    """Text without control characters: a stranger's bundle must not steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def counted(number: int, noun: str) -> str:
    """Such as '1 record' and '12,000 records'."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
