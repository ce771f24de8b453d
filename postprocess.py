"""Evaluates what the C++ program wrote: `python postprocess.py --config_path FILE --result_path DIR --img_path DIR`."""
import logging
from collections.abc import Sequence

from src.config import load_config
from src.dataset.exif import is_upright
from src.dataset.images import find_images, read_image_size
from src.evaluation import format_result, read_ground_truth, write_results
from src.evaluation.evaluator import build_metrics, find_annotation_file
from src.evaluation.predictions import AnchorPredictions
from src.export.cpp_outputs import ResultFiles, match_images
from src.runtime.cli import entry_point
from src.utils.errors import UserError

logger = logging.getLogger("postprocess")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(argv)
    for key, content in (("result_path", "its .bin files"), ("img_path", "the images")):
        if not getattr(config, key):
            raise UserError(f"{key} is missing: --{key}=FOLDER with {content}")
    paths = find_images([config.img_path])
    annotation_file = find_annotation_file(config, paths)
    images = match_images(read_ground_truth(annotation_file, config.classes).images, paths)
    logger.info("%s: %d of %d images are annotated", config.img_path, len(images), len(paths))
    files = ResultFiles(config.result_path, config.num_ssd_boxes, config.num_classes)
    files.check([path.stem for path in images.values()])

    metrics = build_metrics(config, annotation_file, image_ids=images, drop=config.drop)
    for image_id, path in images.items():
        boxes, scores = files.read(path.stem)
        metrics.update([AnchorPredictions(boxes, scores)], [image_id], [read_image_size(path, is_upright(config))])
    result = metrics.get_metrics()

    written = write_results(result, config.output_path)
    logger.info("results: %s, %s", *written)
    logger.info("%s", format_result(result))


if __name__ == "__main__":
    main()
