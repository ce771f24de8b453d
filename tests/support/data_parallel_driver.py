"""What each rank of test_data_parallel.py does: `python -m tests.support.data_parallel_driver FOLDER`, by msrun.

It writes `N.npz` with what the test compares.
"""
import hashlib
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import mindspore as ms
import numpy as np
from mindspore import nn

from src.boxes import build_box_coder
from src.config import load_config
from src.runtime.device import set_up_device
from src.runtime.distributed import AllRanksStop, FirstRankDecides, Ranks, serve_as_scheduler, set_up_ranks
from src.runtime.environment import is_scheduler
from src.runtime.releases import ranks_wait_on_cpu
from src.ssd import build_training_net
from src.training.ema import EMA
from src.training.optimizer import build_train_step
from src.training.resume import Resume, find_resume
from src.training.step import TrainingWrapper
from src.utils.errors import UserError
from tests.support.golden_data import ROOT
from tests.support.line_net import Line

IMAGES = 16
STEPS = 10
FLAGS = (
    f"--config_path={ROOT / 'config' / 'ssd_mobilenet_v1_300_config_gpu.yaml'}", "--device_target=CPU",
    "--img_shape=64,64", "--feature_size=4,2,1,1,1,1", "--steps=16,32,64,64,64,64", "--num_ssd_boxes=-1",
    "--use_float16=False", "--classes=background,thing", "--num_classes=2", "--keep_empty=True",
)
# More than the 30 after which MindSpore gives up waiting on a CPU, unless told otherwise.
SECONDS_OF_ONE_RANK = 40 if ranks_wait_on_cpu() else 1


def ten_steps(rank, ranks, pause=0):
    """Trains on the share of one rank. BatchNorm is frozen. All images of the last share are without objects.

    Returns:
        name -> value of each parameter before and after, and a digest of all parameters after each step.
    """
    config = load_config(list(FLAGS))
    ms.set_seed(1)
    net = build_training_net(config)
    for _, cell in net.cells_and_names():
        if isinstance(cell, nn.BatchNorm2d):
            cell.use_batch_statistics = False
    step = build_train_step(config, net, np.full(STEPS, 0.05, np.float32), ranks)
    before = values_of(step)
    share = IMAGES // ranks
    images = np.random.default_rng(0).standard_normal((IMAGES, 3, *config.img_shape)).astype(np.float32)
    coder = build_box_coder(config)
    boxes = [[[0.05 * i, 0.1, 0.5, 0.6 + 0.04 * i, 1]] if i < IMAGES // 2 else np.zeros((0, 5)) for i in range(IMAGES)]
    encoded = [coder.encode(of_image) for of_image in boxes]
    batch = (images, np.stack([one[0] for one in encoded]), np.stack([one[1] for one in encoded]),
             np.array([[one[2]] for one in encoded], np.int32))
    mine = [ms.Tensor(part[rank * share : (rank + 1) * share]) for part in batch]
    digests = []
    for _ in range(STEPS):
        step(*mine).asnumpy()
        digests.append(digest_of(step))
    if rank == 0:
        time.sleep(pause)  # as if it evaluated
    return before, values_of(step), digests


class Normalised(nn.Cell):
    """Loss of a network that is nothing but BatchNorm: the sum of its output."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1, momentum=0.9)

    def construct(self, x):
        return self.norm(x).sum()


def statistics_after_one_step(rank):
    """Running mean and variance of BatchNorm after a step on four numbers, which differ from rank to rank."""
    net = Normalised()
    step = TrainingWrapper(net, nn.Momentum(net.trainable_params(), 0.1, 0.0), ranks=2).set_train(True)
    step(ms.Tensor(numbers(rank))).asnumpy()
    return float(net.norm.moving_mean.asnumpy()[0]), float(net.norm.moving_variance.asnumpy()[0]), digest_of(step)


def options_after_four_steps(rank):
    """The weight and its EMA after four steps whose gradients are averaged two by two; what rank 0 decides;
    what all ranks are told before and after the second one was sent a signal."""
    net, other = Line(), Line()
    ema = EMA(other.network, net.network, decay=0.999)
    step = TrainingWrapper(net, nn.Momentum(net.trainable_params(), 0.5, 0.0), accumulation_steps=2, ema=ema,
                           ranks=2)
    for number in range(4):
        step(ms.Tensor([1.0 + number + 10 * rank], ms.float32)).asnumpy()
    decide = FirstRankDecides(Ranks(rank, 2)).of
    signals = SimpleNamespace(number=0)
    stop = AllRanksStop(signals, Ranks(rank, 2))
    before, signals.number = stop(), 15 * rank
    return np.array([net.network.weight.asnumpy()[0], other.network.weight.asnumpy()[0], decide(7 if rank == 0 else 3),
                     decide(0 if rank == 0 else 1), before, stop()])


def weight_after_one_step_in_pynative(rank):
    """The weight after a step on one number, which differs from rank to rank, without a compiled graph."""
    net = Line()
    step = TrainingWrapper(net, nn.Momentum(net.trainable_params(), 0.5, 0.0), ranks=2, all_reduce_fusion_config=[0])
    ms.set_context(mode=ms.PYNATIVE_MODE)
    step(ms.Tensor([1.0 + 10 * rank], ms.float32)).asnumpy()
    ms.set_context(mode=ms.GRAPH_MODE)
    return float(net.network.weight.asnumpy()[0])


def error_of_resume(rank):
    """What a rank says when only the first one has a checkpoint, as on two machines with folders of their own."""
    state = {"epoch": 3, "step": 2, "epoch_done": True, "parts": {}}
    found = Resume(Path("ssd-3_2.ckpt"), state) if rank == 0 else None
    config = SimpleNamespace(resume="True", output_path="output", mode_sink="non_sink", classes=("background", "a"),
                             early_stopping=0)
    with mock.patch("src.training.resume.newest_checkpoint", return_value=found):
        try:
            find_resume(config, Ranks(rank, 2))
        except UserError as error:
            return str(error)
    return ""


def numbers(rank):
    return np.array([1, 2, 3, 4], np.float32).reshape(1, 1, 2, 2) * (1 + rank)


def values_of(net):
    return {parameter.name: parameter.asnumpy().copy() for parameter in net.get_parameters()}


def digest_of(net):
    content = b"".join(value.tobytes() for _, value in sorted(values_of(net).items()))
    return hashlib.sha256(content).hexdigest()


def main(folder):
    if is_scheduler():
        serve_as_scheduler()
        return
    set_up_device("CPU", seed=1)
    ranks = set_up_ranks(True, device_num=2)
    rank = ranks.rank
    before, after, digests = ten_steps(rank, ranks.size, SECONDS_OF_ONE_RANK)
    mean, variance, digest = statistics_after_one_step(rank)  # needs the rank that paused
    options = options_after_four_steps(rank)
    np.savez(Path(folder) / f"{rank}.npz", digests=[*digests, digest], mean=mean, variance=variance,
             options=options, error=error_of_resume(rank), pynative=weight_after_one_step_in_pynative(rank),
             **{f"before/{name}": value for name, value in before.items()},
             **{f"after/{name}": value for name, value in after.items()})


if __name__ == "__main__":
    main(sys.argv[1])
