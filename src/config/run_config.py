"""The configuration that a training run writes into its output folder."""
from pathlib import Path

from src.utils.safe_io import MEGABYTE, read_text

# With what `auto` was resolved to; the checkpoints of the run lie in a folder beside it.
CONFIG_FILE, CHECKPOINT_FOLDER = "config.yaml", "ckpt_0"
# The first line of a configuration that a run wrote, with a digest of the others.
WRITTEN_BY = "# written by train.py, sha256 "


def config_of_run(checkpoint: Path | str) -> Path | None:
    """The configuration that the run of a checkpoint wrote; None without one, and for a file that lies elsewhere."""
    folder = Path(checkpoint).absolute().parent
    if folder.name != CHECKPOINT_FOLDER:
        return None
    path = folder.parent / CONFIG_FILE
    try:
        return path if read_text(path, MEGABYTE).startswith(WRITTEN_BY) else None
    except (OSError, ValueError):
        return None
