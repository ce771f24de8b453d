"""What a finished run leaves for use: an ONNX file that needs nothing else, and pictures of its detections."""
import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import mindspore as ms

from src.config import Config
from src.dataset.samples import list_image_paths
from src.export.exporter import export_checkpoint, verify_file
from src.inference import Device, load_detector
from src.inference.annotated_boxes import dataset_annotated_boxes
from src.inference.inputs import find_inputs
from src.inference.outputs import Output
from src.inference.predict import find_labels, predict_inputs
from src.training.run_state import RunContext

logger = logging.getLogger(__name__)
MODEL_NAME, PICTURES_FOLDER = "model", "pictures"
PICTURES = 12


class ExportBest(ms.Callback):
    """Calls a function at the end of a run, unless a signal ended it."""

    def __init__(self, export: Callable[[], None]):
        super().__init__()
        self.export = export

    def on_train_end(self, run_context: RunContext) -> None:
        if not run_context.original_args().stopped_by:
            self.export()


def export_best(config: Config, checkpoint: Path) -> None:
    """Writes `checkpoint` as `model.onnx`, and what ONNX Runtime detects with it on a CPU, below `output_path`.

    The file is verified, and has preprocessing and NMS inside. `pictures` shows detections beside the ground truth, in
    some evaluation images.
    """
    output = Path(config.output_path)
    export = dataclasses.replace(
        config, checkpoint_file_path=str(checkpoint), file_name=str(output / MODEL_NAME), file_format="ONNX",
        precision="fp32", dynamic_batch=True, with_preprocess=True, with_nms=True)
    net, path = export_checkpoint(export)
    verify_file(export, net, path)
    logger.info("exported %s: draw with it: python predict.py --checkpoint_file_path=%s --input=IMAGES", path, path)

    detector = load_detector(path, device=Device("CPU", threads=config.cpu_threads))
    images = [Path(path) for path in list_image_paths(config, is_training=False, count=PICTURES)]
    inputs = find_inputs(images)
    annotated = dataset_annotated_boxes(config, images)
    with Output(output / PICTURES_FOLDER, detector.classes, annotated=annotated) as pictures:
        predict_inputs(detector, inputs, pictures, find_labels(None, detector.classes))
    logger.info("pictures: %s", output / PICTURES_FOLDER)
