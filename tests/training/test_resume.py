"""A run that is interrupted and resumed ends with the same numbers, to the bit."""
import dataclasses
import json

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.config import load_config
from src.layers.blocks import HalfDropout
from src.runtime.distributed import ONE_RANK
from src.training.callbacks.checkpoint import KeptCheckpoints, MarkEpochDone, SaveCheckpoint
from src.training.callbacks.evaluate import EvalCallback
from src.training.callbacks.log import TrainingLog
from src.training.ema import EMA
from src.training.loop import TrainingLoop
from src.training.output_folder import checkpoint_folder
from src.training.results import Results
from src.training.resume import (
    Resume,
    create_settings,
    find_resume,
    new_run,
    with_resumed_choices,
)
from src.training.run_record import LossScaleState, RunRecord, name_run, restore_parameters
from src.training.run_state import RunState
from src.training.step import TrainingWrapper
from src.training.trainer import find_weight_files
from src.utils.errors import UserError
from src.weights import read_checkpoint, save_checkpoint
from src.weights.training_state import read_state, write_state
from tests.support.data_parallel_driver import values_of
from tests.support.numbered_batches import NumberedBatches

pytestmark = pytest.mark.usefixtures("cpu")
EPOCHS, STEPS = 3, 3
RATES = np.linspace(0.05, 0.01, EPOCHS * STEPS).astype(np.float32)
FIRST_SCALE = 2.0**127


class Dropped(nn.Cell):
    """The squares of weight * x, summed, with half of the sixteen products dropped."""

    def __init__(self):
        super().__init__()
        self.network = nn.Cell()
        self.network.weight = ms.Parameter(ms.Tensor(np.linspace(-1, 1, 16), ms.float32), name="network.weight")
        self.dropout = HalfDropout(1)

    def construct(self, x):
        return 8 * (self.dropout(self.network.weight * x) ** 2).sum()


class Run:
    """One start of a training with all that has a state, which ends after `stop_after` steps of its own."""

    def __init__(self, folder, stop_after=None, resume_from=None):
        ms.set_seed(1)
        net, other = Dropped(), Dropped()
        scaler = ms.amp.DynamicLossScaler(FIRST_SCALE, 2, 2)  # overflows at first, and is raised every second step
        ema = EMA(other.network, net.network, decay=0.9)
        optimizer = nn.Momentum(net.trainable_params(), ms.Tensor(RATES[1::2]), 0.9)
        self.step = TrainingWrapper(net, optimizer, loss_scaler=scaler, accumulation_steps=2,
                                    ema=ema).set_train(True)
        self.results = Results(folder / "results.csv")
        log = TrainingLog(1, RATES, self.results, terminal=False)
        self.checkpoints = KeptCheckpoints(folder / "ckpt_0", keep=2)
        self.parts = {"log": log, "results": self.results, "checkpoints": self.checkpoints,
                      "step": LossScaleState(self.step)}
        record = RunRecord(new_run(folder / "ckpt_0"), {"pre_trained_epoch_size": 0, "lr": 0.5}, self.parts)
        save = SaveCheckpoint(self.checkpoints, every=2, record=record)
        resume = resume_from and Resume(resume_from, read_state(resume_from))
        asked = []
        loop = TrainingLoop(self.step, NumberedBatches(STEPS, resume.next_step[0] if resume else 0, number),
                            [log, save, MarkEpochDone(save)], EPOCHS,
                            position=resume and resume.position,
                            asked_to_stop=lambda: 15 * (stop_after is not None and asked.append(1) is None
                                                        and len(asked) >= stop_after))
        if resume:
            record.restore(resume, loop.state)
        loop.run()
        self.last = self.checkpoints.last

    def end(self):
        """All that the run ends with."""
        values = {name: value.tobytes() for name, value in values_of(self.step).items()}
        rows = [(row["epoch"], row["step"], row["loss"], row["learning_rate"]) for row in self.results.rows.values()]
        return values, rows, self.parts["step"].state(), int(self.step.network.dropout.calls.count.asnumpy())


