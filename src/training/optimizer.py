"""The optimizer: frozen parts, learning rates, parameter groups, and the training step that uses them."""
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from src.config import Config
from src.ssd import SSDWithLossCell, get_model
from src.training.ema import build_ema
from src.training.group_momentum import GroupMomentum
from src.training.lr_schedule import get_lr
from src.training.step import TrainingWrapper
from src.utils.errors import UserError

# The dynamic loss scale is halved after an overflow, and doubled after so many steps without one.
SCALE_FACTOR = 2
SCALE_WINDOW = 1000


def freeze(net: nn.Cell, path: str, key: str = "freeze_layer") -> int:
    """Freezes the part of `net` whose parameter names begin with `path`: weights and running statistics.

    Args:
        key: of the configuration that asks for it, for errors.

    Returns:
        The number of parameters that no longer change.
    """
    prefix = path + "."
    frozen = [parameter for parameter in net.get_parameters() if parameter.name.startswith(prefix)]
    for parameter in frozen:
        parameter.requires_grad = False
    for _, cell in net.cells_and_names():
        if isinstance(cell, nn.BatchNorm2d) and cell.gamma.name.startswith(prefix):
            cell.use_batch_statistics = False  # in any mode, unlike set_train(False)
    if not frozen:
        raise UserError(f"{key}: no parameter of the model begins with {prefix!r}")
    return len(frozen)


def scaled_groups(parameters: Sequence[ms.Parameter], path: str, scale: float, learning_rates: np.ndarray,
                  weight_decay: float) -> list[dict[str, Any]]:
    """Groups for an optimizer: parameters whose names begin with `path` have `scale` times the learning rates.

    BatchNorm has no weight decay, as without groups.

    Args:
        parameters: all that are trained; they keep their order.
        learning_rates: `(steps,)` array.
    """
    groups: dict[tuple[bool, bool], list[ms.Parameter]] = {}
    for parameter in parameters:
        of_path = parameter.name.startswith(path + ".")
        decays = "beta" not in parameter.name and "gamma" not in parameter.name
        groups.setdefault((of_path, decays), []).append(parameter)
    if not any(of_path for of_path, _ in groups):
        raise UserError(f"backbone_lr_scale: no parameter that is trained begins with {path + '.'!r}")
    return [{"params": members, "lr": ms.Tensor(learning_rates * (scale if of_path else 1.0), ms.float32),
             "weight_decay": weight_decay if decays else 0.0} for (of_path, decays), members in groups.items()
            ] + [{"order_params": parameters}]


def create_learning_rates(config: Config, steps_per_epoch: int, num_ranks: int = 1) -> np.ndarray:
    """Learning rate of each step of the epochs to train: `(steps,)` float32.

    Args:
        num_ranks: ranks that train together.
    """
    scale = 1.0
    if config.lr_batch_size:  # the linear scaling rule, https://arxiv.org/abs/1706.02677
        scale = config.batch_size * config.accumulation_steps * num_ranks / config.lr_batch_size
    return get_lr(
        global_step=config.pre_trained_epoch_size * steps_per_epoch,
        lr_init=scale * config.lr_init,
        lr_end=scale * config.lr_end_rate * config.lr,
        lr_max=scale * config.lr,
        warmup_epochs=config.warmup_epochs,
        total_epochs=config.epoch_size,
        steps_per_epoch=steps_per_epoch,
    )


def loss_scale(config: Config) -> float:
    """The factor on the loss, with `dynamic_loss_scale` the first one.

    A fixed scale cancels out exactly in float32; it keeps small gradients in float16 from vanishing. On a CPU it is 1,
    as in the Model Zoo: the gradients of the first steps, times 1024, exceed the largest float16.
    """
    fixed_on_cpu = config.device_target == "CPU" and not config.dynamic_loss_scale
    return 1.0 if fixed_on_cpu else float(config.loss_scale)


def build_train_step(config: Config, net: SSDWithLossCell, learning_rates: np.ndarray,
                     num_ranks: int = 1) -> TrainingWrapper:
    """`TrainingWrapper` with Momentum.

    Args:
        config: the configuration.
        net: result of `build_training_net`.
        learning_rates: one value for each step.
        num_ranks: ranks that train together.
    """
    backbone = "network." + get_model(config.model_name).backbone_path
    if config.freeze_layer == "backbone":
        freeze(net, backbone)
    for part in config.freeze_parts:
        freeze(net, f"{backbone}.{part}", key="freeze_parts")
    scale = loss_scale(config)
    scaler = ms.amp.DynamicLossScaler(scale, SCALE_FACTOR, SCALE_WINDOW) if config.dynamic_loss_scale else None
    steps = config.accumulation_steps
    if len(learning_rates) < steps:
        raise UserError(f"accumulation_steps is {steps}, and the whole run has {len(learning_rates)} steps: nothing "
                        "would ever be updated")
    parameters, learning_rates = net.trainable_params(), learning_rates[steps - 1 :: steps]
    divisor = 1.0 if config.use_global_norm or scaler else scale
    settings = (config.momentum, config.weight_decay, divisor)
    if config.backbone_lr_scale == 1:
        optimizer = nn.Momentum(parameters, ms.Tensor(learning_rates), *settings)
    else:
        groups = scaled_groups(parameters, backbone, config.backbone_lr_scale, learning_rates, config.weight_decay)
        is_scaled = [parameter.name.startswith(backbone + ".") for parameter in parameters]
        optimizer = GroupMomentum(groups, is_scaled, learning_rates, *settings)
    step = TrainingWrapper(
        net,
        optimizer,
        sens=scale,
        use_global_norm=config.use_global_norm,
        loss_scaler=scaler,
        accumulation_steps=steps,
        ema=build_ema(config, net) if config.use_ema else None,
        check_gradients=config.half_precision and scaler is None,  # a dynamic scale skips steps that overflow
        clip_norm=config.clip_norm,
        ranks=num_ranks,
        all_reduce_fusion_config=config.all_reduce_fusion_config,
    )
    return step.set_train(True)
