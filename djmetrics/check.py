"""One system check: what it says in general, and the messages that it makes."""

from dataclasses import dataclass

from django.core import checks

DOCS = "docs/reference/checks.md"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong: a row of the reference table, and the maker of its messages.

    ``summary`` says in general what is wrong; ``text`` and ``hint`` are templates for ``str.format`` that say
    it of one mistake.
    """

    id: str
    summary: str
    text: str
    hint: str

    @property
    def level(self) -> str:
        """Error or Warning, as words; the site starts either way."""
        return "Error" if self.id.startswith("E") else "Warning"

    def message(self, **values: object) -> checks.CheckMessage:
        """The check's message about one mistake."""
        make = checks.Error if self.level == "Error" else checks.Warning
        anchor = f"djmetrics-{self.id.lower()}"
        hint = f"{self.hint.format(**values)} See {DOCS}#{anchor}."
        return make(self.text.format(**values), hint=hint, id=f"djmetrics.{self.id}")
