"""A training that is stopped, killed and resumed, by signals to real processes. `kill_runs.py` does it at length."""
import os
import signal

import pytest

from tests.faults import kill_runs
from tests.faults.small_run import EPOCHS, FLAGS, STEPS, Place, digest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def step_line(epoch, step):
    return kill_runs.STEP_LINE.format(epoch, step)


def test_results_of_an_earlier_run_stay(tmp_path):
    """The later run is stopped in its first epoch, and resumed."""
    place = Place(tmp_path, flags=(*FLAGS, "--epoch_size=1", "--tensorboard=True"))
    place.draw_data()
    place.finish(place.command("train"), "earlier")
    names = ("config.yaml", "results.csv", "results.png", "first_batch.jpg", "ckpt_0/best_map.ckpt",
             "ckpt_0/best_map.thresholds.json")
    before = {name: digest(place.output / name) for name in names}
    (events,) = (place.output / "tensorboard").iterdir()

    later = place.start(place.command("train", "--lr=0.01"), "later")
    assert later.wait_until(lambda run: step_line(1, 2) in run.text)
    later.send(signal.SIGTERM)
    assert later.finish() == 128 + signal.SIGTERM
    kept = {name: name.replace(".", "-1.", 1) for name in names}
    there = {name: name if name.startswith("results") else kept[name] for name in names}
    assert {name: digest(place.output / there[name]) for name in names} == before

    place.finish(place.train("--lr=0.01"), "resumed")
    assert {name: digest(place.output / kept[name]) for name in names} == before
    assert (place.checkpoints / "ssd-1_4.ckpt").is_file() and (place.checkpoints / "ssd_1-1_4.ckpt").is_file()
    assert all((place.output / name).is_file() for name in names) and not list(place.output.rglob("*-2.*"))
    assert [path.name for path in (place.output / "tensorboard-1").iterdir()] == [events.name]
    assert events.name not in [path.name for path in (place.output / "tensorboard").iterdir()]


def test_stopped_and_killed_and_resumed(tmp_path):
    """SIGTERM in the middle of an epoch, Ctrl-C in an evaluation, SIGKILL while a checkpoint is written; to the end."""
    undisturbed = Place(tmp_path / "undisturbed")
    undisturbed.draw_data()
    undisturbed.finish(undisturbed.train(), "train")
    place = Place(tmp_path / "disturbed", undisturbed.data)

    first = place.start(place.train(), "first")
    assert first.wait_until(lambda run: step_line(1, 2) in run.text)
    first.send(signal.SIGTERM)
    assert first.finish() == 128 + signal.SIGTERM
    (saved,) = place.checkpoints.glob("ssd-*.ckpt")
    assert f"stopped by SIGTERM, saved as {saved}; to resume:\n" in first.text
    assert f"python train.py --config_path={place.output / 'config.yaml'} --resume" in first.text

    second = place.start(place.train(), "second")
    assert second.wait_until(lambda run: "epoch time: " in run.text)
    second.send(signal.SIGINT)
    assert second.finish() in (128 + signal.SIGINT, 128 + signal.SIGTERM)  # MindSpore turns one into the other
    assert f"resume: {saved}, epoch 1, step " in second.text
    assert step_line(1, 1) not in second.text

    third = place.start(place.train(), "third")
    writing = kill_runs.nth_time(lambda run: any(place.checkpoints.glob(".part-*.ckpt")), 1)
    assert third.wait_until(writing)
    third.kill()

    text = place.finish(place.train(), "fourth")
    assert step_line(1, STEPS) not in text and step_line(EPOCHS, STEPS) in text
    assert place.outcome() == undisturbed.outcome()
    assert place.leftovers() == []
    names = {path.name for path in place.checkpoints.iterdir()}
    assert names == {path.name for path in undisturbed.checkpoints.iterdir()}
