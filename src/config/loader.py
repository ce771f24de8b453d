"""The configuration: a YAML file and `--key=value` flags, to one checked, read-only `Config`.

`load_config` is the only function that other modules need. The keys stand in `schema`, the conversion of a single
value in `values`, the file in `yaml_file`, what must hold between keys in `checks`, and the text of `--help` in `help`.
"""
import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from src.config.auto import AUTO, Auto
from src.config.checks import COMMAND_LINE, DEFAULT, Settings, resolve
from src.config.help import explain_keys, format_help
from src.config.run_config import CHECKPOINT_FOLDER
from src.config.schema import KEYS, OLDER_KEYS, Config, Key, keys_by_topic
from src.config.values import convert, from_text, show, to_yaml
from src.config.yaml_file import FromFile, read_config_file, suggestion
from src.utils.errors import UserError

__all__ = ["Config", "FlagParser", "format_config", "load_config"]
logger = logging.getLogger(__name__)
CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_CONFIG_FILE = CHECKOUT / "config" / "ssd300_config.yaml"


def load_config(argv: Sequence[Any] | None = None, for_training: bool = False) -> Config:
    """Reads the configuration file and the flags.

    Args:
        argv: list of flags, without the program's name; default: those of the process.
        for_training: the caller resolves each `auto` before it reads the key. Otherwise `batch_size: auto` is the
            default batch size, `input_size: auto` a `UserError`, and the other keys that are `auto` raise one where
            they are read.

    Returns:
        `Config`, read-only.

    Raises:
        UserError: unknown or doubled keys, values of the wrong type or out of range, contradictions.
        SystemExit: with code 0, after `--help` or `--print_config`.
    """
    flags = parse_flags(sys.argv[1:] if argv is None else argv)
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
    if wants_print:
        sys.stdout.write(f"# {path} and the command line\n{format_config(Config(**settings.values))}")
        sys.exit(0)
    if not for_training:
        _leave_training_out(settings)
    config = Config(**settings.values)
    if for_training and "output_path" not in flags:
        _refuse_moved_run(path, config)
    return config


def format_config(config: Config) -> str:
    """All settings as YAML text, grouped by topic, which `--config_path` accepts again."""
    parts = []
    for topic, keys in keys_by_topic().items():
        parts.append(f"# {topic}\n" + "".join(to_yaml({key.name: getattr(config, key.name)}) for key in keys))
    return "\n".join(parts)


class FlagParser(argparse.ArgumentParser):
    """Raises instead of printing the usage and leaving with code 2."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{COMMAND_LINE}: {message} (options are written --key=value; --help lists all keys)")


def _build_parser() -> FlagParser:
    parser = FlagParser(add_help=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("-h", "--help", nargs="?", const="")
    parser.add_argument("--config_path")
    parser.add_argument("--print_config", action="store_true")
    for name, key in {**KEYS, **OLDER_KEYS}.items():
        # Types are checked in one place, for file and command line alike; here everything is text.
        bare: dict[str, Any] = {"nargs": "?", "const": "True"} if key.type is bool or key.or_bool else {}
        parser.add_argument(f"--{name}", **bare)
    return parser


def parse_flags(argv: Sequence[Any]) -> dict[str, Any]:
    """Flags as a dictionary key -> text; unambiguous prefixes of a key stand for it. A `UserError` for other flags."""
    flags, rest = _build_parser().parse_known_args([str(item) for item in argv])
    for item in rest:
        if item.startswith("-"):
            name = item.split("=", 1)[0]
            raise UserError(f"{COMMAND_LINE}: unknown option {name}; "
                            f"{suggestion(name.lstrip('-'), '--')} (--help lists all)")
        raise UserError(f"{COMMAND_LINE}: unexpected {item!r}; options are written --key=value")
    # argparse makes an empty list of the value `--`.
    return {key: "--" if value == [] else value for key, value in vars(flags).items()}


def _find_config_file(config_path: str) -> Path:
    path = Path(os.path.expanduser(config_path)) if config_path else DEFAULT_CONFIG_FILE
    if not os.path.exists(path) and os.path.isfile(CHECKOUT / path):
        path = CHECKOUT / path
    try:
        return path.relative_to(Path.cwd())  # shorter in messages
    except ValueError:
        return path


def _refuse_moved_run(path: Path, config: Config) -> None:
    """Raises a `UserError` where `--resume` with the configuration of a run would not find the run.

    The file names the output folder as it was called when the run began; elsewhere, another run would begin.
    """
    folder = path.parent
    if config.resume and (folder / CHECKPOINT_FOLDER).is_dir() and not Path(config.output_path).exists():
        raise UserError(f"resume: {path} says output_path {config.output_path}, and there is no such folder. Was it "
                        f"renamed? The checkpoints beside {path.name} are resumed with --output_path={folder}")


def _leave_training_out(settings: Settings) -> None:
    """What `auto` means to a program that does not train."""
    for key, value in settings.values.items():
        if isinstance(value, Auto) and key == "batch_size":
            logger.info("batch_size: %s is for train.py; it is %d here", AUTO, KEYS[key].default)
            settings.set(key, KEYS[key].default)
        elif isinstance(value, Auto):
            error = UserError(f"{key}: {AUTO} is for train.py, which writes what it chooses into config.yaml in the "
                              "output_path of the run; use that file: --config_path=OUTPUT_PATH/config.yaml")
            if key == "input_size":  # other keys follow from it, and nobody reads this one
                raise error
            settings.set(key, Auto(key, error, value.written))


def _with_older_keys(from_file: FromFile, flags: Mapping[str, str]) -> tuple[FromFile, dict[str, str]]:
    """Both with `auto` as the value of a key, in place of the `OlderKeys` that say so."""
    from_file, flags = dict(from_file), dict(flags)
    for older, field in OLDER_KEYS.items():
        key = older.removeprefix("auto_")
        if older in from_file:
            value, source = from_file.pop(older)
            if _converted(field, value, source):
                from_file[key] = (AUTO, source)
        if older in flags:
            if _converted(field, flags.pop(older), COMMAND_LINE):
                flags[key] = AUTO
            elif str(from_file.get(key, ("",))[0]).strip().lower() == AUTO:
                del from_file[key]
    return from_file, flags


def _converted(key: Key, value: Any, source: str, found: str | None = None) -> Any:
    try:
        return convert(key, value)
    except ValueError as error:
        raise UserError(f"{source}: {key.name} is {found or show(value)}; allowed: {error}") from None


def _merge(from_file: FromFile, flags: Mapping[str, str]) -> Settings:
    from_file, flags = _with_older_keys(from_file, flags)
    values, sources = {}, {}
    for name, key in KEYS.items():
        if name in flags:
            # The user's own text, not what was made of it, is easiest to recognise.
            value, source, found = from_text(key, flags[name]), COMMAND_LINE, flags[name][:100] or "''"
        else:
            (value, source), found = from_file.get(name, (key.default, DEFAULT)), None
        values[name], sources[name] = _converted(key, value, source, found), source
    return Settings(values, sources)