def number(epoch, index):
    return 0.3 + 0.1 * epoch + 0.01 * index


@pytest.fixture(scope="module")
def undisturbed(cpu, tmp_path_factory):
    return Run(tmp_path_factory.mktemp("undisturbed"))


def test_the_test_means_something(undisturbed):
    """Each state has taken part: steps were skipped, gradients waited, the scale has moved, half was dropped."""
    values, rows, scale, calls = undisturbed.end()
    assert int(undisturbed.step.skipped_steps.asnumpy()) > 0
    assert scale["loss_scale"] != FIRST_SCALE
    assert calls == EPOCHS * STEPS
    assert [row[:2] for row in rows] == [(1, 3), (2, 6), (3, 9)]
    assert np.frombuffer(values["ema_steps"], np.float32)[0] > 0
    assert values["network.weight"] != values["ema.network.weight"]


# After each call the run asks: after step 1, 2, 3, after epoch 1, after step 4 and so on.
@pytest.mark.parametrize("stop_after", [1, 3, 4, 6, 8, 11])
def test_interrupted_and_resumed(undisturbed, tmp_path, stop_after):
    first = Run(tmp_path, stop_after)
    assert first.end() != undisturbed.end()
    second = Run(tmp_path, resume_from=first.last)
    assert second.end() == undisturbed.end()


def test_interrupted_again_and_again(undisturbed, tmp_path):
    run = Run(tmp_path, stop_after=2)
    for _ in range(3):
        run = Run(tmp_path, stop_after=2, resume_from=run.last)
    assert Run(tmp_path, resume_from=run.last).end() == undisturbed.end()


def test_only_the_newest_checkpoints_are_kept(undisturbed):
    names = sorted(path.name for path in undisturbed.checkpoints.directory.iterdir())
    assert names == ["run.json", "ssd-2_3.ckpt", "ssd-2_3.state.json", "ssd-3_3.ckpt", "ssd-3_3.state.json"]


def test_a_checkpoint_of_another_run_is_refused(undisturbed, tmp_path):
    other = nn.Dense(2, 3)
    step = TrainingWrapper(other, nn.Momentum(other.trainable_params(), 0.1, 0.9))
    with pytest.raises(UserError, match=r"(?s)are missing.*bias.*do not belong to the run.*network\.weight"):
        restore_parameters(step, undisturbed.last)


def test_a_checkpoint_with_values_that_are_no_numbers_is_refused(undisturbed, tmp_path):
    """Also in the state of the optimizer, with which the next step would break the weights."""
    content = [{"name": name, "data": value} for name, value in read_checkpoint(undisturbed.last).items()]
    (moments,) = (entry for entry in content if entry["name"] == "moments.network.weight")
    moments["data"] = ms.Tensor(np.full(16, np.inf, np.float32))
    save_checkpoint(content, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match=r"a\.ckpt has values that are not finite .*: moments\.network\.weight"):
        restore_parameters(undisturbed.step, tmp_path / "a.ckpt")


@pytest.mark.parametrize(("change", "message"), [
    ({"steps_per_epoch": 7}, "7 steps an epoch, now there are 3"),
    ({"settings": {"pre_trained_epoch_size": 2}}, "pre_trained_epoch_size 2, now it is 0"),
])
def test_changes_that_cannot_be_resumed(undisturbed, change, message):
    state = {**read_state(undisturbed.last), **change}
    record = RunRecord("a", {"pre_trained_epoch_size": 0}, {})
    with pytest.raises(UserError, match=message):
        record.restore(Resume(undisturbed.last, state), RunState(undisturbed.step, EPOCHS, STEPS))


PARTS = {"log": {"losses": [1.5], "parts": [[1, 0.5]], "seconds": 3}, "checkpoints": ["../ssd-2_3.ckpt", "x.ckpt"],
         "results": [{"epoch": 1, "loss": 0.5, "seconds": "1.5", "protocol": "coco"}],
         "evaluation": {"best": [0.5, 2], "since_better": 1, "wants_end": False},
         "step": {"loss_scale": 2, "counter": 1}}


