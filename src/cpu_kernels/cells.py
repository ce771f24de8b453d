"""Cells with kernels of this package. Each has the parameters of the cell that it replaces."""
from pathlib import Path
from typing import NamedTuple

import mindspore as ms
from mindspore import nn

from src.cpu_kernels import operators
from src.layers.focal_loss import SigmoidFocalLoss

ACTIVATIONS = {nn.ReLU: 1, nn.ReLU6: 2}


class Numbers(NamedTuple):
    """What a layer computes with: bfloat16 in its products, and the type of its result. Sums are float32."""

    bfloat16_products: bool = False
    result: ms.Type = ms.float32


class KernelConv2d(nn.Conv2d):
    """`nn.Conv2d` with one stride, one dilation, one padding for both axes."""

    def use_kernel(self, library: Path, numbers: Numbers) -> None:
        padding = operators.SAME if self.pad_mode == "same" else self.padding if self.pad_mode == "pad" else 0
        stride, dilation = self.stride[0], self.dilation[0]
        self.settings = ms.Tensor([stride, dilation, padding], ms.int32)
        if self.group == 1:
            self.kernel = operators.convolution(library, stride, dilation, padding, self.has_bias, *numbers)
        else:
            self.kernel = operators.depthwise(library, stride, padding, numbers.result)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        if self.has_bias:
            return self.kernel(self.settings, x, self.weight, self.bias)
        return self.kernel(self.settings, x, self.weight)


class KernelBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, and the activation after it if there is one."""

    activation = 0  # a value of `ACTIVATIONS`, 0 for none

    def use_kernel(self, library: Path, numbers: Numbers) -> None:
        self.settings = ms.Tensor([self.eps, self.momentum, self.activation], ms.float32)
        self.train_kernel = operators.batch_norm(library, numbers.result)
        self.inference_kernel = operators.batch_norm_inference(library, numbers.result)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        if self.training and self.use_batch_statistics is not False:
            return self.train_kernel(
                self.settings, x, self.gamma, self.beta, self.moving_mean, self.moving_variance
            )[0]
        return self.inference_kernel(
            self.settings, x, self.gamma, self.beta, self.moving_mean, self.moving_variance
        )


class KernelReLU(nn.ReLU):
    """`nn.ReLU` that is not part of a BatchNorm."""

    def use_kernel(self, library: Path, numbers: Numbers) -> None:
        self.kernel = operators.relu(library, numbers.result)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.kernel(x)


class KernelMaxPool2d(nn.MaxPool2d):
    """`nn.MaxPool2d` with square windows and without explicit padding. Its result has the type of its input."""

    def use_kernel(self, library: Path, numbers: Numbers) -> None:
        same = self.pad_mode == "SAME"
        self.settings = ms.Tensor([self.kernel_size, self.stride, same], ms.int32)
        self.kernel = operators.max_pool(library, self.stride, same, self.kernel_size)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.kernel(self.settings, x)


class KernelFocalLoss(SigmoidFocalLoss):
    """`SigmoidFocalLoss` in one pass over the logits, and one for the gradient."""

    def use_kernel(self, library: Path, numbers: Numbers) -> None:
        self.settings = ms.Tensor([self.gamma, self.alpha], ms.float32)
        self.kernel = operators.focal_loss(library)

    def construct(self, logits: ms.Tensor, labels: ms.Tensor) -> ms.Tensor:
        return self.kernel(self.settings, logits, labels)


LAYERS = (KernelBatchNorm2d, KernelConv2d, KernelReLU)  # whose results may have another type than their inputs
KERNEL_CELLS = (*LAYERS, KernelFocalLoss, KernelMaxPool2d)
