"""Gradient accumulation, the running mean of the weights, early stopping, batch sizes that are chosen."""
import csv
import json
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.config import load_config
from src.ssd import build_inference_net, build_training_net
from src.training.auto_settings import resolve_epoch_size, resolve_sizes
from src.training.callbacks.early_stopping import StopTogether
from src.training.ema import WeightAverage
from src.training.optimizer import build_train_step
from src.training.step import TrainingWrapper
from src.utils.errors import UserError
from src.weights import load_weights
from src.weights.checkpoint_file import save_checkpoint
from tests.support.data_parallel_driver import FLAGS, Line
from tests.support.small_models import SMALL_MULTIBOX

pytestmark = pytest.mark.usefixtures("cpu")


def line_step(**options):
    net = Line()
    momentum, scale = options.pop("momentum", 0.0), options.get("sens", 1.0)
    optimizer = nn.Momentum(net.trainable_params(), 0.5, momentum, loss_scale=scale)
    return net.network.weight, TrainingWrapper(net, optimizer, **options)


def values_after(weight, step, numbers):
    values = []
    for number in numbers:
        step(ms.Tensor([number], ms.float32))
        values.append(float(weight.asnumpy()[0]))
    return values


def test_gradients_of_several_steps_are_averaged():
    weight, step = line_step(accumulation_steps=3, momentum=0.5, sens=8.0)
    values = values_after(weight, step, [1, 2, 6, 3, 3, 3])
    single, every = line_step(momentum=0.5)
    expected = values_after(single, every, [3, 3])
    assert values == [2.0, 2.0, values[2], values[2], values[2], values[5]]
    np.testing.assert_allclose([values[2], values[5]], expected, rtol=1e-6)


def test_gradients_are_clipped_after_they_are_averaged():
    weight, step = line_step(accumulation_steps=2, use_global_norm=True)
    assert values_after(weight, step, [-3, 7]) == pytest.approx([2.0, 1.5])  # 2 becomes 1


def test_a_step_that_overflows_is_not_among_those_averaged():
    scaler = ms.amp.DynamicLossScaler(2.0**127, 2, 1000)
    weight, step = line_step(accumulation_steps=2, loss_scaler=scaler)
    assert values_after(weight, step, [4.0, 1.0, 1.5]) == [2.0, 2.0, 2.0 - 0.5 * 1.25]
    assert int(step.skipped_steps.asnumpy()) == 1


def test_running_mean_of_the_weights():
    net, other = Line(), Line()
    average = WeightAverage(other.network, net.network, decay=0.2)
    step = TrainingWrapper(net, nn.Momentum(net.trainable_params(), 0.5, 0.0), average=average)
    mean, expected, found = 2.0, [], []
    for number, decay in zip((1, 2, 3), (2 / 11, 0.2, 0.2)):
        step(ms.Tensor([number], ms.float32))
        mean = decay * mean + (1 - decay) * float(net.network.weight.asnumpy()[0])
        expected.append(mean)
        found.append(float(other.network.weight.asnumpy()[0]))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    (saved,) = average.checkpoint()
    assert saved["name"] == "network.weight" and float(saved["data"].asnumpy()[0]) == found[-1]


@pytest.fixture(scope="module")
def trained(cpu, tmp_path_factory):
    """A small detector after three steps with a mean and accumulation, and the files of both kinds of checkpoints."""
    config = load_config([*FLAGS, "--use_ema=True", "--run_eval=True", "--accumulation_steps=2"])
    step = build_train_step(config, build_training_net(config), np.full(4, 0.05, np.float32))
    rng = np.random.default_rng(0)
    boxes = config.num_ssd_boxes
    labels = (rng.random((2, boxes)) < 0.1).astype(np.int32)
    batch = (rng.standard_normal((2, 3, 64, 64)).astype(np.float32),
             rng.standard_normal((2, boxes, 4)).astype(np.float32), labels,
             labels.sum(1, keepdims=True).astype(np.int32))
    for _ in range(3):
        step(*map(ms.Tensor, batch))
    folder = tmp_path_factory.mktemp("trained")
    save_checkpoint(step, folder / "ssd-1_3.ckpt")
    save_checkpoint(step.average.checkpoint(), folder / "best_map.ckpt")
    return config, step, folder


def test_evaluation_sees_the_mean(trained):
    config, step, folder = trained
    image = ms.Tensor(np.random.default_rng(1).standard_normal((1, 3, 64, 64)).astype(np.float32))
    outputs = {}
    for name in ("best_map", "ssd-1_3"):
        net = build_inference_net(config)
        load_weights(net, folder / f"{name}.ckpt")
        outputs[name] = net(image)[1].asnumpy()
    of_mean = step.average.inference_net.set_train(False)(image)[1].asnumpy()
    np.testing.assert_allclose(of_mean, outputs["best_map"], atol=1e-6)
    assert np.abs(outputs["best_map"] - outputs["ssd-1_3"]).max() > 1e-5


