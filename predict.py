"""Draws detections: `python predict.py --config_path FILE --checkpoint_file_path FILE --input IMAGE_OR_FOLDER ...`."""
import argparse
import logging
from pathlib import Path

import numpy as np

from src.dataset import load_image, preprocess
from src.dataset.images import find_images
from src.eval_utils import select_detections
from src.inference import create_loaded_net
from src.model_utils.config import load_config
from src.model_utils.entry import entry_point
from src.model_utils.files import write_json
from src.predictors import network_predictor
from src.visualize import draw_detections, save_image

logger = logging.getLogger("predict")


def parse_arguments(argv):
    """The arguments of this script, and those that are left for the configuration."""
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False,
        epilog="All other arguments are keys of the configuration, see: python train.py --help",
    )
    parser.add_argument("--input", nargs="+", required=True, help="images, or folders of images")
    parser.add_argument("--output", default="./output/predict", help="folder of the pictures and of detections.json")
    parser.add_argument("--score", type=float, default=0.3, help="smallest score of a detection")
    parser.add_argument("--max_images", type=int, default=None, help="stop after so many images")
    return parser.parse_known_args(argv)


@entry_point
def main(argv=None):
    arguments, rest = parse_arguments(argv)
    config = load_config(rest)
    paths = find_images(arguments.input)[: arguments.max_images]
    net = create_loaded_net(config)
    predict = network_predictor(net)

    found = []
    for path in paths:
        image = load_image(path)
        boxes, scores = predict(preprocess(image, config.img_shape)[np.newaxis])
        xywh, scores, labels = select_detections(
            boxes[0], scores[0], image.shape[:2], arguments.score, config.nms_threshold, config.max_boxes
        )
        corners = np.stack([xywh[:, 1], xywh[:, 0], xywh[:, 1] + xywh[:, 3], xywh[:, 0] + xywh[:, 2]], axis=1)
        picture = draw_detections(image, corners, labels, scores, config.classes)
        save_image(Path(arguments.output) / f"{path.stem}.jpg", picture)
        found += [
            {"file_name": path.name, "class": config.classes[label], "score": float(score), "bbox": box.tolist()}
            for box, score, label in zip(xywh, scores, labels)
        ]
        logger.info("%s: %d detections", path, len(labels))
    write_json(Path(arguments.output) / "detections.json", found)
    logger.info("%d pictures and detections.json are in %s", len(paths), arguments.output)


if __name__ == "__main__":
    main()
