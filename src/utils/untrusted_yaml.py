"""YAML of untrusted files."""
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.reader import Reader
from yaml.scanner import Scanner

from src.utils.safe_io import read_file

# Lists in lists; nobody needs more than three, and PyYAML takes seconds for thousands.
MOST_DEPTH = 20
# What PyYAML raises for what it cannot build, such as `!!bool x`, `!!int ""` or brackets a thousand deep.
UNREADABLE = (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)


class ShallowNesting(Reader, Scanner, Composer):
    """What refuses lists that are nested too deeply: the first base of a loader."""

    _depth = 0

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803  PyYAML calls it so
        self._require_depth(self.flow_level)
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._require_depth(self._depth)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _require_depth(self, depth: int) -> None:
        if depth > MOST_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"lists are nested more than {MOST_DEPTH} levels deep",
                                       problem_mark=self.get_mark())


class _TextLoader(ShallowNesting, yaml.BaseLoader):
    """Takes every value as text."""


def read_yaml_texts(path: Path | str, most: int) -> Any:
    """Content of a YAML file of at most `most` bytes: lists, dictionaries, and every value in them as text.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no YAML.
    """
    data = read_file(path, most)
    try:
        return yaml.load(data, _TextLoader)  # which makes texts only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ValueError(f"not valid YAML{f' in line {mark.line + 1}' if mark else ''}: "
                         f"{error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        raise ValueError("it is no text in UTF-8, or has control characters; save the file as UTF-8, as editors can "
                         "do") from error
    except UNREADABLE as error:
        raise ValueError(f"not valid YAML: {error}") from error
