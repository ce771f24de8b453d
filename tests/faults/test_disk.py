"""A disk that is full, an output folder that is closed or taken: one clear message, and what was there stays."""
import ctypes
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mindspore import nn

from src.dataset.mindrecord.create import create_mindrecord
from src.export.exporter import export_network
from src.inference.outputs import VideoFile
from src.training.output_folder import run_folder
from src.training.results import Results
from src.utils.errors import UserError
from src.utils.files import remove_parts, whole_file, whole_folder, write_json
from src.visualization.draw import save_image
from src.visualization.plot_style import new_figure, save_plot
from src.weights import save_checkpoint
from tests.faults.small_run import Place
from tests.support.full_disk import full_disk
from tests.support.golden_data import ROOT
from tests.support.samples import make_coco

pytestmark = pytest.mark.usefixtures("cpu")
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1  # of linux/prctl.h and linux/capability.h
NOISE = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)


def write_results(path):
    results = Results(path, keep=lambda path: None)
    results.restore([{"epoch": epoch, "loss": epoch / 7} for epoch in range(3000)])
    results.add(3000, loss=1.0)


def write_plot(path):
    figure = new_figure(8, 8)
    figure.subplots().imshow(NOISE)
    save_plot(figure, path)


def export(path):
    metadata = SimpleNamespace(image_size=(8, 8), precision="fp32", to_texts=lambda: {"classes": "a"})
    export_network(TwoOutputs(), path, path.suffix[1:].upper(), 1, metadata)


class TwoOutputs(nn.Cell):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2000, 3)

    def construct(self, image):
        return self.conv(image), 2 * image


def write_video(path):
    with VideoFile(path, 10) as video:
        for _ in range(40):
            video.write(NOISE)


WRITERS = {
    "a.ckpt": lambda path: save_checkpoint(nn.Dense(200, 200), path),
    "a.json": lambda path: write_json(path, list(range(20_000))),
    "results.csv": write_results,
    "a.jpg": lambda path: save_image(path, NOISE),
    "a.png": write_plot,
    "a.mindir": export,
    "a.onnx": export,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_previous_file(tmp_path, name):
    path = tmp_path / name
    path.write_text("previous")
    with full_disk(), pytest.raises(UserError, match=rf"{name} cannot be written: File too large\. Make room there"):
        WRITERS[name](path)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert path.read_text() == "previous"
    WRITERS[name](path)
    assert path.stat().st_size > 30_000


@pytest.mark.parametrize("size", [100, 30_000, 300_000])
def test_a_full_disk_below_a_video(tmp_path, size):
    path = tmp_path / "a.mp4"
    path.write_text("previous")
    with full_disk(size), pytest.raises(UserError, match="is there room on the disk"):
        write_video(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"] and path.read_text() == "previous"
    write_video(path)
    assert path.stat().st_size > 300_000


def test_a_full_disk_below_a_folder(tmp_path):
    with full_disk(), pytest.raises(UserError, match=r"shapes cannot be written: File too large\. Make room there"), \
            whole_folder(tmp_path / "shapes") as part:
        (part / "a.jpg").write_bytes(bytes(40_000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [1000, 200_000, 1_500_000])
def test_a_full_disk_while_converting(tmp_path, size):
    """At the header, at the index, at a page of images."""
    config = make_coco(tmp_path)
    with full_disk(size), pytest.raises(UserError, match=r"mindrecord.*--mindrecord_dir"):
        create_mindrecord(config, is_training=True)
    assert [path.name for path in (tmp_path / "mindrecord").iterdir()] == [".lock"]
    assert create_mindrecord(config, is_training=True).num_images == 6


def test_the_folder_of_the_records_is_a_file(tmp_path):
    config = make_coco(tmp_path)
    (tmp_path / "mindrecord").touch()
    with pytest.raises(UserError, match=rf"cannot be written to .*: {tmp_path}/mindrecord is no folder"):
        create_mindrecord(config, is_training=True)


def without_override():
    """Root, too, is held by the permissions of files from here on."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="drops a capability of Linux")
def test_an_output_folder_that_cannot_be_written_to(tmp_path):
    place = Place(tmp_path)
    place.draw_data()
    place.output.mkdir()
    place.output.chmod(0o555)
    run = place.start(place.train(), "train", preexec_fn=without_override)
    assert run.finish() == 1
    assert f"error: output_path: {place.output} cannot be written to: Permission denied" in run.text
    assert "Traceback" not in run.text
    assert list(place.output.iterdir()) == []


# Two runs, one folder


def test_a_second_run_is_refused(run, shapes, tmp_path):
    flags = (f"--config_path={ROOT / 'config' / 'ssd300_shapes_config.yaml'}", f"--data_path={shapes}",
             "--mindrecord_dir=taken", "--output_path=output")
    with run_folder(tmp_path / "output", tmp_path / "output" / "ckpt_0"):
        _, err, code = run("train", *flags)
    assert code == 1
    assert f"output_path: another training run, process {os.getpid()} on " in err
    assert "set --output_path to another folder" in err
    assert not (tmp_path / "output").exists()  # made for nothing


HOLDER = """
import sys
from src.training.output_folder import run_folder
with run_folder(sys.argv[1], sys.argv[1] + "/ckpt_0"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_goes_with_its_process(tmp_path):
    output = tmp_path / "output"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(output)], cwd=ROOT, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"process {holder.pid} on "), run_folder(output, output / "ckpt_0"):
            pass
        holder.kill()
    assert (output / ".lock").read_text().startswith(f"process {holder.pid} on ")
    with run_folder(output, output / "ckpt_0"):
        (output / "kept").touch()
    assert sorted(path.name for path in output.iterdir()) == [".lock", "kept"]


def test_what_a_killed_run_left_is_removed(tmp_path):
    checkpoints = tmp_path / "ckpt_0"
    checkpoints.mkdir()
    (checkpoints / ".part-1-ssd-1_4.ckpt").touch()
    (checkpoints / "ssd-1_4.ckpt").touch()
    (tmp_path / ".part-1-results.csv").touch()
    (tmp_path / ".part-1-eval_results.json").touch()  # of a program that may be running
    with run_folder(tmp_path, checkpoints):
        left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == [".lock", ".part-1-eval_results.json", "ssd-1_4.ckpt"]


def test_output_path_is_a_file(tmp_path):
    (tmp_path / "a").touch()
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(UserError, match="cannot be written to"), run_folder(path, path / "ckpt_0"):
            pass


def test_a_whole_file_that_was_written_for_reading_alone(tmp_path):
    path = tmp_path / "a.mindir"
    with whole_file(path) as part:  # as MindSpore writes them; users other than root could not even flush it
        part.touch(mode=0o400)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_whole_file_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), whole_file(tmp_path / "a" / "b.txt") as part:
        part.write_text("half")
        raise RuntimeError
    assert list(Path(tmp_path / "a").iterdir()) == []
    remove_parts(tmp_path / "nowhere")


def test_only_parts_of_processes_that_ended_are_removed(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    for process in (ended.pid, os.getpid(), os.getppid(), 10**30, "other"):
        (tmp_path / f".part-{process}-a.json").touch()
    remove_parts(tmp_path, "a.json")
    assert [path.name for path in tmp_path.iterdir()] == [f".part-{os.getppid()}-a.json"]
    remove_parts(tmp_path, "a.json", locked=True)
    assert list(tmp_path.iterdir()) == []