def restored(part, value, undisturbed):
    """A part of a run after it was restored with a value that a state file may hold."""
    parts = {**undisturbed.parts, "evaluation": EvalCallback(None, None, 1, 1)}
    state = {**read_state(undisturbed.last), "parts": {part: value}}
    RunRecord("a", {"pre_trained_epoch_size": 0}, parts).restore(
        Resume(undisturbed.last, state), RunState(undisturbed.step, EPOCHS, STEPS))
    return parts[part]


@pytest.mark.parametrize("part", PARTS)
def test_a_state_whose_parts_have_other_types(undisturbed, part):
    before = undisturbed.parts[part].state() if part in undisturbed.parts else None
    try:
        found = restored(part, PARTS[part], undisturbed)
        if part == "checkpoints":  # files elsewhere are not removed when they are too many
            assert found.state() == ["ssd-2_3.ckpt"]
        elif part == "evaluation":
            assert found.state() == {"best": (0.5, 2), "since_better": 1, "wants_end": False}
        elif part in ("step", "results"):
            assert found.state() == PARTS[part]
        wrong = [5, [5]]
        if isinstance(PARTS[part], dict):
            wrong += [[], {}, {**PARTS[part], next(iter(PARTS[part])): "x"}]
        elif part == "results":
            wrong += [[{"loss": 1}], [{"epoch": "x"}], [{"epoch": 1, "loss": "x"}], [{"epoch": 1, "other": 1}]]
        for value in wrong:
            with pytest.raises(UserError, match=rf"state\.json is damaged: {part} cannot be restored"):
                restored(part, value, undisturbed)
    finally:
        if before is not None:
            undisturbed.parts[part].restore(before)


def test_other_data_are_told(undisturbed, caplog):
    names = ("annotations of training", "images of training", "images of evaluation")
    for before, said in (({}, ""), ({names[0]: "1", names[1]: "5"}, f": the {names[1]}\n"), (5, ""),
                         (dict.fromkeys(names, "3"), f"the {names[0]} and the {names[1]}")):
        caplog.clear()
        record = RunRecord("a", {"pre_trained_epoch_size": 0}, {}, dict(zip(names, "123")))
        state = {**read_state(undisturbed.last), "made_from": before}
        record.restore(Resume(undisturbed.last, state), RunState(undisturbed.step, EPOCHS, STEPS))
        assert ("the data have changed since" in caplog.text) == bool(said) and said in caplog.text
    assert json.loads(json.dumps(record.describe()))["made_from"] == dict(zip(names, "123"))


def test_a_run_keeps_its_name(undisturbed, tmp_path):
    """Also one that began from a checkpoint of its own folder, and was interrupted before its first."""
    output = tmp_path / "output"
    last = save_run(output, undisturbed)
    config = config_of(output, "--resume")
    first = name_run(config, find_resume(config), ONE_RANK)
    assert first == read_state(last)["run"]
    again = config_of(output, "--resume=ssd-2_3.ckpt")
    second = name_run(again, find_resume(again), ONE_RANK)
    assert second != first
    resume = find_resume(config)
    assert resume.path.name == "ssd-2_3.ckpt" and name_run(config, resume, ONE_RANK) == second


def test_other_settings_are_named(undisturbed, caplog):
    settings = {"pre_trained_epoch_size": 0, "lr": 0.25, "CPU arithmetic": "float32, vectors of 512 bits"}
    state = read_state(undisturbed.last)
    state["settings"] |= {"CPU arithmetic": "bfloat16 with AMX, vectors of 512 bits"}
    record = RunRecord("a", settings, {})
    record.restore(Resume(undisturbed.last, state), RunState(undisturbed.step, EPOCHS, STEPS))
    assert "lr was 0.5, now 0.25" in caplog.text
    assert "CPU arithmetic was bfloat16 with AMX, vectors of 512 bits, now float32, vectors of 512 bits" in caplog.text


# The key


def save_run(output, undisturbed):
    """An output folder whose newest checkpoint is the last one of a run."""
    folder = checkpoint_folder(output)
    folder.mkdir(parents=True)
    for path in undisturbed.checkpoints.directory.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder / undisturbed.last.name


