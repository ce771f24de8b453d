"""Kills conversions, trainings, evaluations and exports at random moments, and shows that nothing is lost.

    python -m tests.faults.kill_runs [--kills=50] [--seed=1] [--folder=DIR]

Each run gets a SIGKILL in one of five phases, in turns: conversion; training, in a step; the writing of a checkpoint;
evaluation, while training and by eval.py; export. The same command is then given again (training with `--resume`, as
the first time). The run counts as recovered when parameters, optimizer, best checkpoint, results and evaluation are
those of a run that nobody has disturbed, to the bit, and nothing half-written is left.
"""
import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.small_run import EPOCHS, STEPS, Place

PHASES = ("conversion", "training", "checkpoint", "evaluation", "export")
EVALUATED, EXPORTED = "evaluation", "model.onnx"  # in `Place.outcome`
STEP_LINE = "epoch: {} step: {}, loss is "


class Undisturbed:
    """One run of everything without a kill: its outcome, the seconds of each command, and its place, from which others
    begin.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder):
        self.place = Place(folder)
        self.place.draw_data()
        self.seconds = {}
        for name in ("convert", "train", "evaluate", "export"):
            start = time.monotonic()
            self.place.finish(getattr(self.place, name)(), name)
            self.seconds[name] = time.monotonic() - start
        self.outcome = self.place.outcome()


def moment_of(phase, place, rng):
    """A condition for `Started.wait_until`: the moment of the kill in a training, drawn from the phase."""
    if phase == "training":
        step = rng.randrange(EPOCHS * STEPS)
        line = STEP_LINE.format(step // STEPS + 1, step % STEPS + 1)
        return after(lambda run: line in run.text, rng.uniform(0, 0.15))
    if phase == "checkpoint":
        count = rng.randrange(2 * EPOCHS)
        return after(nth_time(lambda run: any(place.checkpoints.glob(".part-*.ckpt")), count), rng.uniform(0, 0.06))
    count = rng.randint(1, EPOCHS)
    return after(lambda run: run.text.count("epoch time: ") >= count, rng.uniform(0, 0.6))


def after(happened, seconds):
    """Condition: so many seconds have passed since another one first held."""
    began = []

    def is_over(run):
        if not began and happened(run):
            began.append(time.monotonic())
        return bool(began) and time.monotonic() - began[0] >= seconds

    return is_over


def nth_time(happens, count):
    """Condition: another one holds, after it has begun to hold so many times before."""
    state = {"before": False, "count": -1}

    def is_now(run):
        now = happens(run)
        state["count"] += now and not state["before"]
        state["before"] = now
        return now and state["count"] >= count

    return is_now


def disturb(phase, reference, folder, rng):
    """One run that is killed and repeated; returns when it was killed, as text, and what is wrong in the end."""
    place = Place(folder, None if phase == "conversion" else reference.place.data)
    name = {"conversion": "convert", "export": "export"}.get(phase, "train")
    if phase == "evaluation" and rng.random() < 0.4:
        name = "evaluate"
    if phase == "conversion":
        place.draw_data()
    if name in ("evaluate", "export"):
        shutil.copytree(reference.place.output, place.output)
        for result in ("eval_results.json", "predictions.json", "model.onnx"):
            (place.output / result).unlink()
    if name == "train":
        moment = moment_of(phase, place, rng)
    else:
        moment = after(lambda run: True, rng.uniform(0.4, 1) * reference.seconds[name])

    started = place.start(getattr(place, name)(), "killed")
    in_time = started.wait_until(moment)
    when = f"{name} after {time.monotonic() - started.began:.2f} s" + ("" if in_time else ", which was its end")
    if in_time:
        started.kill()
    place.finish(getattr(place, name)(), "again")
    if phase == "conversion":
        place.finish(place.train(), "train")
    found = place.outcome()
    not_made = {"evaluate": {EXPORTED}, "export": {EVALUATED}}.get(name, {EXPORTED, EVALUATED})
    wrong = [key for key, value in reference.outcome.items() if key not in not_made and found.get(key) != value]
    return when, [*wrong, *place.leftovers()]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where to work; default: a temporary one")
    arguments = parser.parse_args(argv)
    rng = random.Random(arguments.seed)
    recovered = 0
    if arguments.folder:
        Path(arguments.folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as work:
        reference = Undisturbed(Path(work, "undisturbed"))
        print("undisturbed: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in reference.seconds.items()),
              flush=True)
        for number in range(arguments.kills):
            phase, folder = PHASES[number % len(PHASES)], Path(work, str(number))
            when, wrong = disturb(phase, reference, folder, rng)
            recovered += not wrong
            print(f"{number + 1:3d} {phase}: killed {when}: {wrong or 'recovered'}", flush=True)
            if not wrong:
                shutil.rmtree(folder)
    print(f"{recovered} of {arguments.kills} recovered")
    return 0 if recovered == arguments.kills else 1


if __name__ == "__main__":
    sys.exit(main())
