"""Usage, paths and exit codes of the shell scripts."""
import os
import re
import shlex
import shutil
import signal
import sys

import pytest

from src.config.schema import DATASETS
from src.utils.file_lock import folder_lock
from tests.support.golden_data import ROOT
from tests.support.script_runner import copy_checkout, run

SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
SHELL_FILES = [*SCRIPTS, ROOT / ".ci" / "run"]
pytestmark = [pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash"),
              pytest.mark.usefixtures("all_cores")]


@pytest.fixture
def checkout(tmp_path):
    return copy_checkout(tmp_path / "a checkout")


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
    ("run_standalone_train.sh", ["0", "1", "0.05", "coco"]),
    ("run_standalone_train.sh", ["0", "1", "0.05", "coco", "config/ssd300_config.yaml", "a.ckpt"]),
    ("run_msrun_train.sh", ["2", "1", "0.05", "coco"]),
    ("run_distribute_train.sh", ["2", "1", "0.05", "coco", "hccl.json"]),
    ("run_distribute_train.sh", ["2", "1", "0.05", "coco", "hccl.json", "config/ssd300_config.yaml", "a.ckpt"]),
    ("run_distribute_train_gpu.sh", ["2", "1", "0.05", "coco"]),
    ("docker_start.sh", ["ssd", "data"]),
    ("run_msrun_train.sh", ["--what", "2", "1", "0.05", "coco", "config/ssd300_config.yaml"]),
    ("run_eval.sh", ["coco", "a.ckpt", "0"]),
    ("run_eval_gpu.sh", []),
    ("import_weights.sh", []),
    ("import_weights.sh", ["config/ssd300_config.yaml", "--from"]),
    ("import_weights.sh", ["config/ssd300_config.yaml", "--form", "mmdet"]),
    ("run_export.sh", ["config/ssd300_config.yaml"]),
    ("run_eval_onnx.sh", ["data", "coco_ori"]),
    ("infer_ssd_mobilenet_v1_fpn_onnx.sh", []),
    ("setup_mindspore_lite.sh", ["more"]),
    ("convert_lite.sh", ["a.onnx"]),
    ("convert_om.sh", ["a.onnx", "a.om"]),
    ("test_versions.sh", ["--help"]),
    ("run_infer_cpp.sh", ["a.mindir", "images", "CPU", "config/ssd300_config.yaml"]),
    ("run_infer_310.sh", ["a.mindir", "images", "0"]),
    ("run_fuzz.sh", ["many"]),
    ("run_fuzz.sh", ["100", "html"]),
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


