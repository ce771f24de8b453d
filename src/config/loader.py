"""The configuration: a YAML file and `--key=value` flags, to one checked, read-only `Config`.

`load_config` is the only function that other modules need. The keys stand in `config_schema`, the conversion of a
single value in `config_values`, the file in `config_file`, what must hold between keys in `config_checks`, and the
text of `--help` in `config_help`.
"""
import argparse
import os
import sys
from pathlib import Path

from src.config.checks import COMMAND_LINE, DEFAULT, Settings, resolve
from src.config.help import explain_keys, format_help
from src.config.schema import KEYS, Config
from src.config.values import convert, from_text, show, to_yaml
from src.config.yaml_file import nearest_key, read_config_file
from src.utils.errors import UserError

__all__ = ["Config", "FlagParser", "format_config", "load_config"]
AUTO = "auto"
# What `auto` as the value of a key stands for: another key that is true, and the key itself left at its default until
# train.py has looked at the data and the machine.
AUTO_KEYS = {"batch_size": "auto_batch_size", "epoch_size": "auto_epoch_size", "classes": "auto_classes"}
CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_CONFIG_FILE = CHECKOUT / "config" / "ssd300_config.yaml"


def load_config(argv=None):
    """Reads the configuration file and the flags.

    Args:
        argv: list of flags, without the program's name; default: those of the process.

    Returns:
        `Config`, read-only.

    Raises:
        UserError: unknown or doubled keys, values of the wrong type or out of range, contradictions.
        SystemExit: with code 0, after `--help` or `--print_config`.
    """
    flags = _parse(sys.argv[1:] if argv is None else argv)
    path = _find_config_file(flags.pop("config_path", ""))
    asked, wants_print = flags.pop("help", None), flags.pop("print_config", False)
    from_file, help_texts = read_config_file(path)
    if asked is not None:
        program = Path(sys.argv[0]).name
        sys.stdout.write(explain_keys(asked, from_file, help_texts) if asked else
                         format_help(program, path, from_file, help_texts))
        sys.exit(0)
    settings = _merge(from_file, flags)
    resolve(settings)
    config = Config(**settings.values)
    if wants_print:
        sys.stdout.write(f"# {path} and the command line\n{format_config(config)}")
        sys.exit(0)
    return config


def format_config(config):
    """All settings as YAML text, grouped by topic, which `--config_path` accepts again."""
    parts = []
    for topic, names in _topics().items():
        parts.append(f"# {topic}\n" + "".join(to_yaml({name: getattr(config, name)}) for name in names))
    return "\n".join(parts)


def _topics():
    topics = {}
    for name, field in KEYS.items():
        topics.setdefault(field.metadata["topic"], []).append(name)
    return topics


class FlagParser(argparse.ArgumentParser):
    """Raises instead of printing the usage and leaving with code 2."""

    def error(self, message):
        raise UserError(f"{COMMAND_LINE}: {message} (options are written --key=value; --help lists all keys)")


def _build_parser():
    parser = FlagParser(add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("-h", "--help", nargs="?", const="")
    parser.add_argument("--config_path")
    parser.add_argument("--print_config", action="store_true")
    for name, field in KEYS.items():
        # Types are checked in one place, for file and command line alike; here everything is text.
        bare = {"nargs": "?", "const": "True"} if field.type is bool or field.metadata["or_bool"] else {}
        parser.add_argument(f"--{name}", **bare)
    return parser


def _parse(argv):
    """Flags as a dictionary key -> text; unambiguous prefixes of a key stand for it."""
    flags, rest = _build_parser().parse_known_args([str(item) for item in argv])
    for item in rest:
        if item.startswith("-"):
            name = item.split("=", 1)[0]
            raise UserError(f"{COMMAND_LINE}: unknown option {name}; the nearest known one is "
                            f"--{nearest_key(name.lstrip('-'))} (--help lists all)")
        raise UserError(f"{COMMAND_LINE}: unexpected {item!r}; options are written --key=value")
    # argparse makes an empty list of the value `--`.
    return {key: "--" if value == [] else value for key, value in vars(flags).items()}


def _find_config_file(config_path):
    path = Path(os.path.expanduser(config_path)) if config_path else DEFAULT_CONFIG_FILE
    if not os.path.exists(path) and os.path.isfile(CHECKOUT / path):
        path = CHECKOUT / path
    try:
        return path.relative_to(Path.cwd())  # shorter in messages
    except ValueError:
        return path


def _without_auto(from_file, flags):
    """Both without the value `auto`, see `AUTO_KEYS`."""
    from_file, flags = dict(from_file), dict(flags)
    for name, stands_for in AUTO_KEYS.items():
        value, source = from_file.get(name, (None, None))
        if str(value).strip().lower() == AUTO:
            del from_file[name]
            from_file[stands_for] = (True, source)
        if flags.get(name, "").strip().lower() == AUTO:
            del flags[name]
            flags[stands_for] = "True"
        elif name in flags:
            flags.setdefault(stands_for, "False")  # a value on the command line replaces `auto` of the file
    return from_file, flags


def _merge(from_file, flags):
    from_file, flags = _without_auto(from_file, flags)
    values, sources = {}, {}
    for name, field in KEYS.items():
        if name in flags:
            value, source = from_text(field, flags[name]), COMMAND_LINE
        else:
            value, source = from_file.get(name, (field.default, DEFAULT))
        try:
            values[name], sources[name] = convert(field, value), source
        except ValueError as error:
            # The user's own text, not what was made of it, is easiest to recognise.
            found = flags[name][:100] or "''" if name in flags else show(value)
            raise UserError(f"{source}: {name} is {found}; allowed: {error}") from None
    return Settings(values, sources)
