"""What `--help` shows: a line for each key, those first that a script is mostly run with; or all about one key."""
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from src.config.schema import KEYS
from src.config.values import allowed, show
from src.config.yaml_file import FromFile, suggestion
from src.runtime.cli import painted
from src.utils.errors import UserError

LONGEST_NAME = 32  # columns of a key and its default; what is longer pushes its meaning to the right


class Script(NamedTuple):
    """An entry script, and the keys that it is mostly run with."""

    purpose: str
    keys: tuple[str, ...]


DATA_KEYS = ("dataset", "data_path", "coco_root", "voc_root", "classes")
SCRIPTS = {
    "train.py": Script("Trains a detector.", (
        "device_target", *DATA_KEYS, "mindrecord_dir", "output_path", "batch_size", "epoch_size", "lr", "pre_trained",
        "resume", "filter_weight", "feature_extractor_base_param", "run_eval", "check_dataset")),
    "eval.py": Script("Evaluates a checkpoint or a MindIR file: COCO mAP, a table of the classes, a report.", (
        "device_target", "checkpoint_file_path", *DATA_KEYS, "eval_protocol", "report", "output_path")),
    "eval_onnx.py": Script("Evaluates an ONNX file, or measures its speed.", (
        "device_target", "file_name", *DATA_KEYS, "eval_protocol", "benchmark", "output_path")),
    "export.py": Script("Exports a checkpoint to MindIR, AIR or ONNX.", (
        "checkpoint_file_path", "file_name", "file_format", "batch_size", "dynamic_batch", "with_preprocess",
        "with_nms", "precision", "verify")),
    "postprocess.py": Script("Evaluates the result files of the C++ program.", (
        "result_path", "img_path", *DATA_KEYS, "drop", "output_path")),
}


def format_help(program: str, config_file: Path | str, from_file: FromFile, help_texts: Mapping[str, str],
                stream: TextIO | None = None) -> str:
    """One line for each key, by topic, with the default that `config_file` gives it; a terminal cuts it at its width.

    Args:
        program: name of the script.
        config_file: the configuration file, for the text only.
        from_file: key -> `(value, source)`, what the file says.
        help_texts: key -> meaning, where the file explains it in its own words.
        stream: where the text will go; default: standard output.
    """
    stream = stream or sys.stdout
    width = max(60, shutil.get_terminal_size().columns) if stream.isatty() else None
    script = SCRIPTS.get(program)
    lines = [*([script.purpose, ""] if script else []),
             f"usage: python {program} [--config_path=FILE] [--key=value ...]", "",
             f"Settings come from the configuration file, here {config_file}; flags of the same names override",
             "them. The values shown are those of the file. Lists: --img_shape=300,300 or --aspect_ratios=[[],[2,3]].",
             "", _row("--help=KEY,...", "all about some keys: the whole meaning and what is allowed", width),
             _row("--print_config", "show the settings as YAML, flags included, and exit", width)]
    for topic, names in _groups(script).items():
        lines += ["", painted(topic, "bold", stream)]
        for name in names:
            meaning, value = _meaning(name, help_texts), show(_value(name, from_file))
            start = f"--{name}={value}"
            start = start if len(start) <= LONGEST_NAME else f"--{name}=..."
            lines.append(_row(start, meaning, width))
    return "\n".join(lines) + "\n"


def explain_keys(wanted: str, from_file: FromFile, help_texts: Mapping[str, str]) -> str:
    """All about the keys `wanted`, names with commas between.

    Raises:
        UserError: one of them is no key.
    """
    parts = []
    for name in (item.strip().lstrip("-") for item in wanted.split(",")):
        if name not in KEYS:
            raise UserError(f"--help: there is no key {name}; {suggestion(name)}")
        parts.append(f"--{name}\n    {_meaning(name, help_texts)}\n    allowed: {allowed(KEYS[name])}\n"
                     f"    default: {show(_value(name, from_file))}\n")
    return "\n".join(parts)


def _groups(script: Script | None) -> dict[str, list[str]]:
    groups = {"Mostly used": list(script.keys)} if script else {}
    for name, key in KEYS.items():
        if not script or name not in script.keys:
            groups.setdefault(key.topic, []).append(name)
    return groups


def _meaning(name: str, help_texts: Mapping[str, str]) -> str:
    return help_texts.get(name, KEYS[name].help).rstrip(". ")


def _value(name: str, from_file: FromFile) -> Any:
    return from_file[name][0] if name in from_file else KEYS[name].default


def _row(start: str, meaning: str, width: int | None) -> str:
    line = f"  {start:<{LONGEST_NAME}}  {meaning}"
    return line if width is None or len(line) <= width else f"{line[:width - 4]} ..."
