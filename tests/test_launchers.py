"""Training by several processes: they train together, and end together."""
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from tests.support.golden_data import ROOT
from tests.support.script_runner import copy_checkout, draw_small_data, environment_of, run

pytestmark = [pytest.mark.skipif(os.name == "nt", reason="needs Linux"), pytest.mark.usefixtures("all_cores")]

LAUNCHER = ROOT / "scripts" / "launch_ranks.py"
CPU = {"PYTHON": sys.executable, "DEVICE_TARGET": "CPU"}
STEP = "epoch: 1 step: 1, loss is "


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folder with the demo data and `small.yaml`. Of 13 images 12 have boxes."""
    folder = tmp_path_factory.mktemp("data")
    draw_small_data(folder, num_train=13, run_eval=True)
    return folder


@pytest.fixture
def checkout(tmp_path):
    return copy_checkout(tmp_path / "a checkout")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(checkout, script, *arguments):
    return subprocess.Popen(["bash", checkout / "scripts" / script, "--wait", *map(str, arguments)],
                            cwd=checkout.parent, env=environment_of(**CPU), text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def processes_of(folder):
    """Processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def wait_for(text, path, process):
    while text not in text_of(path):
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)


def test_two_machines(checkout, data):
    """Both are this machine here. Rank 0 alone evaluates and writes checkpoints."""
    options = ["--node_num=2", f"--master_port={free_port()}", 1, 2, 0.01, "coco", data / "small.yaml"]
    nodes = [start(checkout, "run_msrun_train.sh", f"--node_rank={node}", *options) for node in (1, 0)][::-1]
    outputs = [node.communicate(timeout=400) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], outputs
    assert "Waiting for the machine with --node_rank=0" in outputs[1][0]
    for node in range(2):
        folder = checkout / f"LOG_node{node}"
        text = text_of(folder / "ranks" / f"worker_{node}.log")
        # 6 images a rank are one batch of 4; the first rank tells so
        assert ("ssd_mobilenet_v1: 12 images, 1 steps an epoch, epochs 1 to 2" in text) == (node == 0)
        assert "epoch: 2 step: 1, loss is " in text
        assert "epoch: 2 step: 1, loss is " in text_of(folder / "log.txt")
        assert ("best mAP: " in text) == (node == 0)
    assert sorted(path.name for path in (checkout / "LOG_node0" / "output" / "ckpt_0").iterdir()) == \
        ["best_map.ckpt", "best_map.thresholds.json", "run.json", "ssd-2_1.ckpt", "ssd-2_1.state.json"]
    assert not (checkout / "LOG_node1" / "output").exists()
    assert processes_of(checkout) == []


def test_a_killed_rank_ends_the_run(checkout, data):
    done = start(checkout, "run_msrun_train.sh", f"--master_port={free_port()}", 2, 1000, 0.001, "coco",
                 data / "small.yaml")
    log = checkout / "LOG" / "ranks" / "worker_1.log"
    wait_for(STEP, log, done)
    victim, = [process for process in processes_of(checkout)
               if process.environ().get("RANK_ID") == "1" and process.environ().get("MS_ROLE") == "MS_WORKER"]
    victim.kill()
    output, errors = done.communicate(timeout=30)
    assert done.returncode == 128 + signal.SIGKILL
    assert f"error: rank 1 (process {victim.pid} on {socket.gethostname()}) was killed by signal 9 (SIGKILL)" in output
    assert f"Its log: {log}\n" in output
    assert "error: ended with code 137; log: LOG/log.txt" in errors
    assert "error: rank 1 " in text_of(checkout / "LOG" / "log.txt")
    assert processes_of(checkout) == []


def test_without_mpirun(checkout, data, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "env"):
        (tools / name).symlink_to(shutil.which(name))
    done = run(["bash", checkout / "scripts" / "run_distribute_train_gpu.sh", 2, 1, 0.01, "coco", data / "small.yaml"],
               tmp_path, PATH=str(tools), **CPU)
    assert done.returncode == 1
    assert "mpirun is not installed" in done.stderr and "scripts/run_msrun_train.sh" in done.stderr


def test_an_error_of_the_user_ends_all_ranks(checkout, data, tmp_path):
    """The batch is larger than the share of a rank, though not than the dataset."""
    text = text_of(data / "small.yaml").replace("batch_size: 4", "batch_size: 8")
    (tmp_path / "large.yaml").write_text(text, encoding="utf-8")
    process = start(checkout, "run_msrun_train.sh", f"--master_port={free_port()}", 2, 1, 0.01, "coco", "large.yaml")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "error: rank " in output and "Set --batch_size to at most 6" in output
    assert processes_of(checkout) == []


