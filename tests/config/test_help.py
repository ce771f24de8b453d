"""`--help`: a line for each key, those mostly used first; all about one key."""
import dataclasses
import io

import pytest

from src.config.help import SCRIPTS, explain_keys, format_help
from src.config.loader import Config, load_config
from src.config.schema import KEYS
from src.utils.errors import UserError


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_every_key_has_one_line_with_its_meaning():
    lines = format_help("other.py", "my.yaml", {}, {}).splitlines()
    for name, key in KEYS.items():
        [line] = [line for line in lines if line.startswith(f"  --{name}=")]
        assert line.endswith("  " + key.help.rstrip(". "))
    assert len(KEYS) == len(dataclasses.fields(Config)) == sum(line.startswith("  --") for line in lines) - 2
    for topic in ("Model and boxes", "Loss, optimiser, precision", "Evaluation", "Checkpoints", "Data", "Run"):
        assert topic in lines


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_keys_of_the_script_come_first(script):
    lines = format_help(script, "my.yaml", {}, {}).splitlines()
    start = lines.index("Mostly used") + 1
    named = [line.split("=")[0].strip() for line in lines[start:start + len(SCRIPTS[script].keys)]]
    assert named == [f"--{name}" for name in SCRIPTS[script].keys]
    assert sum(line.startswith("  --") for line in lines) == len(KEYS) + 2  # and none of them twice


def test_the_file_gives_defaults_and_texts(tmp_path, capsys):
    path = tmp_path / "my.yaml"
    path.write_text("lr: 0.25\n---\nlr: how fast, in % of nothing\n")
    with pytest.raises(SystemExit) as stopped:
        load_config([f"--config_path={path}", "--help"])
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    assert f"  --lr=0.25{' ' * 23}  how fast, in % of nothing\n" in text
    assert str(path) in text
    assert "\033" not in text


def test_a_terminal_cuts_lines_at_its_width_and_shows_colours(monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = format_help("train.py", "my.yaml", {}, {}, Terminal())
    assert "\033[1mMostly used\033[0m" in text
    rows = [line for line in text.splitlines() if line.startswith("  --")]
    assert max(map(len, rows)) == 70
    assert any(row.endswith(" ...") for row in rows)


def test_all_about_some_keys(capsys):
    assert explain_keys("batch_size, --momentum", {"momentum": (0.5, "line 1")}, {}) == (
        "--batch_size\n    images per device and step, also for evaluation and export; auto: train.py chooses it by "
        "the memory and the number of images\n    allowed: a whole number >= 1, or auto\n    default: 32\n\n"
        "--momentum\n    momentum of the optimiser\n    allowed: a number >= 0 and < 1\n    default: 0.5\n")
    with pytest.raises(SystemExit):
        load_config(["--help", "eval_protocol"])
    assert "allowed: one of reference, coco" in capsys.readouterr().out
    with pytest.raises(UserError, match="no key epoch_sise; the nearest known one is epoch_size"):
        load_config(["--help=epoch_sise"])
