"""The kernels as MindSpore operators with gradients.

Images are `(B, C, H, W)`, float32 or bfloat16; all else is float32.
"""
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mindspore as ms
from mindspore import Tensor, ops

Tensors = tuple[Tensor, ...]
SAME = -1  # in place of a number of padded pixels: padding that makes the result ceil(size / stride)


def _operator(library: Path, name: str, out_shape: Callable, bprop: Callable | None = None, variant: str = "",
              out_type: Any = ms.float32) -> ops.Custom:
    """The function `name` of the library.

    Args:
        out_shape: takes and gives shapes, a tuple of shapes for several results.
        out_type: type of the first result, or the number of the input whose type it has; others are float32.
    """

    def types(*inputs: Any) -> Any:
        shapes = out_shape(*[[1] * 4 for _ in inputs])
        first = inputs[out_type] if isinstance(out_type, int) else out_type
        return (first, *[ms.float32] * (len(shapes) - 1)) if isinstance(shapes, tuple) else first

    operator = ops.Custom(f"{library}:{name}", out_shape=out_shape, out_dtype=types, func_type="aot", bprop=bprop)
    operator.add_prim_attr("variant", f"{variant} {out_type}")
    return operator


def _convolved_shape(stride: int, dilation: int, padding: int) -> Callable[..., list[int]]:
    def size(pixels: int, kernel: int) -> int:
        if padding == SAME:
            return -(-pixels // stride)
        return (pixels + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1

    def shape(settings: list[int], x: list[int], weight: list[int], *bias: list[int]) -> list[int]:
        return [x[0], weight[0], size(x[2], weight[2]), size(x[3], weight[3])]

    return shape


def convolution(library: Path, stride: int, dilation: int, padding: int, has_bias: bool,
                bfloat16_products: bool = False, result: ms.Type = ms.float32) -> ops.Custom:
    """Operator: settings, x `(B, C, H, W)`, weight `(O, C, h, w)`[, bias `(O,)`] -> `(B, O, H', W')`.

    Args:
        bfloat16_products: round the factors of products to bfloat16; x and the result may be of that type then.
        result: type of the result.
    """
    name = "bfloat16_convolution" if bfloat16_products else "convolution"
    input_gradient = _operator(library, f"{name}_input_gradient", lambda settings, dy, weight, x: x, out_type=3)
    weight_gradient = _operator(library, f"{name}_weight_gradient", lambda settings, dy, x, weight: weight)
    bias_gradient = _operator(library, "convolution_bias_gradient", lambda dy: [dy[1]])

    def bprop(settings: Tensor, x: Tensor, weight: Tensor, out: Tensor, dout: Tensor) -> Tensors:
        return ops.zeros_like(settings), input_gradient(settings, dout, weight, x), weight_gradient(
            settings, dout, x, weight)

    def bprop_with_bias(settings: Tensor, x: Tensor, weight: Tensor, bias: Tensor, out: Tensor,
                        dout: Tensor) -> Tensors:
        return ops.zeros_like(settings), input_gradient(settings, dout, weight, x), weight_gradient(
            settings, dout, x, weight), bias_gradient(dout)

    return _operator(library, name, _convolved_shape(stride, dilation, padding),
                     bprop_with_bias if has_bias else bprop, f"{stride} {dilation} {padding} {has_bias}", result)


def depthwise(library: Path, stride: int, padding: int, result: ms.Type = ms.float32) -> ops.Custom:
    """Operator: settings, x `(B, C, H, W)`, weight `(C, 1, k, k)` -> `(B, C, H', W')`."""
    gradients = _operator(library, "depthwise_gradients", lambda settings, dy, x, weight: (x, weight), out_type=2)

    def bprop(settings: Tensor, x: Tensor, weight: Tensor, out: Tensor, dout: Tensor) -> Tensors:
        dx, dw = gradients(settings, dout, x, weight)
        return ops.zeros_like(settings), dx, dw

    return _operator(library, "depthwise", _convolved_shape(stride, 1, padding), bprop, f"{stride} {padding}", result)


def batch_norm(library: Path, result: ms.Type = ms.float32) -> ops.Custom:
    """Operator: settings, x, gamma, beta, moving mean and variance `(C,)` -> y, mean and standard deviation
    of the batch.

    It updates the running statistics in place.
    """
    gradients = _operator(
        library, "batch_norm_gradients", lambda settings, dy, x, gamma, *rest: (x, gamma, gamma), out_type=2
    )

    def bprop(settings: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, moving_mean: Tensor,
              moving_variance: Tensor, out: Tensors, dout: Tensors) -> Tensors:
        dx, dgamma, dbeta = gradients(settings, dout[0], x, gamma, beta, out[1], out[2])
        return (ops.zeros_like(settings), dx, dgamma, dbeta, ops.zeros_like(moving_mean),
                ops.zeros_like(moving_variance))

    return _operator(
        library, "batch_norm", lambda settings, x, gamma, *rest: (x, gamma, gamma), bprop, out_type=result
    )


def batch_norm_inference(library: Path, result: ms.Type = ms.float32) -> ops.Custom:
    """Operator: settings, x, gamma, beta, moving mean and variance `(C,)` -> y, by the running statistics."""
    gradients = _operator(
        library, "batch_norm_inference_gradients", lambda settings, dy, x, gamma, *rest: (x, gamma, gamma), out_type=2
    )

    def bprop(settings: Tensor, x: Tensor, gamma: Tensor, beta: Tensor, moving_mean: Tensor,
              moving_variance: Tensor, out: Tensor, dout: Tensor) -> Tensors:
        dx, dgamma, dbeta = gradients(settings, dout, x, gamma, beta, moving_mean, moving_variance)
        return (ops.zeros_like(settings), dx, dgamma, dbeta, ops.zeros_like(moving_mean),
                ops.zeros_like(moving_variance))

    return _operator(library, "batch_norm_inference", lambda settings, x, *rest: x, bprop, out_type=result)


def relu(library: Path, result: ms.Type = ms.float32) -> ops.Custom:
    """Operator: x -> y of the same shape, the positive part."""
    gradient = _operator(library, "relu_gradient", lambda dy, y, x: x, out_type=2)

    def bprop(x: Tensor, out: Tensor, dout: Tensor) -> Tensors:
        return (gradient(dout, out, x),)

    return _operator(library, "relu", lambda x: x, bprop, out_type=result)


def max_pool(library: Path, stride: int, same: bool, size: int) -> ops.Custom:
    """Operator: settings, x `(B, C, H, W)` -> `(B, C, H', W')`, the largest value of each window of `size` x `size`."""
    gradient = _operator(library, "max_pool_gradient", lambda settings, dy, x: x, out_type=2)

    def bprop(settings: Tensor, x: Tensor, out: Tensor, dout: Tensor) -> Tensors:
        return ops.zeros_like(settings), gradient(settings, dout, x)

    def shape(settings: list[int], x: list[int]) -> list[int]:
        return [*x[:2], *[-(-pixels // stride) if same else (pixels - size) // stride + 1 for pixels in x[2:]]]

    return _operator(library, "max_pool", shape, bprop, f"{size} {stride} {same}", out_type=1)


def focal_loss(library: Path) -> ops.Custom:
    """Operator: settings, logits `(B, A, C)`, labels `(B, A)` int32 -> sums over default boxes and classes `(B,)`."""
    gradient = _operator(library, "focal_loss_gradient", lambda settings, dlosses, logits, labels: logits)

    def bprop(settings: Tensor, logits: Tensor, labels: Tensor, out: Tensor, dout: Tensor) -> Tensors:
        return ops.zeros_like(settings), gradient(settings, dout, logits, labels), ops.zeros_like(labels)

    return _operator(library, "focal_loss", lambda settings, logits, labels: logits[:1], bprop)
