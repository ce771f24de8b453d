"""The YAML file: first document the settings, second document (optional) help texts."""
import difflib
from pathlib import Path

import yaml

from src.model_utils.config_schema import KEYS
from src.model_utils.config_values import UNREADABLE, ConfigLoader, show
from src.model_utils.errors import UserError


def nearest_key(name):
    """The known key whose spelling is nearest."""
    return difflib.get_close_matches(name.replace("-", "_").lower(), KEYS, n=1, cutoff=0.0)[0]


def read_config_file(path):
    """Reads `path`: `(settings, help_texts)`.

    settings: key -> (value as YAML gives it, "FILE, line N"); help_texts: key -> text.
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


def _documents(path):
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such configuration file; name one with --config_path=FILE") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{str(path)[:200]}: the configuration file cannot be read: {reason}") from None
    documents = []
    try:
        loader = ConfigLoader(text)
        while loader.check_node():
            documents.append(_settings(loader, loader.get_node(), path))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    return documents


def _settings(loader, node, path):
    """Walks the nodes of one document, because they, unlike the finished mapping, know lines and doubled keys."""
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{path}, line {node.start_mark.line + 1}: expected lines like 'lr: 0.05', "
                        f"found a {'list' if isinstance(node, yaml.SequenceNode) else 'plain text'}")
    settings = {}
    for key_node, value_node in node.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else str(key_node.tag)
        where = f"{path}, line {key_node.start_mark.line + 1}"
        if key not in KEYS:
            raise UserError(f"{where}: unknown key {key!r}; the nearest known key is {nearest_key(key)!r} "
                            "(--help lists all keys)")
        try:
            value = loader.construct_object(value_node, deep=True)
        except UNREADABLE as error:
            raise UserError(f"{where}: the value of {key} is not valid YAML: {error}") from None
        if key in settings and not _same(settings[key][0], value):
            raise UserError(f"{where}: {key} is {show(value)}, but {settings[key][1]} says {show(settings[key][0])}; "
                            "keep one of them")
        settings[key] = (value, where)
    return settings


def _same(first, second):
    return type(first) is type(second) and first == second
