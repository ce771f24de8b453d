"""What is left for the user at the end of a training run: an ONNX file that needs nothing else, and its detections."""
import dataclasses
import logging
from pathlib import Path

import mindspore as ms

from src.dataset.samples import list_image_paths
from src.export.exporter import create_export, create_verification
from src.inference import Output, create_detector, create_truth, labels_of, predict_inputs
from src.inference.inputs import find_inputs

logger = logging.getLogger(__name__)
MODEL_NAME, PICTURES_FOLDER = "model", "pictures"
PICTURES = 12
MIN_SCORE = 0.3  # of the detections that are drawn, as predict.py has it


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
    net, path = create_export(export)
    create_verification(export, net, path)
    logger.info("exported %s: draw with it: python predict.py --checkpoint_file_path=%s --input=IMAGES", path, path)

    use = dataclasses.replace(config, checkpoint_file_path=str(path), device_target="CPU")
    detector = create_detector(use, has_config=False, min_score=MIN_SCORE)
    inputs = find_inputs(list_image_paths(config, is_training=False, count=PICTURES))
    truth = create_truth(config, True, True, detector.classes, [item.source for item in inputs])
    with Output(output / PICTURES_FOLDER, detector.classes, truth=truth) as pictures:
        predict_inputs(detector, inputs, pictures, labels_of(None, detector.classes))
    logger.info("pictures: %s", output / PICTURES_FOLDER)
