"""The EMA of the weights of a network in training, which often detects better than the weights themselves."""
import logging
from collections.abc import Mapping
from typing import Any

import mindspore as ms
from mindspore import nn, ops

from src.config import Config
from src.model_zoo import find_weights
from src.ssd import SSDWithLossCell, build_detector, build_inference_net, with_cpu_kernels
from src.weights.checkpoint_file import check_finite, read_checkpoint
from src.weights.parameter_names import EMA_PREFIX, EMA_STEPS

logger = logging.getLogger(__name__)
# Not a loop: MindSpore unrolls it, and a network has more parameters than it allows nested calls.
_move = ops.MultitypeFuncGraph("move")


@_move.register("Tensor", "Tensor", "Tensor")
def _move_towards(part: ms.Tensor, mean: ms.Tensor, current: ms.Tensor) -> ms.Tensor:
    return ops.assign(mean, mean + part * (current - mean))


class EMA(nn.Cell):
    """Exponential moving average of parameters: `mean = decay * mean + (1 - decay) * parameter` at each call.

    The decay rises from 0.1 as (1 + n) / (10 + n) with the number n of calls, so that the first weights are soon
    forgotten.

    Args:
        inference_net: a network for evaluation with the same parameters as `source`. From now on it holds the means,
            and belongs to this cell, which renames its parameters: those of `source` with `ema.` before them.
        source: the network in training; BatchNorm's running statistics are averaged too.
        decay: upper limit of the decay.
    """

    def __init__(self, inference_net: nn.Cell, source: nn.Cell, decay: float):
        super().__init__(auto_prefix=False)
        self.inference_net = inference_net
        self.decay = float(decay)
        self.map = ops.HyperMap()
        self.current = ms.ParameterTuple(source.get_parameters())
        means = list(inference_net.get_parameters())
        for mean, current in zip(means, self.current):
            mean.name = EMA_PREFIX + current.name
            mean.requires_grad = False
            mean.set_data(ms.Tensor(current.asnumpy()))
        self.means = ms.ParameterTuple(means)
        self.steps = ms.Parameter(ms.Tensor(0, ms.float32), name=EMA_STEPS, requires_grad=False)

    def construct(self) -> ms.Tensor:
        steps = ops.assign_add(self.steps, 1.0)
        rest = 1.0 - ops.minimum((1.0 + steps) / (10.0 + steps), self.decay)
        return ops.depend(steps, self.map(ops.partial(_move, rest), self.means, self.current))

    def restore(self, values: Mapping[str, ms.Parameter]) -> bool:
        """Takes over the means of a checkpoint, given all its parameters by name; returns whether it has them."""
        own = {parameter.name: parameter for parameter in (*self.means, self.steps)}
        if not all(name in values and values[name].shape == parameter.shape for name, parameter in own.items()):
            return False
        for name, parameter in own.items():
            parameter.set_data(ms.Tensor(values[name].asnumpy()))
        return True

    def checkpoint(self) -> list[dict[str, Any]]:
        """The means under the names of the parameters, as `save_checkpoint` accepts them."""
        return [{"name": mean.name[len(EMA_PREFIX):], "data": mean} for mean in self.means]


def build_ema(config: Config, net: SSDWithLossCell) -> EMA:
    """The `EMA` of a training network; that of `pre_trained`, where training continues from an epoch of it."""
    inference_net = build_inference_net(config, with_cpu_kernels(config, build_detector(config)))
    ema = EMA(inference_net, net.network, config.ema_decay)
    if config.pre_trained and config.pre_trained_epoch_size:
        path = find_weights(config.pre_trained, config.checkpoint_path)
        means = {name: value for name, value in read_checkpoint(path).items() if name.startswith(EMA_PREFIX)
                 or name == EMA_STEPS}
        check_finite(means, path)
        continued = ema.restore(means)
        how = "continues" if continued else f"is not in {path}, it begins with the weights"
        logger.info("use_ema: the EMA %s", how)
    return ema
