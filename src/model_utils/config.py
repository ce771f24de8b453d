"""The configuration: a YAML file and `--key=value` flags, to one checked, read-only `Config`.

`load_config` is the only function that other modules need. The keys stand in `config_schema`, the conversion of a
single value in `config_values`, the file in `config_file`, and what must hold between keys in `config_checks`.
"""
import argparse
import os
import sys
from pathlib import Path

from src.model_utils.config_checks import COMMAND_LINE, DEFAULT, Settings, resolve
from src.model_utils.config_file import nearest_key, read_config_file
from src.model_utils.config_schema import KEYS, Config
from src.model_utils.config_values import allowed, convert, from_text, show, to_yaml
from src.model_utils.errors import UserError

__all__ = ["Config", "FlagParser", "format_config", "load_config"]

AUTO = "auto"
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
    wants_help, wants_print = flags.pop("help", False), flags.pop("print_config", False)
    from_file, help_texts = read_config_file(path)
    if wants_help:
        _build_parser(from_file, help_texts).print_help(sys.stdout)
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


def _build_parser(from_file=None, help_texts=None):
    """The parser. With what a configuration file says, its help shows the file's defaults and texts."""
    parser = FlagParser(
        usage="%(prog)s [--config_path=FILE] [--key=value ...]", add_help=False, argument_default=argparse.SUPPRESS,
        description="Settings come from the configuration file; flags of the same names override them. The defaults "
                    "shown are those of the file. Lists: --img_shape=300,300 or, nested, --aspect_ratios=[[],[2,3]].")
    parser.add_argument("-h", "--help", action="store_true", help="show this text and exit")
    parser.add_argument("--config_path", metavar="FILE",
                        help="configuration file, relative to the working directory or else to the checkout. "
                             f"Default: {DEFAULT_CONFIG_FILE.relative_to(CHECKOUT).as_posix()}")
    parser.add_argument("--print_config", action="store_true", help="show the resolved settings as YAML and exit")
    for topic, names in _topics().items():
        group = parser.add_argument_group(topic)
        for name in names:
            # Types are checked in one place, for file and command line alike; here everything is text.
            text = _describe(KEYS[name], from_file or {}, help_texts or {})
            bare = {"nargs": "?", "const": "True"} if KEYS[name].type is bool else {}  # --with_nms alone is enough
            group.add_argument(f"--{name}", metavar="VALUE", help=text, **bare)
    return parser


def _describe(field, from_file, help_texts):
    meaning = help_texts.get(field.name, field.metadata["help"]).rstrip(". ")
    default = from_file.get(field.name, (field.default, DEFAULT))[0]
    return f"{meaning}. Default: {show(default)}. Allowed: {allowed(field)}".replace("%", "%%")


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


def _without_auto(from_file):
    """`batch_size: auto` as the key that it stands for; until train.py chooses, batch_size has its default."""
    value, source = from_file.get("batch_size", (None, None))
    if str(value).strip().lower() != AUTO:
        return from_file
    rest = {name: setting for name, setting in from_file.items() if name != "batch_size"}
    return {**rest, "auto_batch_size": (True, source)}


def _merge(from_file, flags):
    from_file, flags = _without_auto(from_file), dict(flags)
    if flags.get("batch_size", "").strip().lower() == AUTO:
        flags.pop("batch_size")
        flags["auto_batch_size"] = "True"
    elif "batch_size" in flags:
        flags.setdefault("auto_batch_size", "False")  # a number on the command line replaces `auto` of the file
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