def test_a_folder_instead_of_a_configuration(tmp_path):
    done = run(["bash", ROOT / "scripts" / "run_export.sh", tmp_path, "ONNX"], tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"error: configuration file {tmp_path} is a folder; name a file\n"


def test_all_kinds_of_annotations_are_known(tmp_path):
    done = common(f"USAGE=; for name in {' '.join(DATASETS)} COCO; do dataset_name $name; done", tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("script", "arguments", "found"), [
    ("run_eval.sh", ["a.ckpt", "coco", "0", "config/ssd300_config.yaml"], "a.ckpt"),
    ("run_standalone_train.sh", ["0", "1", "coco", "0.05", "config/ssd300_config.yaml"], "0.05"),
    ("run_msrun_train.sh", ["1", "1", "0.05", "config/ssd300_config.yaml", "coco"], "config/ssd300_config.yaml"),
    ("run_distribute_train.sh", ["1", "1", "0.05", "hccl.json", "coco", "config/ssd300_config.yaml"], "hccl.json"),
    ("run_distribute_train_gpu.sh", ["1", "1", "coco", "0.05", "config/ssd300_config.yaml"], "0.05"),
    ("run_download_dataset.sh", ["config/ssd300_config.yaml", "coco"], "config/ssd300_config.yaml"),
])
def test_arguments_in_another_order(tmp_path, script, arguments, found):
    done = run(["bash", ROOT / "scripts" / script, *arguments], tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: DATASET is '{found}'; expected coco, voc or other. Are the arguments in "
                                  f"this order?\nUsage: bash scripts/{script} ")


def test_the_command_for_the_export_works_in_any_folder(tmp_path):
    config = tmp_path / "my config.yaml"
    config.write_text("lr: 0.5\n", encoding="utf-8")
    script = f"source '{ROOT}/scripts/lite_common.sh'; export_command '{tmp_path}/a model.mindir' '{config}'"
    done = common(script, tmp_path, PYTHON=sys.executable)
    assert shlex.split(done.stdout) == [
        sys.executable, f"{ROOT}/export.py", f"--config_path={config}", "--checkpoint_file_path=CHECKPOINT_PATH",
        "--file_format=ONNX", f"--file_name={tmp_path}/a model"]
    pasted = run(["bash", "-c", done.stdout], tmp_path)
    assert pasted.returncode == 1 and "checkpoint_file_path: there is no such checkpoint" in pasted.stderr


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


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user")
def test_libraries_of_another_user_are_not_loaded(tmp_path):
    home = tmp_path / "mindspore-ssd" / "mindspore-lite-2.0.0"
    (home / "include" / "api").mkdir(parents=True)
    (home / "include" / "api" / "model.h").touch()
    script = f"source '{ROOT}/scripts/lite_common.sh'; lite_home"
    own = {"XDG_CACHE_HOME": str(tmp_path), "MS_LITE_HOME": ""}
    assert common(script, tmp_path, **own).stdout == f"{home}\n"
    os.chown(home, 12345, 0)
    done = common(script, tmp_path, **own)
    assert done.returncode == 1 and f"set MS_LITE_HOME={home} if you trust it" in done.stderr
    assert common(script, tmp_path, XDG_CACHE_HOME=str(tmp_path), MS_LITE_HOME=str(home)).returncode == 0


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


def test_locked_versions(checkout, tmp_path):
    """LOCKED=1 hands the lock file to pip, and installs again when it has changed."""
    (checkout / "none.txt").write_text("# nothing\n", encoding="utf-8")
    lock = checkout / "requirements.lock"
    lock.write_text("# nothing either\n", encoding="utf-8")
    script = f"set -eu; source '{checkout}/scripts/common.sh'; prepare_environment none.txt"
    locked = {"LOCKED": "1", "PYTHON": sys.executable}
    assert run(["bash", "-c", script], tmp_path, **locked).returncode == 0
    assert run(["bash", "-c", script], tmp_path, **locked).stdout == ""
    lock.write_text("no version ==\n", encoding="utf-8")
    done = run(["bash", "-c", script], tmp_path, **locked)
    assert done.returncode == 1
    assert "no version ==" in done.stderr and "the installation failed" in done.stderr


def test_the_lock_file_has_what_is_required_and_no_address():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()[1:]
    locked = {re.fullmatch(r"([\w.-]+)==[\w.]+", line)[1].lower().replace("_", "-") for line in lines}
    for name in ("requirements.txt", "tests/requirements.txt"):
        asked = (ROOT / name).read_text(encoding="utf-8").splitlines()
        names = {re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in asked if line[:1] not in ("#", "")}
        assert names <= locked


def test_an_interrupted_run_keeps_its_folder_and_log(checkout, tmp_path):
    script = (f"set -euo pipefail; source '{checkout}/scripts/common.sh'; WAIT=1; FLAGS=(); new_log_folders LOG0; "
              f"pretrained_flags; run_logged '{checkout}/LOG0/log.txt' echo begun \"${{PRETRAINED[@]}}\"")
    log = checkout / "LOG0" / "log.txt"
    for resume, content, folders in (("0", "begun\n", 1), ("1", "begun\nbegun --resume\n", 1), ("0", "begun\n", 2)):
        done = run(["bash", "-c", script], tmp_path, RESUME=resume)
        assert done.returncode == 0, done.stderr
        assert log.read_text(encoding="utf-8") == content
        assert len(list(checkout.glob("LOG0*"))) == folders


def test_earlier_folders_are_numbered_and_kept(checkout, tmp_path):
    """Files of the earlier run that the new one begins from are found in their new place."""
    checkpoint = checkout / "LOG0" / "output" / "a.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("weights", encoding="utf-8")
    (checkout / "LOG1-1").mkdir()
    script = (f"set -euo pipefail; source '{checkout}/scripts/common.sh'; cd \"$PROJECT_ROOT\"; "
              "FLAGS=(--lr=1 '--pre_trained=scripts/../LOG0/output/a.ckpt' --output_path=LOG0/output); "
              "new_log_folders LOG0 LOG1; printf '%s\\n' \"${FLAGS[@]}\"")
    done = run(["bash", "-c", script], tmp_path)
    assert done.returncode == 0, done.stderr
    # one number for all folders of a run
    assert done.stdout.splitlines() == ["The earlier LOG0 is now LOG0-2", "--lr=1",
                                        f"--pre_trained={checkout}/LOG0-2/output/a.ckpt", "--output_path=LOG0/output"]
    assert (checkout / "LOG0-2" / "output" / "a.ckpt").read_text(encoding="utf-8") == "weights"
    assert not (checkout / "LOG0" / "output").exists()


def test_paths_of_the_configuration_are_followed(checkout, tmp_path):
    """Those in a folder that is renamed; a flag counts more than the configuration."""
    checkpoints = checkout / "LOG0" / "output" / "ckpt_0"
    checkpoints.mkdir(parents=True)
    (checkpoints / "a.ckpt").touch()
    (checkout / "b.ckpt").touch()
    (tmp_path / "a.yaml").write_text("pre_trained: LOG0/output/ckpt_0/a.ckpt\ncheckpoint_path: LOG0/output/ckpt_0\n"
                                     "feature_extractor_base_param: b.ckpt\ncheckpoint_file_path: LOG0/none.ckpt\n"
                                     "output_path: LOG0\ndata_path: LOG0\n", encoding="utf-8")
    script = (f"set -euo pipefail; source '{checkout}/scripts/common.sh'; cd \"$PROJECT_ROOT\"; "
              f"FLAGS=('--config_path={tmp_path}/a.yaml' --data_path=LOG1); "
              "check_flags \"$(project_python)\" \"${FLAGS[@]}\"; new_log_folders LOG0; printf '%s\\n' \"${FLAGS[@]}\"")
    done = run(["bash", "-c", script], tmp_path, PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    moved = checkout / "LOG0-1" / "output" / "ckpt_0"
    assert sorted(done.stdout.splitlines()[1:]) == [
        f"--checkpoint_path={moved}", f"--config_path={tmp_path}/a.yaml", "--data_path=LOG1",
        f"--pre_trained={moved}/a.ckpt"]
    assert (moved / "a.ckpt").is_file()


def test_results_and_logs_of_earlier_runs_are_numbered_and_kept(tmp_path):
    (tmp_path / "result_Files").mkdir()
    (tmp_path / "result_Files" / "a_0.bin").touch()
    (tmp_path / "eval.log").write_text("mAP: 0.5", encoding="utf-8")
    (tmp_path / "acc-1.log").touch()
    done = common("keep_earlier result_Files acc.log eval.log; WAIT=1; run_logged new.log echo 1; run_logged new.log "
                  "echo 2; RESUME=1 run_logged new.log sh -c 'echo 3; exit 4' || echo code $?", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["The earlier result_Files is now result_Files-2",
                                        "The earlier eval.log is now eval-2.log", "1",
                                        "The earlier new.log is now new-1.log", "2", "3", "code 4"]
    assert done.stderr == "error: ended with code 4; log: new.log\n"
    contents = {path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8")
                for path in tmp_path.rglob("*") if path.is_file()}
    assert contents == {"result_Files-2/a_0.bin": "", "eval-2.log": "mAP: 0.5", "acc-1.log": "", "new-1.log": "1\n",
                        "new.log": "2\n3\n"}


@pytest.mark.parametrize("resume", ["0", "1"])
def test_the_folder_of_a_running_run_is_refused(checkout, tmp_path, resume):
    """The run is in the background, and the script that started it has ended."""
    script = f"set -euo pipefail; source '{checkout}/scripts/common.sh'; WAIT=0; FLAGS=(); new_log_folders LOG0; "
    first = run(["bash", "-c", f"{script} run_logged '{checkout}/LOG0/log.txt' sleep 100; echo $!"], tmp_path)
    assert first.returncode == 0, first.stderr
    try:
        done = run(["bash", "-c", script], tmp_path, RESUME=resume)
        assert done.returncode == 1
        assert done.stderr == f"error: a run still writes to {checkout}/LOG0; wait for its end, or stop it first\n"
    finally:
        os.kill(int(first.stdout.split()[-1]), signal.SIGKILL)
    assert sorted(path.name for path in checkout.glob("LOG*")) == ["LOG0"]


def test_the_lock_of_training_is_heeded_too(checkout, tmp_path):
    """As of `python train.py --output_path=LOG0/output`."""
    (checkout / "LOG0" / "output").mkdir(parents=True)
    with folder_lock(checkout / "LOG0" / "output"):
        done = run(["bash", "-c", f"source '{checkout}/scripts/common.sh'; new_log_folders LOG0"], tmp_path)
    assert done.returncode == 1
    assert "a run still writes to" in done.stderr


@pytest.mark.parametrize(("script", "arguments", "message"), [
    ("run_standalone_train.sh", ["/../x", "1", "0.05", "coco", "config/ssd300_config.yaml"], "DEVICE_ID is '/../x'"),
    ("run_eval.sh", ["coco", "a.ckpt", "../LOG0", "config/ssd300_config.yaml"], "DEVICE_ID is '../LOG0'"),
    ("run_eval_gpu.sh", ["coco", "a.ckpt", "-1", "config/ssd300_config.yaml"], "DEVICE_ID is '-1'"),
    ("run_infer_cpp.sh", ["a.ckpt", ".", "CPU", "config/ssd300_config.yaml", "CPU", "x"], "DEVICE_ID is 'x'"),
    ("run_infer_310.sh", ["a.ckpt", ".", "/0", "config/ssd300_config.yaml"], "DEVICE_ID is '/0'"),
    ("run_standalone_train.sh", ["0", "1", "0.05", "coc", "config/ssd300_config.yaml"], "DATASET is 'coc'"),
    ("run_distribute_train.sh", ["1", "1", "0.05", "coc", "a.ckpt", "config/ssd300_config.yaml"], "DATASET is 'coc'"),
    ("run_msrun_train.sh", ["1", "1", "0.05", "coc", "config/ssd300_config.yaml"], "DATASET is 'coc'"),
    ("run_eval.sh", ["coc", "a.ckpt", "0", "config/ssd300_config.yaml"], "DATASET is 'coc'"),
    ("run_export.sh", ["config/ssd300_config.yaml", "ONX"], "file_format is ONX"),
    ("run_eval_onnx.sh", ["data", "coco_ori", "a.ckpt", "instances_{}.json", "CPV"], "device_target is CPV"),
    ("run_eval.sh", ["coco", "ssd300_cocoo", "0", "config/ssd300_config.yaml"], "published weights ssd300_coco?"),
])
def test_wrong_arguments_move_nothing(checkout, tmp_path, script, arguments, message):
    (tmp_path / "a.ckpt").touch()
    before = [checkout / name for name in ("LOG", "LOG0", "eval0")]
    logs = [checkout / "log.txt", tmp_path / "eval.log"]
    for folder in before:
        folder.mkdir()
    for log in logs:
        log.write_text("mine", encoding="utf-8")
    done = run(["bash", checkout / "scripts" / script, *arguments], tmp_path, PYTHON=sys.executable)
    assert done.returncode == 1
    assert message in done.stderr and done.stderr.count("error: ") == 1
    assert sorted([*checkout.glob("LOG*"), *checkout.glob("eval*[0-9]*")]) == sorted(before)
    assert not any(list(folder.iterdir()) for folder in before)
    assert sorted([*checkout.glob("*.txt"), *tmp_path.glob("*.log")]) == sorted(logs)
    assert [log.read_text(encoding="utf-8") for log in logs] == ["mine", "mine"]


def test_a_failed_installation_is_an_error(checkout, tmp_path):
    (checkout / "wrong.txt").write_text("no-such-option --wrong ==\n", encoding="utf-8")
    script = f"set -euo pipefail; source '{checkout}/scripts/common.sh'; prepare_environment wrong.txt; echo reached"
    done = run(["bash", "-c", script], tmp_path, PYTHON=sys.executable)
    assert done.returncode == 1
    assert "the installation failed" in done.stderr
    assert "reached" not in done.stdout


@pytest.mark.parametrize(("script", "arguments", "missing"), [
    ("run_standalone_train.sh", ["0", "1", "0.05", "coco", "no.yaml"], "no.yaml"),
    ("run_standalone_train.sh", ["0", "3", "0.05", "coco", "config/ssd300_config.yaml", "no.ckpt", "2"], "no.ckpt"),
    ("run_distribute_train.sh", ["2", "1", "0.05", "coco", "no.json", "config/ssd300_config.yaml"], "no.json"),
    ("run_distribute_train_gpu.sh", ["2", "3", "0.05", "coco", "config/ssd300_config.yaml", "no.ckpt", "2"], "no.ckpt"),
    ("run_msrun_train.sh", ["2", "1", "0.05", "coco", "no.yaml"], "no.yaml"),
    ("docker_start.sh", ["ssd", ".", "no folder"], "no folder"),
    ("run_eval.sh", ["coco", "no.ckpt", "0", "config/ssd300_config.yaml"], "no.ckpt"),
    ("run_export.sh", ["no.yaml", "ONNX"], "no.yaml"),
    ("import_weights.sh", ["no.pth", "--from", "mmdet"], "no.pth"),
    ("run_eval_onnx.sh", ["data", "coco_ori", "no.onnx"], "no.onnx"),
    ("convert_lite.sh", ["no.onnx", "a.mindir"], "no.onnx"),
    ("run_infer_cpp.sh", ["no.mindir", ".", "CPU", "config/ssd300_config.yaml", "CPU"], "no.mindir"),
    ("run_infer_310.sh", ["no.mindir", ".", "0", "config/ssd300_config.yaml"], "no.mindir"),
])
def test_missing_files_are_named(checkout, tmp_path, script, arguments, missing):
    done = run(["bash", checkout / "scripts" / script, *arguments], tmp_path, PYTHON=sys.executable)
    assert done.returncode == 1
    assert str(tmp_path / missing) in done.stderr
    assert not list(checkout.glob("LOG*")) and not list(checkout.glob("eval[0-9]*"))
