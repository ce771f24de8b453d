"""Cells with kernels of this package. Each has the parameters of the cell that it replaces."""
from pathlib import Path

import mindspore as ms
from mindspore import nn

from src.cpu_kernels import operators
from src.layers.focal_loss import SigmoidFocalLoss

ACTIVATIONS = {nn.ReLU: 1, nn.ReLU6: 2}


class KernelConv2d(nn.Conv2d):
    """`nn.Conv2d` with one stride, one dilation, one padding for both axes."""

    def use_kernel(self, library: Path) -> None:
        padding = operators.SAME if self.pad_mode == "same" else self.padding if self.pad_mode == "pad" else 0
        stride, dilation = self.stride[0], self.dilation[0]
        self.settings = ms.Tensor([stride, dilation, padding], ms.int32)
        if self.group == 1:
            self.kernel = operators.convolution(library, stride, dilation, padding, self.has_bias)
        else:
            self.kernel = operators.depthwise(library, stride, padding)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        if self.has_bias:
            return self.kernel(self.settings, x, self.weight, self.bias)
        return self.kernel(self.settings, x, self.weight)


class KernelBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, and the activation after it if there is one."""

    def use_kernel(self, library: Path, activation: nn.Cell | None = None) -> None:
        self.settings = ms.Tensor([self.eps, self.momentum, ACTIVATIONS.get(type(activation), 0)], ms.float32)
        self.train_kernel = operators.batch_norm(library)
        self.inference_kernel = operators.batch_norm_inference(library)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        if self.training and self.use_batch_statistics is not False:
            return self.train_kernel(
                self.settings, x, self.gamma, self.beta, self.moving_mean, self.moving_variance
            )[0]
        return self.inference_kernel(
            self.settings, x, self.gamma, self.beta, self.moving_mean, self.moving_variance
        )


class KernelMaxPool2d(nn.MaxPool2d):
    """`nn.MaxPool2d` with square windows and without explicit padding."""

    def use_kernel(self, library: Path) -> None:
        same = self.pad_mode == "SAME"
        self.settings = ms.Tensor([self.kernel_size, self.stride, same], ms.int32)
        self.kernel = operators.max_pool(library, self.stride, same, self.kernel_size)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.kernel(self.settings, x)


class KernelFocalLoss(SigmoidFocalLoss):
    """`SigmoidFocalLoss` in one pass over the logits, and one for the gradient."""

    def use_kernel(self, library: Path) -> None:
        self.settings = ms.Tensor([self.gamma, self.alpha], ms.float32)
        self.kernel = operators.focal_loss(library)

    def construct(self, logits: ms.Tensor, labels: ms.Tensor) -> ms.Tensor:
        return self.kernel(self.settings, logits, labels)


KERNEL_CELLS = (KernelBatchNorm2d, KernelConv2d, KernelFocalLoss, KernelMaxPool2d)
