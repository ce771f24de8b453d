"""Clipping of gradients by their global norm."""
import mindspore as ms
from mindspore import ops

_map = ops.HyperMap()
_sum_of_squares, _multiply = (ops.MultitypeFuncGraph(name) for name in ("sum_of_squares", "multiply"))


def clip_by_global_norm(gradients: tuple[ms.Tensor, ...], clip_norm: float) -> tuple[ms.Tensor, ...]:
    """The gradients, scaled so that their global norm is at most `clip_norm`; they stay where it is not a number.

    The numbers of `ops.clip_by_global_norm` but for rounding. That takes twice the time on a CPU: it divides each
    gradient beside multiplying it, and MindSpore adds up faster along one axis than along four. Pascanu et al., *On the
    difficulty of training recurrent neural networks* (https://arxiv.org/abs/1211.5063), algorithm 1.
    """
    norm = ops.sqrt(ops.addn(_map(_sum_of_squares, gradients)))
    largest = ops.full_like(norm, clip_norm)
    factor = clip_norm / ops.where(norm > largest, norm, largest)
    return _map(ops.partial(_multiply, factor), gradients)


@_sum_of_squares.register("Tensor")
def _sum_of_squares_of(gradient: ms.Tensor) -> ms.Tensor:
    return ops.square(gradient.reshape(-1)).sum()


@_multiply.register("Tensor", "Tensor")
def _multiply_gradient(factor: ms.Tensor, gradient: ms.Tensor) -> ms.Tensor:
    return gradient * factor
