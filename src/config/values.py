"""One value: from text or YAML to the type of its key, with a message that says what is allowed."""
import math
import re
import typing
from collections.abc import Mapping
from typing import Any

import yaml

from src.config.auto import AUTO, Auto
from src.config.schema import Key
from src.utils.untrusted_yaml import UNREADABLE, ShallowNesting

_TRUE_FALSE = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ConfigLoader(ShallowNesting, yaml.SafeLoader):
    """YAML as PyYAML reads it, but `5e-4` is a number, as in YAML 1.2 (PyYAML wants `5.0e-4`)."""


class _FlowDumper(yaml.SafeDumper):
    """Writes lists on one line, again where they repeat, and wholes without a decimal point."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# What NumPy and MindSpore have room for.
LARGEST_INT = 2**63 - 1
for _class in (ConfigLoader, _FlowDumper):
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789"))
for _sequence in (list, tuple):
    _FlowDumper.add_representer(_sequence, lambda dumper, value: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", value, flow_style=True))
_FlowDumper.add_representer(Auto, lambda dumper, value: dumper.represent_data(value.written))
_FlowDumper.add_representer(float, lambda dumper, value: (
    dumper.represent_int(int(value)) if value.is_integer() else dumper.represent_float(value)))


def to_yaml(mapping: Mapping[str, Any]) -> str:
    """YAML text of a flat mapping, one key a line (long lists wrap)."""
    return yaml.dump(mapping, Dumper=_FlowDumper, default_flow_style=False, sort_keys=False, allow_unicode=True,
                     width=110)


def show(value: Any) -> str:
    """A value as the user would write it, shortened when long."""
    text = to_yaml({"": value}).split(":", 1)[1].strip() if value != "" else "''"
    text = " ".join(text.split())
    if len(text) <= 100:
        return text
    return f"{text[:80]} ..." + (f" ({len(value)} in all)" if isinstance(value, (list, tuple)) else "")


def _element_type(kind: Any) -> Any:
    """`int` of `tuple[int, ...]`; None for a plain type."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None


def type_name(key: Key) -> str:
    """The type of a key's value, in words."""
    names = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    element = _element_type(key.type)
    if element is None:
        return f"true, false or {names[key.type]}" if key.or_bool else names[key.type]
    if _element_type(element) is None:
        return "list of " + (names[element] if element is str else names[element] + "s")
    return "list of lists of numbers"


def allowed(key: Key) -> str:
    """What a key accepts, in words, for messages and help."""
    if key.choices:
        return "one of " + ", ".join(key.choices)
    element = _element_type(key.type)
    text = f"a {type_name(key)}" if key.type in (int, float) else type_name(key)
    if key.length:
        text += f", exactly {key.length}"
    if key.rule:
        rule = key.rule.text
        text += f", each {rule}" if element else f" {rule}" if rule.startswith(">") else f", {rule}"
    return f"{text}, or {AUTO}" if key.or_auto else text


def from_text(key: Key, text: str) -> Any:
    """The text of a command-line option as the YAML file would give it.

    Lists are `a,b,c` or YAML in brackets. What does not parse is given back as it is, for `convert` to refuse.
    """
    element = _element_type(key.type)
    if element is None or _is_auto(key, text):
        return _number_or_text(key.type, text)
    if text.strip().startswith("["):
        try:
            return yaml.load(text, Loader=ConfigLoader)  # a subclass of SafeLoader
        except UNREADABLE:
            return text
    if not text.strip():
        return []
    return [_number_or_text(element, item.strip()) for item in text.split(",")]


def _number_or_text(kind: type, text: str) -> int | float | str:
    if kind not in (int, float):
        return text
    try:
        return kind(text)
    except ValueError:
        return text


def convert(key: Key, value: Any) -> Any:
    """A YAML value in the key's type; `ValueError`, whose text says what is allowed, when it does not fit."""
    if _is_auto(key, value):
        return Auto(key.name)
    if value is None or value == "":
        value = _empty(key)
    if key.or_bool and str(value).strip().lower() in _TRUE_FALSE:
        value = "True" if _typed(bool, value) else ""
    try:
        value = _typed(key.type, value)
    except (TypeError, OverflowError):
        hint = " (in quotes where YAML takes it for something else)" if key.type in (str, tuple[str, ...]) else ""
        raise ValueError(allowed(key) + hint) from None
    choices = key.choices
    if choices:
        canonical = {choice.lower(): choice for choice in choices}
        if value.strip().lower() not in canonical:
            raise ValueError(allowed(key))
        return canonical[value.strip().lower()]
    if key.length not in (None, len(value) if isinstance(value, tuple) else None):
        raise ValueError(allowed(key))
    rule = key.rule
    if rule and not all(rule.test(item) for item in _leaves(value)):
        raise ValueError(allowed(key))
    return value


def _is_auto(key: Key, value: Any) -> bool:
    return key.or_auto and isinstance(value, str) and value.strip().lower() == AUTO


def _empty(key: Key) -> str:
    """null or '' stands for the empty text, or for what the key says."""
    if key.type is not str:
        raise ValueError(allowed(key))
    return key.empty_is


def _typed(kind: Any, value: Any) -> Any:
    element = _element_type(kind)
    if element is not None:
        if not isinstance(value, (list, tuple)):
            raise TypeError
        return tuple(_typed(element, item) for item in value)
    if kind is bool:
        text = str(value).strip().lower()
        if text not in _TRUE_FALSE:
            raise TypeError
        return _TRUE_FALSE[text]
    accepted: dict[Any, Any] = {int: int, float: (int, float), str: str}
    # bool is a kind of int for Python, but `batch_size: True` is a mistake.
    if isinstance(value, bool) or not isinstance(value, accepted[kind]):
        raise TypeError
    if (kind is float and not math.isfinite(value)) or (kind is int and abs(value) > LARGEST_INT):
        raise TypeError
    return kind(value)


def _leaves(value: Any) -> list[Any]:
    if not isinstance(value, tuple):
        return [value]
    return [leaf for item in value for leaf in _leaves(item)]
