"""Learning rate schedules: one value for each training step."""
import math

import numpy as np


def get_lr(global_step: int, lr_init: float, lr_end: float, lr_max: float, warmup_epochs: float, total_epochs: int,
           steps_per_epoch: int) -> np.ndarray:
    """Linear warm-up, then half a cosine (https://arxiv.org/abs/1608.03983 without restarts).

    Args:
        global_step: steps already done; the values before it are cut off.
        lr_init: rate at the first step.
        lr_end: rate at the end of the cosine; negative values of the schedule become 0.
        lr_max: rate at the end of the warm-up.
        warmup_epochs: length of the warm-up in epochs, may be a fraction.
        total_epochs: length of the whole schedule in epochs.
        steps_per_epoch: steps in one epoch.

    Returns:
        `(total_steps - global_step,)` float32.
    """
    total_steps = int(total_epochs * steps_per_epoch)
    warmup_steps = warmup_epochs * steps_per_epoch
    rates = []
    for step in range(total_steps):
        if step < warmup_steps:
            rate = lr_init + (lr_max - lr_init) * step / warmup_steps
        else:
            progress = (step - warmup_steps) / (total_steps - warmup_steps)
            rate = lr_end + (lr_max - lr_end) * (1.0 + math.cos(math.pi * progress)) / 2.0
        rates.append(max(rate, 0.0))
    return np.array(rates[global_step:], np.float32)
