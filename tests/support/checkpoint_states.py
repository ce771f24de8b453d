"""Checkpoints with a state beside them, as a training run leaves them."""
from src.weights.training_state import write_state

STATE = {"step": 3, "epoch_done": True, "steps_per_epoch": 3, "settings": {}, "parts": {}}


def save(folder, epoch, run, step=3, prefix="ssd"):
    """Writes `PREFIX-EPOCH_STEP.ckpt`, which holds no parameters, and its state; returns the path."""
    path = folder / f"{prefix}-{epoch}_{step}.ckpt"
    folder.mkdir(exist_ok=True)
    path.write_bytes(bytes(100) + f"{run} {epoch}".encode())
    write_state(path, {**STATE, "run": run, "epoch": epoch, "step": step})
    return path


def damage(path):
    """Changes a byte of a file."""
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)
