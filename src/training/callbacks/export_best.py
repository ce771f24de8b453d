"""What a finished run leaves for use: an ONNX file that needs nothing else, and pictures of its detections."""
import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import mindspore as ms

from src.config import Config
from src.dataset.exif import is_upright
from src.dataset.samples import usable_images
from src.export.exporter import export_checkpoint, verify_file
from src.inference import Device, load_detector
from src.inference.annotated_boxes import dataset_annotated_boxes
from src.inference.inputs import find_inputs
from src.inference.output_folder import LIST_NAME, free_output_folder
from src.inference.outputs import Output
from src.inference.predict import find_labels, predict_inputs
from src.runtime.cli import command
from src.training.run_state import RunContext
from src.utils.files import keep_earlier

logger = logging.getLogger(__name__)
MODEL_FILE, PICTURES_FOLDER = "model.onnx", "pictures"
PICTURES = 12


class AtEnd(ms.Callback):
    """Calls a function at the end of a run, unless a signal ended it.

    Args:
        makes: what the function makes, for the log.
        make: the function.
    """

    def __init__(self, makes: str, make: Callable[[], None]):
        super().__init__()
        self.makes = makes
        self.make = make

    def on_train_end(self, run_context: RunContext) -> None:
        if not run_context.original_args().stopped_by:
            self.make()


def export_best(config: Config, checkpoint: Path) -> None:
    """Writes `checkpoint` as `model.onnx` below `output_path`; an older one is renamed to a number.

    The file is verified, and has preprocessing and NMS inside. One that was made after the checkpoint stays, so that
    `--resume` of a finished run does nothing.
    """
    if _is_newer(_model_path(config), checkpoint):
        return
    keep_earlier(_model_path(config))
    export = dataclasses.replace(
        config, checkpoint_file_path=str(checkpoint), file_name=str(_model_path(config)), file_format="ONNX",
        precision="fp32", dynamic_batch=True, with_preprocess=True, with_nms=True)
    net, path = export_checkpoint(export)
    verify_file(export, net, path)
    draw = command("predict.py", f"--checkpoint_file_path={path}")
    logger.info("exported %s: draw with it: %s --input=IMAGES", path, draw)


def draw_best(config: Config) -> None:
    """Draws what `model.onnx` detects with ONNX Runtime on a CPU in some evaluation images, beside the ground truth.

    The folder is `pictures` below `output_path`; an older one is renamed to a number. One that was drawn after the
    export stays.
    """
    folder = Path(config.output_path) / PICTURES_FOLDER
    if _is_newer(folder / f"{LIST_NAME}.json", _model_path(config)):
        return
    detector = load_detector(_model_path(config), device=Device("CPU", threads=config.cpu_threads))
    images = [Path(path) for path, _ in usable_images(config, is_training=False, count=PICTURES)]
    inputs = find_inputs(images)
    annotated = dataset_annotated_boxes(config, images)
    free_output_folder(folder, inputs)
    with Output(folder, detector.classes, annotated=annotated) as pictures:
        predict_inputs(detector, inputs, pictures, find_labels(None, detector.classes), upright=is_upright(config))
    logger.info("pictures: %s", folder)


def _is_newer(path: Path, other: Path) -> bool:
    """Whether a file is there and was written after another."""
    return path.is_file() and path.stat().st_mtime_ns >= other.stat().st_mtime_ns


def _model_path(config: Config) -> Path:
    return Path(config.output_path) / MODEL_FILE