def test_the_mean_goes_on_with_the_run(trained):
    config, step, folder = trained
    flags = [*FLAGS, "--use_ema=True", "--run_eval=True", "--pre_trained_epoch_size=1"]
    again = build_train_step(load_config([*flags, f"--pre_trained={folder / 'ssd-1_3.ckpt'}"]),
                             build_training_net(config), np.full(4, 0.05, np.float32))
    assert float(again.average.steps.asnumpy()) == 1.0
    for mean, before in zip(again.average.means, step.average.means):
        np.testing.assert_array_equal(mean.asnumpy(), before.asnumpy())


def test_checkpoints_hold_gradients_while_they_wait(trained, tmp_path):
    """Three steps, two for an update: one waits in the file. After the fourth, there is nothing to keep."""
    names = ms.load_checkpoint(str(trained[2] / "ssd-1_3.ckpt"))
    assert "ema_steps" in names
    assert int(names["gradient_count"].asnumpy()) == 1
    _, step = line_step(accumulation_steps=2)
    for expected in (True, False):
        step(ms.Tensor([1.0], ms.float32))
        save_checkpoint(step, tmp_path / "a.ckpt")
        assert ("gradient_count" in ms.load_checkpoint(str(tmp_path / "a.ckpt"))) == expected


def test_stopping_on_all_ranks_when_the_first_one_wants_it():
    stops = []
    context = SimpleNamespace(request_stop=lambda: stops.append(True))
    evaluation = SimpleNamespace(wants_end=False)
    callback = StopTogether(evaluation, lambda number: number)
    callback.on_train_epoch_end(context)
    assert stops == []
    evaluation.wants_end = True
    callback.on_train_epoch_end(context)
    assert stops == [True]
    StopTogether(None, lambda number: 1).on_train_epoch_end(context)  # another rank, told by the first
    assert stops == [True, True]


def test_sizes_to_be_chosen(config_of):
    config = load_config(["--batch_size=auto", "--epoch_size=auto", "--classes=background,a", "--num_classes=2"], True)
    chosen = resolve_sizes(config, num_images=40)
    assert (chosen.batch_size, chosen.epoch_size) == (4, 80)  # at least 8 steps an epoch
    assert resolve_sizes(chosen, num_images=400) is chosen
    config = config_of("ssd300_config.yaml")
    assert resolve_sizes(config, num_images=40) is config


def test_epochs_that_are_done_already(config_of):
    config = load_config(["--epoch_size=auto", "--pre_trained_epoch_size=20"], for_training=True)
    assert resolve_epoch_size(config, num_images=400).epoch_size == 30
    with pytest.raises(UserError, match="leaves nothing to train: epoch_size auto gives 20 for 12000 images"):
        resolve_epoch_size(config, num_images=12_000)


@pytest.mark.parametrize("flag", ["--early_stopping=3", "--use_ema=True"])
def test_options_that_need_evaluation(config_of, flag):
    with pytest.raises(UserError, match="run_eval"):
        config_of("ssd300_config.yaml", flag, "--run_eval=False")


def test_too_few_steps_for_an_update(config_of):
    config = config_of("ssd300_config.yaml", "--accumulation_steps=5")
    with pytest.raises(UserError, match="accumulation_steps is 5, and the whole run has 4 steps"):
        build_train_step(config, Line(), np.full(4, 0.05, np.float32))


def test_all_options_in_one_run(run, shapes, tmp_path, caplog):
    """No detection has such a score: every mAP is 0, and the third evaluation without a better one ends the run."""
    caplog.set_level("INFO")
    flags = ("--config_path=config/ssd300_shapes_config.yaml", f"--data_path={shapes}", "--mindrecord_dir=options",
             *SMALL_MULTIBOX, "--min_score=0.999", "--output_path=output", "--eval_start_epoch=1", "--eval_interval=1")
    _, err, code = run("train", *flags, "--epoch_size=9", "--batch_size=auto", "--use_ema", "--accumulation_steps=2",
                       "--early_stopping=2")
    assert code == 0, err
    lines = "\n".join(record.getMessage() for record in caplog.records)
    assert "batch_size: 1, about" in lines  # of 15 images
    assert "early_stopping: no better mAP in 2 evaluations, the run ends" in lines
    assert "accumulation" in lines or "2 steps for one update" in lines
    with open(tmp_path / "output" / "results.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row in rows:
        parts = float(row["classification_loss"]) + float(row["localisation_loss"])
        assert parts == pytest.approx(float(row["loss"]), rel=1e-4)
    for name in ("results.png", "first_batch.jpg", "first_batch_matches.jpg"):
        assert (tmp_path / "output" / name).stat().st_size > 5000
    _, err, code = run("eval", *flags, "--min_score=0.001", "--checkpoint_file_path=output/ckpt_0/best_map.ckpt")
    assert code == 0, err
    assert json.loads((tmp_path / "output" / "eval_results.json").read_text())["mAP"] >= 0
    assert "export:   python export.py " in lines
