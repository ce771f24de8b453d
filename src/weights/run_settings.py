"""The settings that the run of a checkpoint had: a checkpoint itself has none."""
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from src.boxes.default_boxes import default_box_keys
from src.config import Config, load_config
from src.config.run_config import config_of_run
from src.utils.class_names import check_same_labels
from src.utils.errors import UserError
from src.utils.safe_io import shown
from src.weights.training_state import read_state_file, state_path

logger = logging.getLogger(__name__)
BEST_CHECKPOINT = "best_map.ckpt"
# Keys that follow from the size of the images, which may be another than in training.
SIZES = ("img_shape", "feature_size", "steps", "num_ssd_boxes")
# Keys that decide what a network is to be fed with, and what its outputs mean.
MEANING = ("model_name", *(key for key in default_box_keys() if key not in SIZES), "prior_scaling", "image_mean",
           "image_std")


def settings_of_run(checkpoint: Path | str) -> tuple[dict[str, Any], Path | None]:
    """The settings of the run that wrote a checkpoint, key -> value as in json, and the file that has them; none where
    they are not known."""
    checkpoint = Path(checkpoint)
    state = state_path(checkpoint)
    try:
        if state.is_file():
            return dict(read_state_file(state)["settings"]), state
        if checkpoint.name == BEST_CHECKPOINT and (run_config := config_of_run(checkpoint)):
            return load_config([f"--config_path={run_config}"]).to_dict(), run_config
    except (UserError, OSError, ValueError, KeyError, TypeError):  # then they are not known
        pass
    return {}, None


def classes_of_run(checkpoint: Path | str) -> tuple[tuple[str, ...], Path | None]:
    """The class names of the run that wrote a checkpoint, the background first, and the file that has them; none where
    they are not known."""
    settings, source = settings_of_run(checkpoint)
    names = settings.get("classes")
    return (tuple(map(str, names)), source) if isinstance(names, list) else ((), None)


def check_classes_of_run(checkpoint: Path | str, classes: Sequence[str]) -> None:
    """Checks names, the background first, against those that the run of a checkpoint had, where they are known.

    Raises:
        UserError: a name has another label in that run.
    """
    names, source = classes_of_run(checkpoint)
    if source:
        check_same_labels(classes, "the configuration (key classes)", names, str(source))


def check_settings_of_run(checkpoint: Path | str, config: Config) -> None:
    """Checks what decides on inputs and outputs of the network against the run of a checkpoint, where it is known. The
    log tells of another size of the images.

    Raises:
        UserError: the network would be fed, or its outputs read, in another way than in that run.
    """
    check_classes_of_run(checkpoint, config.classes)
    settings, source = settings_of_run(checkpoint)
    own = config.to_dict()

    def differs(key: str) -> bool:
        return key in settings and settings[key] != own[key]

    for key in filter(differs, MEANING):
        raise UserError(f"{checkpoint} was trained with {key} {shown(settings[key])} ({source}), but the configuration "
                        f"says {shown(own[key])}: use that of the training")
    if differs("img_shape"):
        logger.warning("%s was trained with img_shape %s (%s), and now has %s", checkpoint,
                       shown(settings["img_shape"]), source, own["img_shape"])

