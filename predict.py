"""Draws what a model finds in images and videos: `python predict.py --checkpoint_file_path MODEL --input IMAGES`."""
import logging
import sys

from src.config import load_config
from src.inference import Output, create_detector, create_truth, labels_of, parse_arguments, predict_inputs
from src.inference.inputs import find_inputs
from src.runtime.cli import entry_point
from src.utils.errors import UserError

logger = logging.getLogger("predict")


@entry_point
def main(argv=None):
    arguments, flags = parse_arguments(sys.argv[1:] if argv is None else argv, __doc__)
    config = load_config(flags)
    inputs = find_inputs(arguments.input)
    detector = create_detector(config, arguments.has_config, arguments.score, arguments.nms_threshold)
    labels = labels_of(arguments.only, detector.classes)
    paths = [item.source for item in inputs if item.is_image]
    truth = create_truth(config, arguments.has_config, arguments.show_gt, detector.classes, paths)

    with Output(arguments.output, detector.classes, arguments.format, arguments.crops, truth) as output:
        failed = predict_inputs(detector, inputs, output, labels, arguments.max_images)

    logger.info("pictures and %s are in %s", output.list_file.name, arguments.output)
    if failed:
        raise UserError(f"{len(failed)} of {len(inputs)} inputs could not be read, such as {failed[0].source}")


if __name__ == "__main__":
    main()