def config_of(output, *flags):
    return load_config([f"--output_path={output}", "--device_target=CPU", *flags])


@pytest.mark.parametrize(("flags", "value"), [
    ((), ""), (("--resume",), "True"), (("--resume=true",), "True"), (("--resume=False",), ""),
    (("--resume=a.ckpt",), "a.ckpt"), (("--resume", "a.ckpt"), "a.ckpt"),
])
def test_values_of_the_key(flags, value):
    assert load_config(list(flags)).resume == value


def test_values_in_a_file(tmp_path):
    path = tmp_path / "a.yaml"
    for text, value in (("true", "True"), ("no", ""), ("a.ckpt", "a.ckpt"), ("", "")):
        path.write_text(f"resume: {text}\n")
        assert load_config([f"--config_path={path}"]).resume == value


def test_what_the_key_finds(undisturbed, tmp_path, caplog):
    caplog.set_level("INFO")
    output = tmp_path / "output"
    assert find_resume(config_of(output)) is None
    assert find_resume(config_of(output, "--resume")) is None
    assert "nothing to resume from" in caplog.text
    last = save_run(output, undisturbed)
    assert find_resume(config_of(output, "--resume")).path == last
    resume = find_resume(config_of(output, "--resume=ssd-2_3.ckpt"))
    assert resume.path.name == "ssd-2_3.ckpt" and resume.next_step == (2, 0)
    with pytest.raises(UserError, match=r"there is no checkpoint ssd-7_3\.ckpt"):
        find_resume(config_of(output, "--resume=ssd-7_3.ckpt"))
    with pytest.raises(UserError, match=r"there is no checkpoint ssd-7_3\.ckpt"):  # before the data are looked at
        find_weight_files(config_of(output, "--resume=ssd-7_3.ckpt"))
    last.write_bytes(last.read_bytes()[:-1])
    assert find_resume(config_of(output, "--resume")).path.name == "ssd-2_3.ckpt"
    with pytest.raises(UserError, match="it was cut off"):
        find_resume(config_of(output, f"--resume={last}"))


@pytest.mark.parametrize(("patience", "goes_on"), [(2, False), (3, False), (4, True), (0, True)])
def test_a_run_that_stopped_early_goes_on_with_more_patience(undisturbed, tmp_path, caplog, patience, goes_on):
    caplog.set_level("INFO")
    last = save_run(tmp_path, undisturbed)
    state = read_state(last)
    evaluation = {"best": [0.5, 1], "since_better": 3, "wants_end": True}
    write_state(last, {**state, "epoch_done": True, "parts": {**state["parts"], "evaluation": evaluation}})
    resume = find_resume(config_of(tmp_path, "--resume", "--run_eval=True", f"--early_stopping={patience}"))
    assert resume.position.run_done is not goes_on
    assert ("--early_stopping=0 trains on" in caplog.text) is not goes_on
    assert resume.state["parts"]["evaluation"] == {**evaluation, "wants_end": not goes_on}


def test_sizes_that_were_chosen_stay(undisturbed, tmp_path):
    last = save_run(tmp_path, undisturbed)
    config = load_config([f"--output_path={tmp_path}", "--batch_size=auto", "--lr=auto", "--freeze_parts=auto"],
                         for_training=True)
    assert with_resumed_choices(config, None).is_auto("batch_size")
    state = {**read_state(last), "settings": create_settings(
        dataclasses.replace(config, batch_size=4, lr=0.1, freeze_parts=("stem", "blocks.0")))}
    for damaged in ({"batch_size": "4"}, {"lr": -0.1}, {"freeze_parts": "stem"}):
        with pytest.raises(UserError, match=rf"damaged: its settings have {damaged}"):
            with_resumed_choices(config, Resume(last, {**state, "settings": damaged}))
    chosen = with_resumed_choices(config, Resume(last, state))
    assert (chosen.batch_size, chosen.lr, chosen.freeze_parts) == (4, 0.1, ("stem", "blocks.0"))
    assert json.loads(json.dumps(state["settings"])) == state["settings"]
