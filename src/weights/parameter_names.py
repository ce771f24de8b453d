"""Names of the parameters that a training checkpoint holds beside those of the network.

They stand in every checkpoint that was ever written, so they never change.
"""
from collections.abc import Iterable

from src.utils.safe_io import shown_list

# How names begin in the checkpoints of MindCV's SSDs, and in no others.
MINDCV_PREFIX = "backbone_wrapper."

# Names that a message lists.
SHOWN_NAMES = 8

# Those of this program: the EMA of a parameter of the network, and what else a training step keeps.
EMA_PREFIX = "ema."
EMA_STEPS = "ema_steps"
GRADIENT_SUM = "gradient_sum"  # MindSpore puts a dot between it and the name of the parameter
GRADIENT_COUNT = "gradient_count"
SKIPPED_STEPS = "skipped_steps"

# Gradients that wait for the others of their update; a checkpoint has them only while they wait.
WAITING_GRADIENTS = (f"{GRADIENT_SUM}.", GRADIENT_COUNT)
# Computed from the configuration whenever an optimizer is built.
RECOMPUTED = ("learning_rate", "momentum")

_STATE_PREFIXES = ("moments.", "accum.", EMA_PREFIX, "learning_rate_group_", f"{GRADIENT_SUM}.")
_STATE_NAMES = ("global_step", "momentum", "learning_rate", "loss_scale", SKIPPED_STEPS, EMA_STEPS, GRADIENT_COUNT)


def is_training_state(name: str) -> bool:
    """Whether a parameter belongs to training alone: to the optimizer, the EMA, the loss scale or accumulation."""
    return name in _STATE_NAMES or name.startswith(_STATE_PREFIXES)


def shown_names(names: Iterable[str]) -> str:
    """Sorted names of parameters for a message: the first ones, and how many more there are."""
    return shown_list(sorted(names), most=SHOWN_NAMES)
