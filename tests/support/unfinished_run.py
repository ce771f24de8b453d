"""A training that lacks its last epoch, which a release of MindSpore leaves and others read."""
import json
import shutil

from tests.faults.small_run import EPOCHS, STEPS, Place

LEFT = ("data", "output")
DETECTIONS = 20


def leave(place, folder):
    """Copies what belongs to the run into a folder."""
    for name in LEFT:
        shutil.copytree(place.folder / name, folder / name)


def take(folder, target):
    """The `Place` of a copy of a run that was left in a folder."""
    place = Place(folder)
    leave(place, target)
    return Place(target)


def train_all_but_last_epoch(place, *flags):
    """What the training printed."""
    return place.finish(place.train(f"--epoch_size={EPOCHS - 1}", *flags), "train")


def check_last_epoch(place):
    """Resumes the run, which then has its last epoch."""
    text = place.finish(place.train(), "resume")
    checkpoint = place.checkpoints / f"ssd-{EPOCHS - 1}_{STEPS}.ckpt"
    assert f"resume: {checkpoint}, epoch {EPOCHS - 1}, step {STEPS} of {STEPS}" in text
    assert f"epoch: {EPOCHS} step: {STEPS}, loss is " in text
    assert f"epoch: {EPOCHS - 1} step: " not in text
    assert (place.checkpoints / f"ssd-{EPOCHS}_{STEPS}.ckpt").is_file()


def strongest(place):
    """The scores of the strongest detections of the last evaluation; of so short a training no mAP says much."""
    detections = json.loads((place.output / "predictions.json").read_text(encoding="utf-8"))
    assert len(detections) > DETECTIONS
    return sorted((detection["score"] for detection in detections), reverse=True)[:DETECTIONS]
