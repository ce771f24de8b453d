"""What is left for the user at the end of a training run: an ONNX file that needs nothing else, and its detections."""
import dataclasses
import logging
from pathlib import Path

import mindspore as ms

from src.dataset.samples import list_image_paths
from src.export.exporter import export_checkpoint, verify_file
from src.inference import Device, load_detector
from src.inference.annotated_boxes import dataset_annotated_boxes
from src.inference.inputs import find_inputs
from src.inference.outputs import Output
from src.inference.predict import find_labels, predict_inputs

logger = logging.getLogger(__name__)
MODEL_NAME, PICTURES_FOLDER = "model", "pictures"
PICTURES = 12


class Deliver(ms.Callback):
    """Calls a function at the end of a run that nobody stopped."""

    def __init__(self, deliver):
        super().__init__()
        self.deliver = deliver

    def on_train_end(self, run_context):
        if not run_context.original_args().stopped_by:
            self.deliver()


def create_delivery(config, checkpoint):
    """Writes below `output_path`: `checkpoint` as `model.onnx`, verified, with preprocessing and suppression inside,
    and what ONNX Runtime finds with it on a CPU in evaluation images, beside what is annotated, in `pictures`.
    """
    output = Path(config.output_path)
    export = dataclasses.replace(
        config, checkpoint_file_path=str(checkpoint), file_name=str(output / MODEL_NAME), file_format="ONNX",
        precision="fp32", dynamic_batch=True, with_preprocess=True, with_nms=True)
    net, path = export_checkpoint(export)
    verify_file(export, net, path)
    logger.info("exported %s: draw with it: python predict.py --checkpoint_file_path=%s --input=IMAGES", path, path)

    detector = load_detector(path, device=Device("CPU", threads=config.cpu_threads))
    inputs = find_inputs(list_image_paths(config, is_training=False, count=PICTURES))
    annotated = dataset_annotated_boxes(config, [Path(item.source) for item in inputs])
    with Output(output / PICTURES_FOLDER, detector.classes, annotated=annotated) as pictures:
        predict_inputs(detector, inputs, pictures, find_labels(None, detector.classes))
    logger.info("pictures: %s", output / PICTURES_FOLDER)
