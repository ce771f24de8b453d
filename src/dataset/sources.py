"""The annotations that a configuration names: which files there are, and how to read them.

A format is one module with its `FORMAT`, and one entry of `FORMATS`.
"""
import contextlib
import dataclasses
import hashlib
import itertools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from src.dataset import coco, txt, voc
from src.dataset.annotations import (
    TRAINING_IMAGES,
    AnnotationFormat,
    AnnotationSource,
    ImageRecord,
    Report,
    clean_boxes,
)
from src.dataset.images import load_image, read_image_header
from src.dataset.read_images import other_size
from src.utils.errors import UserError

FORMATS = {one.kind: one for one in (coco.FORMAT, voc.FORMAT, txt.FORMAT)}


def annotation_format(dataset: str) -> AnnotationFormat:
    """The format of a value of the key `dataset`; every value that names none means the text format."""
    return FORMATS.get(dataset, txt.FORMAT)


def source_name(config: Any, is_training: bool) -> str:
    """Last part of the path that the configuration gives for the annotations or their dataset."""
    return Path(annotation_format(config.dataset).root(config, is_training)).name


def find_source(config: Any, is_training: bool) -> AnnotationSource:
    """Finds the annotations that the configuration names.

    Where there is no evaluation part, and `val_share` says so, a share of the training images is held out.

    Raises:
        UserError: a folder or file is not there; the message names the key and the places that were looked at.
    """
    if config.dataset == "shapes":
        raise UserError("dataset: the demo data `shapes` are a COCO dataset once they are drawn; use them with "
                        "--config_path=config/ssd300_shapes_config.yaml, which says dataset: coco")
    form = annotation_format(config.dataset)
    if config.val_share:
        with_part = _with_evaluation_part(form, config)
        if with_part is None:
            return _share(form.find(config, True), config, is_training)
        config = with_part
    source = form.find(config, is_training)
    if not is_training and _is_training_data(form, config, source):
        return source._replace(part=TRAINING_IMAGES)
    return source


def _with_evaluation_part(form: AnnotationFormat, config: Any) -> Any | None:
    """The configuration with the name of the evaluation part; None where the dataset has none.

    Raises:
        UserError: there is one, or the configuration names one, and it cannot be read.
    """
    training_key, key = form.part_keys
    training_part, part = getattr(config, training_key), form.evaluation_part(config)
    if part in ("", training_part):
        return None
    config = dataclasses.replace(config, **{key: part})
    try:
        source = form.find(config, False)
    except UserError as error:
        raise UserError(f"{error} The evaluation part is {key} = {part}. Correct it; or set --{key}={training_part}, "
                        "and val_share holds out training images instead.") from error
    return None if _is_training_data(form, config, source) else config


def _is_training_data(form: AnnotationFormat, config: Any, evaluation: AnnotationSource) -> bool:
    """Whether evaluation has the annotations and images of training."""
    try:
        training = form.find(config, True)
    except UserError:  # a machine that only evaluates
        return False
    return (training.annotation_files, training.image_dir) == (evaluation.annotation_files, evaluation.image_dir)


def _share(source: AnnotationSource, config: Any, is_training: bool) -> AnnotationSource:
    share = config.val_share

    def select(records: list[ImageRecord]) -> list[ImageRecord]:
        chosen = held_out(records, share, len(config.classes), config.keep_other_sizes)
        if not chosen and not is_training:
            raise UserError(f"val_share = {share:g}: {source.image_dir} has too few images that can be used "
                            f"({len(records)} are annotated): evaluation and training need one each, with boxes of "
                            "known classes. Add images, or name others to evaluate with (--val_data_type, "
                            "--val_anno_path).")
        return [record for record in records if (record.path in chosen) != is_training]

    part = f"{TRAINING_IMAGES}, without the held-out ones" if is_training else f"held-out {TRAINING_IMAGES}"
    return source._replace(select=select, ground_truth_file=None, part=f"{part} (val_share {share:g})")


def held_out(records: Sequence[ImageRecord], share: float, num_classes: int, keep_other_sizes: bool = False
             ) -> set[str]:
    """Paths of the images that are held out to evaluate with: a share of those that can be used.

    Those with boxes of known classes and those without have the same share. At least one image with boxes is on each
    side if there are two. The choice depends on the names of the files, not on their order or folder, so that images
    added later leave most others where they were.
    """
    with_boxes: set[str] = set()
    without: set[str] = set()
    for record in records:
        with contextlib.suppress(UserError):
            header = read_image_header(record.path)
            if keep_other_sizes or not other_size(header, record.size):
                boxes = clean_boxes(record.pixel_boxes, *header.size, num_classes, Report(), record.path)
                (with_boxes if len(boxes) else without).add(record.path)
    without -= with_boxes
    count = min(max(1, round(share * len(with_boxes))), len(with_boxes) - 1)
    return _choose(with_boxes, count) | _choose(without, round(share * len(without)))


def _choose(paths: Collection[str], count: int) -> set[str]:
    """The first `count` images that can be decoded, in an order that the names of the files give."""
    def digest(path: str) -> tuple[bytes, str]:
        return hashlib.sha256(Path(path).name.encode("utf-8", "surrogateescape")).digest(), path

    return set(itertools.islice(filter(_can_be_decoded, sorted(paths, key=digest)), max(count, 0)))


def _can_be_decoded(path: str) -> bool:
    try:
        load_image(path)
    except UserError:
        return False
    return True


def read_annotations(config: Any, is_training: bool) -> list[ImageRecord]:
    """Images and boxes of the dataset that the configuration names; errors as `find_source`."""
    source = find_source(config, is_training)
    return source.select(source.read(Report()))
