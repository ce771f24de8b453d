"""The YAML file: first document the settings, second document (optional) help texts."""
import difflib
from pathlib import Path
from typing import Any

import yaml

from src.config.other_names import NOT_NEEDED, OTHER_NAMES
from src.config.schema import KEYS, OLDER_KEYS
from src.config.values import ConfigLoader, allowed, show
from src.utils.errors import UserError
from src.utils.safe_io import SHOWN, read_file, reason_of_reading, shown
from src.utils.untrusted_yaml import UNREADABLE

# Key -> value as YAML gives it, and "FILE, line N".
FromFile = dict[str, tuple[Any, str]]
MOST_BYTES = 1 << 18
# An alias stands for a list as often as it is written, so a short file can hold more than fits into the memory.
MOST_VALUES = 100_000
# `--config_path=<(COMMAND)` of a shell
PIPES = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")


def nearest_key(name: str) -> str:
    """The known key whose spelling is nearest."""
    return difflib.get_close_matches(name[:SHOWN].replace("-", "_").lower(), KEYS, n=1, cutoff=0.0)[0]


def suggestion(name: str, dashes: str = "") -> str:
    """What to write instead of an unknown key, for messages.

    Args:
        dashes: before the name of a key.
    """
    name = name.lower()
    if name in OTHER_NAMES:
        return f"here it is {dashes}{OTHER_NAMES[name]}"
    if name in NOT_NEEDED:
        return f"leave it out: {NOT_NEEDED[name]}"
    return f"the nearest known one is {dashes}{nearest_key(name)}"


def read_config_file(path: Path | str) -> tuple[FromFile, dict[str, str]]:
    """Reads `path`: `(settings, help_texts)`.

    help_texts: key -> text.
    Raises `UserError` for a file that cannot be read, is not YAML, has unknown keys, or a key twice with two values.
    """
    documents = _documents(path)
    if not documents:
        raise UserError(f"{path}: the file is empty; expected lines like 'lr: 0.05'")
    if len(documents) > 2:
        raise UserError(f"{path}: {len(documents)} YAML documents found; expected the settings and, "
                        "after a line '---', optional help texts")
    help_texts = {}
    for key, (text, where) in (documents[1] if len(documents) == 2 else {}).items():
        if not isinstance(text, str):
            raise UserError(f"{where}: the help text of {key} is {show(text)}; expected text")
        help_texts[key] = text
    return documents[0], help_texts


def _documents(path: Path | str) -> list[FromFile]:
    try:
        text = _content(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such configuration file; name one with --config_path=FILE") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise UserError(f"{shown(path)}: the configuration file cannot be read: {reason_of_reading(error)}") from None
    documents = []
    try:
        loader = ConfigLoader(text)
        while loader.check_node() and (node := loader.get_node()) is not None:
            documents.append(_settings(loader, node, path))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not valid YAML: {shown(error.problem or error.context)}") from None
    except UNREADABLE as error:
        raise UserError(f"{path}: not valid YAML: {shown(error)}") from None
    return documents


def _content(path: Path | str) -> bytes:
    if str(path).startswith(PIPES):
        with open(path, "rb") as stream:
            return stream.read(MOST_BYTES)
    return read_file(path, MOST_BYTES)


def _settings(loader: ConfigLoader, node: yaml.Node, path: Path | str) -> FromFile:
    """Walks the nodes of one document, because they, unlike the finished mapping, know lines and doubled keys."""
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{path}, line {node.start_mark.line + 1}: expected lines like 'lr: 0.05', "
                        f"found a {'list' if isinstance(node, yaml.SequenceNode) else 'plain text'}")
    settings: FromFile = {}
    for key_node, value_node in node.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else str(key_node.tag)
        where = f"{path}, line {key_node.start_mark.line + 1}"
        field = KEYS.get(key) or OLDER_KEYS.get(key)
        if field is None:
            raise UserError(f"{where}: unknown key '{shown(key)}'; {suggestion(key)} (--help lists all keys)")
        _require_few(value_node, f"{where}: {key}", allowed(field))
        try:
            value = loader.construct_object(value_node, deep=True)
        except UNREADABLE as error:
            raise UserError(f"{where}: the value of {key} is not valid YAML: {shown(error)}") from None
        if key in settings and not _same(settings[key][0], value):
            raise UserError(f"{where}: {key} is {show(value)}, but {settings[key][1]} says {show(settings[key][0])}; "
                            "keep one of them")
        settings[key] = (value, where)
    return settings


def _require_few(node: yaml.Node, what: str, expected: str) -> None:
    """Raises `UserError` for mappings, and for more values than any key needs; what an alias repeats counts again."""
    waiting, count = [node], 1
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            raise UserError(f"{what} is a mapping, 'name: value'; allowed: {expected}")
        if isinstance(node, yaml.SequenceNode):
            # Before they wait: a list may hold itself, and would wait without end.
            count += len(node.value)
            if count > MOST_VALUES:
                raise UserError(f"{what} is more than {MOST_VALUES} values; allowed: {expected}")
            waiting += node.value


def _same(first: Any, second: Any) -> bool:
    return type(first) is type(second) and first == second
