"""Usage, paths and exit codes of the shell scripts."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
SHELL_FILES = [*SCRIPTS, ROOT / ".ci" / "run"]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash")


def run(command, cwd, **environment):
    """The finished process; PYTHON and VENV of the caller have no influence."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "VENV", "VIRTUAL_ENV")}
    return subprocess.run([str(part) for part in command], cwd=cwd, env={**kept, **environment}, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=300, check=False)


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the scripts need, so that nothing is written into the real checkout."""
    folder = tmp_path / "a checkout"
    for name in ("src", "scripts", "config"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "download_dataset.py", folder)
    return folder


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck():
    done = run(["shellcheck", "--external-sources", *SHELL_FILES], ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SHELL_FILES, ids=lambda path: path.name)
def test_scripts_stop_at_errors(script):
    text = script.read_text(encoding="utf-8")
    assert "\r" not in text
    if script.name != "common.sh":
        assert text.startswith("#!/usr/bin/env bash\n")
        assert "set -euo pipefail\n" in text


@pytest.mark.parametrize(("script", "arguments"), [
    ("run_download_dataset.sh", []),
    ("run_download_dataset.sh", ["shapes"]),
    ("run_download_dataset.sh", ["shapes", "config/ssd300_shapes_config.yaml", "more"]),
    ("run_quickstart.sh", ["more"]),
])
def test_wrong_arguments_print_the_usage(tmp_path, script, arguments):
    done = run(["bash", ROOT / "scripts" / script, *arguments], tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Usage: bash scripts/{script}")
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_download_of_the_demo_data_from_another_folder(checkout, tmp_path):
    config = tmp_path / "my config.yaml"
    config.write_text(f"data_path: '{tmp_path / 'my data'}'\n", encoding="utf-8")
    done = run(["bash", checkout / "scripts" / "run_download_dataset.sh", "shapes", "my config.yaml"], tmp_path,
               PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my data" / "shapes" / "annotations" / "instances_val.json").is_file()
    assert (checkout / "download_dataset_log.txt").read_text(encoding="utf-8") == done.stdout
    assert "drew 240 training and 60 validation images" in done.stdout


def test_download_passes_the_exit_code_on(checkout, tmp_path):
    """The configuration is named relative to the checkout, from elsewhere."""
    done = run(["bash", checkout / "scripts" / "run_download_dataset.sh", "voc", "config/ssd300_config.yaml"], tmp_path,
               PYTHON=sys.executable)
    assert done.returncode == 1
    assert "these can: coco, shapes" in (checkout / "download_dataset_log.txt").read_text(encoding="utf-8")


def test_missing_configuration(tmp_path):
    done = run(["bash", ROOT / "scripts" / "run_download_dataset.sh", "shapes", "no.yaml"], tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: configuration file {tmp_path}/no.yaml does not exist\n"


def common(script, cwd, **environment):
    return run(["bash", "-c", f"set -euo pipefail; source '{ROOT}/scripts/common.sh'; {script}"], cwd, **environment)


@pytest.mark.parametrize(("path", "expected"), [
    ("/a/b", "/a/b"), ("a b/c", "{here}/a b/c"), ("C:/data", "C:/data"), ("../x", "{here}/../x"),
])
def test_absolute_path(tmp_path, path, expected):
    assert common(f"absolute_path '{path}'", tmp_path).stdout == expected.format(here=tmp_path) + "\n"


def test_an_interpreter_that_does_not_work_is_refused(tmp_path):
    done = common("find_python", tmp_path, PYTHON="false")
    assert done.returncode == 1
    assert done.stderr == "error: PYTHON=false is not a working Python 3.10, 3.11 or 3.12\n"


def test_environment_is_made_once(checkout, tmp_path):
    """With an empty requirement file, so that nothing is downloaded."""
    (checkout / "none.txt").write_text("# nothing\n", encoding="utf-8")
    script = f"set -eu; source '{checkout}/scripts/common.sh'; prepare_environment none.txt; echo $VENV_PYTHON"
    first = run(["bash", "-c", script], tmp_path, PYTHON=sys.executable)
    assert first.returncode == 0, first.stderr
    assert "Making the virtual environment" in first.stdout and "Installing none.txt" in first.stdout
    assert first.stdout.splitlines()[-1] == f"{checkout}/.venv/bin/python"
    second = run(["bash", "-c", script], tmp_path, PYTHON=sys.executable)
    assert second.stdout == f"{checkout}/.venv/bin/python\n"
    (checkout / "none.txt").write_text("# still nothing\n", encoding="utf-8")
    assert "Installing none.txt" in run(["bash", "-c", script], tmp_path).stdout


def test_a_failed_installation_is_an_error(checkout, tmp_path):
    (checkout / "wrong.txt").write_text("no-such-option --wrong ==\n", encoding="utf-8")
    script = f"set -euo pipefail; source '{checkout}/scripts/common.sh'; prepare_environment wrong.txt; echo reached"
    done = run(["bash", "-c", script], tmp_path, PYTHON=sys.executable)
    assert done.returncode == 1
    assert "the installation failed" in done.stderr
    assert "reached" not in done.stdout
