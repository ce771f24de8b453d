"""The class names that the run of a checkpoint had: a checkpoint itself has none."""
from collections.abc import Sequence
from pathlib import Path

from src.config import load_config
from src.config.run_config import config_of_run
from src.utils.class_names import check_same_labels
from src.utils.errors import UserError
from src.weights.training_state import read_state_file, state_path

BEST_CHECKPOINT = "best_map.ckpt"


def classes_of_run(checkpoint: Path | str) -> tuple[tuple[str, ...], Path | None]:
    """The class names of the run that wrote a checkpoint, the background first, and the file that has them; none where
    they are not known."""
    checkpoint = Path(checkpoint)
    state = state_path(checkpoint)
    try:
        if state.is_file():
            return tuple(map(str, read_state_file(state)["settings"]["classes"])), state
        if checkpoint.name == BEST_CHECKPOINT and (run_config := config_of_run(checkpoint)):
            return load_config([f"--config_path={run_config}"]).classes, run_config
    except (UserError, OSError, ValueError, KeyError, TypeError):  # then they are not known
        pass
    return (), None


def check_classes_of_run(checkpoint: Path | str, classes: Sequence[str]) -> None:
    """Checks names, the background first, against those that the run of a checkpoint had, where they are known.

    Raises:
        UserError: a name has another label in that run.
    """
    names, source = classes_of_run(checkpoint)
    if source:
        check_same_labels(classes, "the configuration (key classes)", names, str(source))
