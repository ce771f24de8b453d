"""BatchNorm back into a network whose file had it folded into the convolutions, so that it can be trained."""
from __future__ import annotations

import logging
from collections.abc import Iterable

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from src.layers.modes import evaluation_mode

logger = logging.getLogger(__name__)


def is_folded(detector: nn.Cell) -> bool:
    """Whether every BatchNorm of a network only adds its `beta`, as `convert_tensorflow` leaves it."""
    layers = _batch_norms(detector)
    return bool(layers) and all(
        not layer.moving_mean.asnumpy().any()
        and (layer.moving_variance.asnumpy() == 1).all()
        and layer.beta.asnumpy().any()
        for layer in layers
    )


def unfold_batch_norm(detector: nn.Cell, batches: Iterable[np.ndarray]) -> None:
    """Gives every BatchNorm the statistics of what enters it, so that the outputs of the network stay.

    With the mean m and the variance v of the inputs, over images and locations: `moving_mean = m`,
    `moving_variance = v`, `gamma = sqrt(v + eps)`, `beta = beta + m`. Statistics of a batch then agree with these.

    Args:
        detector: a network for which `is_folded` holds, on the device that is set up.
        batches: images `(B, 3, H, W)` float32, all batches of one size.
    """
    layers = _batch_norms(detector)
    kinds = [type(layer) for layer in layers]
    for layer in layers:
        layer.__class__ = _recording(type(layer))
        layer.folded = (ops.zeros_like(layer.moving_mean), ops.ones_like(layer.moving_variance))
        layer.no_update = ms.Tensor([layer.eps, 0, 0], ms.float32)  # as `settings` of a kernel: statistics stay
        layer.moving_variance.set_data(ops.zeros_like(layer.moving_variance))
    recorder, images, count = _Recorder(detector), 0, 0
    with evaluation_mode(detector):
        for batch in batches:
            recorder(ms.Tensor(batch))
            images, count = images + len(batch), count + 1
    for layer, kind in zip(layers, kinds):
        layer.__class__ = kind
        del layer.folded, layer.no_update
        mean = layer.moving_mean.asnumpy().astype(np.float64) / count
        variance = np.maximum(layer.moving_variance.asnumpy().astype(np.float64) / count - mean**2, 0)
        beta = layer.beta.asnumpy() + mean
        for parameter, values in ((layer.moving_mean, mean), (layer.moving_variance, variance),
                                  (layer.gamma, np.sqrt(variance + layer.eps)), (layer.beta, beta)):
            parameter.set_data(ms.Tensor(values.astype(np.float32)))
    logger.info("BatchNorm: statistics of %d layers from %d training images", len(layers), images)


class _Recorder(nn.Cell):
    """The network under a root of its own: what is compiled with recording layers serves for nothing else."""

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        return self.network(images)[0]


def _batch_norms(detector: nn.Cell) -> list[nn.BatchNorm2d]:
    return [cell for _, cell in detector.cells_and_names() if isinstance(cell, nn.BatchNorm2d)]


def _recording(kind: type) -> type:
    """A subclass of a BatchNorm that adds up mean and mean square of its inputs, and gives what it gave before.

    The sums stand in `moving_mean` and `moving_variance`, which the folded layer does not need.
    """

    class Recording(kind):  # type: ignore[misc, valid-type]
        def construct(self, x: ms.Tensor) -> ms.Tensor:
            zeros, ones = self.folded
            if hasattr(self, "train_kernel"):
                y = self.inference_kernel(self.settings, x, self.gamma, self.beta, zeros, ones)
                _, mean, deviation = self.train_kernel(self.no_update, x, self.gamma, self.beta, zeros, ones)
                square = deviation * deviation - self.eps + mean * mean
            else:
                y = ops.batch_norm(x, zeros, ones, self.gamma, self.beta, False, 0.0, self.eps)
                pixels = x.reshape(x.shape[0], x.shape[1], -1)  # in one row: reducing over four axes takes far longer
                mean, square = pixels.mean(2).mean(0), (pixels * pixels).mean(2).mean(0)
            y = ops.depend(y, ops.assign_add(self.moving_mean, mean))
            return ops.depend(y, ops.assign_add(self.moving_variance, square))

    return Recording
