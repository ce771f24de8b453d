"""The page of all keys: `python -m src.config.reference > docs/configuration.md`."""
from src.config.schema import Key, keys_by_topic
from src.config.values import show, type_name

INTRODUCTION = """\
# Configuration

`python -m src.config.reference > docs/configuration.md` writes this page from `src/config/schema.py`.

A YAML file has one line for each key, and `--config_path=FILE` names it. Every key is a flag too: `--lr=0.01` takes
precedence over the file. Keys that a file leaves out have the default below, the value of `config/ssd300_config.yaml`.
An unknown key, a value that is not allowed, and keys that contradict each other are errors.

- Lists on the command line: `--img_shape=300,300`, or as in YAML, `--aspect_ratios=[[],[2,3]]`.
- A switch is on with its flag alone: `--run_eval` is `--run_eval=True`.
- `auto` leaves the choice to `train.py`, which writes what it chose into `config.yaml` in `output_path`.
- `python train.py --help` shows all keys with the values of a file, `--help=KEY,...` all about some of them, and
  `--print_config` the whole configuration as YAML.
- `--resume` compares the keys with a star, on which every step of a training run depends, with those of the run.
"""


def format_reference() -> str:
    """The page as Markdown: a section for each topic, a row for each key."""
    lines = [INTRODUCTION]
    for topic, keys in keys_by_topic().items():
        lines += [f"## {topic}", "", "| key | type | default | allowed | meaning |", "|---|---|---|---|---|"]
        lines += ["| " + " | ".join(_row(key)) + " |" for key in keys] + [""]
    return "\n".join(lines)


def _row(key: Key) -> tuple[str, ...]:
    star = r" \*" if key.affects_result else ""
    return f"`{key.name}`{star}", type_name(key), f"`{show(key.default)}`", _limits(key), key.help.replace("|", "\\|")


def _limits(key: Key) -> str:
    """What is allowed beside the type."""
    parts = [f"`{choice}`" for choice in key.choices]
    if key.length:
        parts.append(f"exactly {key.length}")
    if key.rule:
        parts.append(f"each {key.rule.text}" if type_name(key).startswith("list") else key.rule.text)
    return ", ".join(parts) + (" or `auto`" if key.or_auto else "")


def main() -> None:
    print(format_reference(), end="")


if __name__ == "__main__":
    main()
