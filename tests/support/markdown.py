"""README.md and the pages of docs/, taken apart."""
from __future__ import annotations

import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.support.golden_data import ROOT

README, CHINESE_README = ROOT / "README.md", ROOT / "README_CN.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
FENCED = re.compile(r"^(?: *<!-- run(?:: (?P<marker>\w+))? -->\n)? *```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
                    flags=re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced code block. `marker` is the word in a comment `<!-- run: WORD -->` before it, None without a comment."""

    language: str
    text: str
    marker: str | None

    def commands(self) -> list[str]:
        """The lines of a block of bash, with continued lines put together."""
        joined = self.text.replace("\\\n", " ")
        return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@dataclass(frozen=True)
class Page:
    """A Markdown file.

    Attributes:
        prose: the text without code blocks.
    """

    path: Path
    text: str

    @property
    def blocks(self) -> list[Block]:
        return [Block(found["language"], textwrap.dedent(found["text"]),
                      (found["marker"] or "as it is") if found[0].lstrip().startswith("<!--") else None)
                for found in FENCED.finditer(self.text)]

    @property
    def prose(self) -> str:
        return FENCED.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        """The pieces of inline code."""
        return re.findall(r"`([^`\n]+)`", self.prose)

    @property
    def titles(self) -> list[str]:
        return re.findall(r"^#+ (.+)$", self.prose, flags=re.MULTILINE)

    @property
    def anchors(self) -> set[str]:
        """The names that GitHub gives to the headings."""
        return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in self.titles}

    @property
    def links(self) -> list[str]:
        """The targets of links and pictures that are not on other hosts."""
        return [link for link in re.findall(r"\]\(([^)\s]+)\)", self.prose) if not re.match(r"\w+:", link)]

    @property
    def tables(self) -> list[list[list[str]]]:
        """Each table as a list of rows of cells, the header first."""
        tables: list[list[list[str]]] = [[]]
        for line in self.prose.splitlines():
            if line.startswith("|"):
                tables[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
            elif tables[-1]:
                tables.append([])
        return [table[:1] + table[2:] for table in tables if table]

    @property
    def commands(self) -> list[str]:
        """The shell commands of blocks of bash, of lines with `$` in blocks of text, and of inline code."""
        lines = [line for block in self.blocks if block.language == "bash" for line in block.commands()]
        for block in self.blocks:
            if block.language == "text":
                lines += [line[2:] for line in block.commands() if line.startswith("$ ")]
        return lines + [span for span in self.spans if re.match(r"(python|bash) ", span)]


def read_page(path: Path) -> Page:
    return Page(path, path.read_text(encoding="utf-8"))


def flags_of(command: str) -> list[str]:
    """The arguments of `python NAME.py ...`."""
    return shlex.split(command)[2:]
