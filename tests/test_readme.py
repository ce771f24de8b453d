"""What README.md names must exist: files, keys, sections. README_CN.md is the same in Chinese."""
import re
import shlex
from pathlib import Path

import pytest

from src.config import load_config

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README_CN.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^ *```.*?^ *```$", flags=re.DOTALL | re.MULTILINE)
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, flags=re.DOTALL)
LINES = "".join(BLOCKS).replace("\\\n", " ").splitlines()
# of predict.py itself, not of the configuration
PREDICT_FLAGS = ("--input=", "--output=", "--max_images=", "--score=", "--only=", "--format=", "--crops", "--show_gt")
PYTHON_COMMANDS = [line for line in LINES if re.match(r"python \w+\.py ", line)]


def test_named_files_exist():
    names = set(re.findall(r"\b((?:config|scripts|tests)/[\w./-]+\.(?:yaml|sh|txt|jpg|png))\b", TEXT))
    names |= {line.split()[1] for line in PYTHON_COMMANDS}
    assert "config/ssd300_shapes_config.yaml" in names and "scripts/run_quickstart.sh" in names
    names.remove("config/ssd_mine_config.yaml")  # the example of a file that a user adds
    assert [name for name in sorted(names) if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("command", PYTHON_COMMANDS)
def test_commands_have_valid_flags(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    flags = [flag for flag in shlex.split(command)[2:] if not flag.startswith(PREDICT_FLAGS)]
    config = load_config(flags)
    for flag in flags:
        key, _, value = flag[2:].partition("=")
        if key in ("checkpoint_file_path", "pre_trained", "output_path"):
            assert getattr(config, key) == value


def test_keys_of_the_option_table_exist():
    table = TEXT.split("\n## Options\n")[1].split("\n## ")[0]
    keys = [key for row in table.splitlines() if row.startswith("| `")
            for key in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert len(keys) > 40
    known = load_config([]).to_dict()
    assert [key for key in keys if key not in known] == []


def test_promises_name_their_tests():
    table = TEXT.split("\n## What happens when ...\n")[1].split("\n## ")[0]
    rows = [row.split("|") for row in table.splitlines() if row.startswith("| ")][1:]
    assert len(rows) >= 14
    named = [re.findall(r"`(tests/[\w/]+\.py)`", row[-2]) for row in rows]
    assert all(named)
    assert [name for names in named for name in names if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("text", [TEXT, CHINESE], ids=["english", "chinese"])
def test_links_to_sections(text):
    titles = re.findall(r"^##+ (.+)$", FENCED.sub("", text), flags=re.MULTILINE)
    sections = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) > 5
    assert [link for link in links if link not in sections] == []


def test_both_languages_have_the_same_code_blocks():
    blocks = FENCED.findall(TEXT)
    assert len(blocks) > 40
    assert FENCED.findall(CHINESE) == blocks


def test_both_languages_have_the_same_sections_and_tables():
    def outline(text):
        """The level of each heading and the number of cells of each table row, in order."""
        return re.findall(r"^#+(?= )", FENCED.sub("", text), flags=re.MULTILINE), [
            line.count("|") for line in text.splitlines() if line.startswith("|")]

    assert outline(CHINESE) == outline(TEXT)
