"""One update of the parameters: loss, gradients, scaling, accumulation, optimizer, EMA."""
from collections.abc import Sequence
from typing import Any

import mindspore as ms
from mindspore import nn, ops

from src.training.clipping import clip_by_global_norm
from src.training.ema import EMA
from src.training.mean_over_ranks import MeanGradients, MeanOverRanks, MeanStatistics
from src.weights.parameter_names import GRADIENT_COUNT, GRADIENT_SUM, SKIPPED_STEPS


class TrainingWrapper(nn.Cell):
    """A loss network and its optimizer: the inputs of the loss network -> loss, with one update of the parameters.

    If the network returns parts of its loss beside it, so does this cell.

    Args:
        network: inputs -> scalar loss. It keeps the name `network`, so that its checkpoints load for evaluation.
        optimizer: it divides gradients by its own `loss_scale`.
        sens: factor of the loss before the backward pass.
        use_global_norm: divide gradients by `sens` here, and clip them to a global norm of `clip_norm`.
        loss_scaler: a `DynamicLossScaler` instead of `sens`. Gradients are divided by its scale here; a step whose
            gradients are not finite changes nothing but the scale, and is counted in `skipped_steps`.
        accumulation_steps: the parameters are updated after so many calls, with the mean of their gradients.
        ema: `EMA` to update after each update of the parameters; None for none.
        check_gradients: the loss becomes NaN in a step whose gradients are not finite. In float16 they overflow while
            the loss is still finite, and may stay so with weights that they have spoilt.
        clip_norm: largest global norm of the gradients, for `use_global_norm`.
        ranks: number of ranks that train together; gradients are averaged over them.
        all_reduce_fusion_config: indexes of gradients that end a group to be reduced together.
    """

    def __init__(self, network: nn.Cell, optimizer: nn.Optimizer, sens: float = 1.0, use_global_norm: bool = False,
                 loss_scaler: ms.amp.DynamicLossScaler | None = None, accumulation_steps: int = 1,
                 ema: EMA | None = None, check_gradients: bool = False, clip_norm: float = 1.0, ranks: int = 1,
                 all_reduce_fusion_config: Sequence[int] = ()):
        super().__init__(auto_prefix=False)
        self.network = network
        self.network.set_grad()
        self.optimizer = optimizer
        self.weights = optimizer.parameters
        self.sens = float(sens)
        self.use_global_norm = use_global_norm
        self.clip_norm = clip_norm
        self.loss_scaler = loss_scaler
        if loss_scaler is not None:
            self.skipped_steps = ms.Parameter(ms.Tensor(0, ms.int32), name=SKIPPED_STEPS, requires_grad=False)
        self.map = ops.HyperMap()
        self.accumulation_steps = accumulation_steps
        if accumulation_steps > 1:
            self.gradient_sums = self.weights.clone(prefix=GRADIENT_SUM, init="zeros")
            self.gradient_count = ms.Parameter(ms.Tensor(0, ms.int32), name=GRADIENT_COUNT, requires_grad=False)
        self.ema = ema
        self.check_gradients = check_gradients
        self.has_parts = getattr(network, "with_parts", False)
        self.loss_and_gradients = ops.value_and_grad(self._scaled_loss, None, self.weights, has_aux=True)
        self.distributed = ranks > 1
        if self.distributed:
            self.mean_gradients = MeanGradients(len(self.weights), ranks, all_reduce_fusion_config)
            self.mean_statistics = MeanStatistics(network, ranks)
            if getattr(network, "keep_empty", False):
                network.mean_over_ranks = MeanOverRanks(ranks)

    def _scaled_loss(self, *inputs: ms.Tensor) -> tuple[ms.Tensor, ...]:
        outputs = self.network(*inputs)
        if not self.has_parts:
            outputs = (outputs,)
        loss = outputs[0]
        scaled = loss * self.sens if self.loss_scaler is None else self.loss_scaler.scale(loss)
        return (scaled, *outputs)

    def construct(self, *inputs: ms.Tensor) -> Any:
        (_, loss, *parts), gradients = self.loss_and_gradients(*inputs)
        if self.distributed:
            gradients = self.mean_gradients(gradients)
            loss = ops.depend(loss, self.mean_statistics())
        if self.check_gradients:
            # Not `amp.all_finite`: that reports an overflow also where a device saturates at the largest float16,
            # which training tolerates.
            finite = ops.stack(self.map(_is_finite, gradients)).all()
            loss = ops.where(finite, loss, ops.full_like(loss, float("nan")))
        if self.loss_scaler is not None:
            gradients = self.loss_scaler.unscale(gradients)
            finite = ms.amp.all_finite(gradients)  # the same on all ranks, since the gradients are
            loss = ops.depend(loss, self.loss_scaler.adjust(finite))
            if not finite:
                return self._with_parts(ops.depend(loss, ops.assign_add(self.skipped_steps, 1)), parts)
        elif self.use_global_norm and self.sens != 1.0:
            gradients = self.map(ops.partial(_multiply, 1.0 / self.sens), gradients)
        if self.accumulation_steps > 1:
            return self._with_parts(ops.depend(loss, self._accumulate(gradients)), parts)
        return self._with_parts(ops.depend(loss, self._update(gradients)), parts)

    def _with_parts(self, loss: ms.Tensor, parts: Any) -> Any:
        return (loss, *parts) if self.has_parts else loss

    def _accumulate(self, gradients: tuple[ms.Tensor, ...]) -> Any:
        """Adds gradients to the sums; after enough of them updates the parameters with the mean."""
        sums = self.map(_add, self.gradient_sums, gradients)
        count = ops.assign_add(self.gradient_count, 1)
        done = count < self.accumulation_steps
        if not done:
            mean = self.map(ops.partial(_multiply, 1.0 / self.accumulation_steps), sums)
            done = ops.depend(done, self._update(mean))
            done = ops.depend(done, self.map(_clear, ops.depend(self.gradient_sums, done)))
            done = ops.depend(done, ops.assign(self.gradient_count, 0))
        return done

    def _update(self, gradients: tuple[ms.Tensor, ...]) -> Any:
        if self.use_global_norm:
            gradients = clip_by_global_norm(gradients, self.clip_norm)
        done = self.optimizer(gradients)
        return done if self.ema is None else ops.depend(done, self.ema())


# Not loops or comprehensions: MindSpore unrolls those. They take minutes to compile, and a network has more parameters
# than it allows nested calls.
_add, _multiply, _clear, _is_finite = (
    ops.MultitypeFuncGraph(name) for name in ("add", "multiply", "clear", "is_finite"))


@_add.register("Tensor", "Tensor")
def _add_gradient(total: ms.Tensor, gradient: ms.Tensor) -> ms.Tensor:
    return ops.assign_add(total, gradient)


@_multiply.register("Number", "Tensor")
def _multiply_gradient(factor: float, gradient: ms.Tensor) -> ms.Tensor:
    return gradient * factor


@_clear.register("Tensor")
def _clear_sum(total: ms.Tensor) -> ms.Tensor:
    return ops.assign(total, ops.zeros_like(total))


@_is_finite.register("Tensor")
def _gradient_is_finite(gradient: ms.Tensor) -> ms.Tensor:
    return ops.isfinite(gradient).all()
