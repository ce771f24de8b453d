"""Evaluation as the configuration describes it, for any callable that predicts."""
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.boxes import build_nms_config
from src.config import Config
from src.dataset import (
    BatchSettings,
    WorkerSettings,
    build_input_format,
    create_mindrecord,
    create_ssd_dataset,
    load_image,
)
from src.dataset.exif import UPRIGHT, is_upright
from src.dataset.images import read_image_header
from src.dataset.mindrecord.opening import readable
from src.dataset.pipeline import evaluated_image_ids
from src.dataset.sources import find_source, read_annotations
from src.evaluation.coco_metrics import PROTOCOLS, COCOMetrics
from src.evaluation.loop import Predict, evaluate
from src.evaluation.predictions import Predictions
from src.evaluation.results import EvalResult
from src.utils.errors import UserError
from src.utils.progress import progress


class Evaluation:
    """The evaluation data of the configuration, converted and checked when this is made.

    Attributes:
        num_images: how many there are.
        path: the first MindRecord file.

    Args:
        config: the configuration.
        protocols: those that are computed beside `eval_protocol`.

    Raises:
        UserError: images or ground truth cannot be used.
    """

    def __init__(self, config: Config, protocols: Sequence[str] = PROTOCOLS) -> None:
        self._config = config
        self._records = records = create_mindrecord(config, is_training=False)
        assert records.annotation_file is not None  # evaluation data have one
        self.path, self.num_images = records.path, records.num_images
        self._metrics = build_metrics(config, records.annotation_file, protocols=protocols,
                                      images_are=records.part or "images")
        self._metrics.check_images(evaluated_image_ids(records.path))

    def __call__(self, predict: Predict, batch_size: int | None = None) -> EvalResult:
        """Evaluates a callable, such as a `Predictor`; `batch_size` is by default that of the configuration.

        Raises:
            UserError: the data were replaced since this was made.
        """
        config = self._config
        batch_size = batch_size or config.batch_size
        self._records.files.require_unchanged()
        dataset = create_ssd_dataset(
            self._records.path,
            BatchSettings(batch_size, config.img_shape, build_input_format(config), self._records.upright),
            workers=WorkerSettings(config.num_parallel_workers, device_target=config.device_target),
        )
        batches = readable(dataset.create_dict_iterator(num_epochs=1, output_numpy=True), self._records.path)
        self._metrics.clear()
        result = evaluate(predict, batches, self._metrics, batch_size, num_images=self.num_images)
        self._records.files.require_unchanged()
        return result

    def each_image(self, find: Callable[[np.ndarray], Predictions]) -> EvalResult:
        """Evaluates a callable from an image (H, W, 3) uint8 RGB, of its own size, to the predictions for it.

        Raises:
            UserError: an image cannot be read, or the data were replaced since this was made.
        """
        paths = {record.image_id: record.path for record in read_annotations(self._config, is_training=False)}
        image_ids = evaluated_image_ids(self._records.path)
        self._records.files.require_unchanged()
        self._metrics.clear()
        with progress("evaluating", len(image_ids), "image") as advance:
            for image_id in image_ids:
                if image_id not in paths:
                    raise UserError(f"image {image_id} is no longer in the annotations, which have changed since they "
                                    "were converted: start again")
                image = load_image(paths[image_id], is_upright(self._config))
                self._metrics.update([find(image)], [image_id], [image.shape[:2]])
                advance(1)
        return self._metrics.get_metrics()


def build_metrics(config: Config, annotation_file: Path | str, **options: Any) -> COCOMetrics:
    """The metrics that the configuration asks for, with the ground truth of a COCO annotation file; `options` are other
    arguments of `COCOMetrics`."""
    return COCOMetrics(annotation_file, config.classes, build_nms_config(config), protocol=config.eval_protocol,
                       coco_min_score=config.coco_min_score, target_precision=config.target_precision,
                       target_recall=config.target_recall, **options)


def find_annotation_file(config: Config, paths: Iterable[Path]) -> Path | str:
    """Path of the COCO annotation file to evaluate with: the dataset's own, or the one that its conversion makes.

    Args:
        config: the configuration.
        paths: the images. Where one is turned upright, its boxes in the dataset's own file may have to be turned too.
    """
    source = find_source(config, is_training=False)
    is_turned = is_upright(config) and any(map(_is_turned, paths))
    if source.ground_truth_file and not is_turned:
        return source.ground_truth_file
    annotation_file = create_mindrecord(config, is_training=False).annotation_file
    assert annotation_file is not None  # evaluation data have one
    return annotation_file


def _is_turned(path: Path) -> bool:
    try:
        return read_image_header(path).orientation != UPRIGHT
    except UserError:  # said where the image is needed
        return False