@pytest.mark.parametrize(("arguments", "message"), [
    (["two", 1, 0.05, "coco", "config/ssd300_config.yaml"], "DEVICE_NUM is 'two'"),
    (["--node_num=2", "--node_rank=2", 2, 1, 0.05, "coco", "config/ssd300_config.yaml"], "from 0 to 1"),
    (["--master_port=80x", 2, 1, 0.05, "coco", "config/ssd300_config.yaml"], "--master_port is '80x'"),
])
def test_wrong_numbers(checkout, tmp_path, arguments, message):
    done = run(["bash", checkout / "scripts" / "run_msrun_train.sh", *arguments], tmp_path, **CPU)
    assert done.returncode == 1
    assert message in done.stderr
    assert not list(checkout.glob("LOG*"))


def test_a_port_in_use(checkout, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run(["bash", checkout / "scripts" / "run_msrun_train.sh", f"--master_port={port}", 2, 1, 0.05, "coco",
                    "config/ssd300_config.yaml"], tmp_path, **CPU)
    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is in use" in done.stderr


RANK = """
import os, subprocess, sys, time
rank = os.environ["RANK_ID"]
print("this is rank", rank, "of", os.environ["RANK_SIZE"], "on device", os.environ["DEVICE_ID"], flush=True)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
{then}
"""


def launch(tmp_path, then):
    return subprocess.Popen([sys.executable, LAUNCHER, "--ranks=3", "--logs=LOG{rank}/log.txt", sys.executable, "-c",
                             RANK.format(then=then)],
                            cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_launcher_names_the_rank_that_failed(tmp_path):
    process = launch(tmp_path, "sys.exit('no device') if rank == '1' else time.sleep(1000)")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output == "this is rank 0 of 3 on device 0\n"
    lines = errors.splitlines()
    assert lines[:3] == ["-- last lines of LOG1/log.txt", "this is rank 1 of 3 on device 1", "no device"]
    assert lines[3].startswith("error: rank 1 (process ") and "ended with code 1;" in lines[3]
    assert processes_of(tmp_path) == []


def test_launcher_waits_for_all_ranks(tmp_path):
    """The logs of a run that resumes continue; what they held before is not shown again."""
    for rank in range(3):
        (tmp_path / f"LOG{rank}").mkdir()
        (tmp_path / f"LOG{rank}" / "log.txt").write_text("earlier\n", encoding="utf-8")
    process = launch(tmp_path, "time.sleep(0.5 * int(rank)); print('done')")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (0, "this is rank 0 of 3 on device 0\ndone\n", "")
    assert text_of(tmp_path / "LOG2" / "log.txt") == "earlier\nthis is rank 2 of 3 on device 2\ndone\n"
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_launcher_takes_the_ranks_with_it(tmp_path, number):
    process = launch(tmp_path, "time.sleep(1000)")
    wait_for("rank 2", tmp_path / "LOG2" / "log.txt", process)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert processes_of(tmp_path) == []


def docker_arguments(tmp_path, *arguments, **variables):
    """What docker_start.sh hands to docker: a stand-in prints it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "docker").write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n",
                                  encoding="utf-8")
    (tools / "docker").chmod(0o755)
    done = run(["bash", ROOT / "scripts" / "docker_start.sh", *arguments], tmp_path,
               PATH=f"{tools}{os.pathsep}{os.environ['PATH']}", **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_container_sees_the_folders_as_they_are_here(tmp_path):
    for name in ("my data", "models"):
        (tmp_path / name).mkdir()
    arguments = docker_arguments(tmp_path, "ssd", "my data", "models", "python", "eval.py", DEVICE_TARGET="CPU")
    assert arguments[:2] == ["run", "--rm"] and "--tty" not in arguments
    assert arguments[-3:] == ["ssd", "python", "eval.py"]
    volumes = [value for option, value in itertools.pairwise(arguments) if option == "--volume"]
    assert volumes == [f"{folder}:{folder}" for folder in (ROOT, tmp_path / "my data", tmp_path / "models")]
    assert not any("davinci" in argument for argument in arguments)


def test_container_with_gpus(tmp_path):
    arguments = docker_arguments(tmp_path, "ssd", ".", ".", DEVICE_TARGET="GPU")
    assert arguments[arguments.index("--gpus") + 1] == "all"
    assert arguments[-2:] == ["ssd", "bash"]
