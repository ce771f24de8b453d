"""Training: step, optimizer, loop, callbacks, resume."""
from src.training.lr_schedule import get_lr

__all__ = ["get_lr"]
