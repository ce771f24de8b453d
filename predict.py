"""Draws what a model finds in images and videos: `python predict.py --checkpoint_file_path MODEL --input IMAGES`."""
import logging
import sys
from collections.abc import Sequence

from src.config import load_config
from src.config.run_config import config_of_run
from src.dataset.exif import is_upright
from src.dataset.formats.writers import WRITERS
from src.inference import Device, load_detector
from src.inference.annotated_boxes import find_annotated_boxes
from src.inference.inputs import find_inputs, image_paths
from src.inference.load import is_exported
from src.inference.output_folder import free_output_folder
from src.inference.outputs import Output
from src.inference.predict import find_labels, predict_inputs
from src.inference.predict_args import parse_arguments
from src.inference.tiles import build_tile_settings
from src.model_zoo import find_weights, with_config_of_weights
from src.runtime.cli import entry_point
from src.utils.errors import UserError

logger = logging.getLogger("predict")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    arguments, flags = parse_arguments(sys.argv[1:] if argv is None else argv, __doc__)
    config = load_config(with_config_of_weights(flags))
    inputs = find_inputs(arguments.input)
    path = find_weights(config.checkpoint_file_path, config.checkpoint_path)
    is_named = arguments.has_config or config_of_run(path)
    named_config = config if is_named else None  # an exported file needs none
    detector = load_detector(path, named_config if is_exported(path) else config, arguments.score,
                             arguments.nms_threshold, Device.of(config), build_tile_settings(config))
    logger.info("detections have a score above %g", detector.min_score)
    labels = find_labels(arguments.only, detector.classes)
    annotated = find_annotated_boxes(arguments.show_gt, named_config, detector.classes, image_paths(inputs))

    is_annotation = arguments.format in WRITERS
    if is_annotation:
        detector.include_uncertain()
    free_output_folder(arguments.output, inputs, is_annotation)
    with Output(arguments.output, detector.classes, arguments.format, arguments.crops, annotated,
                detector.min_score, is_upright(config)) as output:
        failed = predict_inputs(detector, inputs, output, labels, arguments.max_images, is_upright(config))

    logger.info("pictures and %s are in %s", output.list_file.name, arguments.output)
    if failed:
        raise UserError(f"{len(failed)} of {len(inputs)} inputs could not be read, or not to their end, such as "
                        f"{failed[0].source}")


if __name__ == "__main__":
    main()
