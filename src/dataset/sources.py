"""The annotations that a configuration names: which files there are, and how to read them.

A format is one module with its `FORMAT`, and one entry of `FORMATS`.
"""
import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from src.dataset import coco, txt, voc
from src.dataset.annotations import AnnotationFormat, AnnotationSource, ImageRecord, Report
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

    Where there are none to evaluate with, and `val_share` says so, a share of the training images is held out.

    Raises:
        UserError: a folder or file is not there; the message names the key and the places that were looked at.
    """
    if config.dataset == "shapes":
        raise UserError("dataset: the demo data `shapes` are a COCO dataset once they are drawn; use them with "
                        "--config_path=config/ssd300_shapes_config.yaml, which says dataset: coco")
    find = annotation_format(config.dataset).find
    if config.val_share:
        evaluation = None
        with contextlib.suppress(UserError):
            evaluation = find(config, False)
        if evaluation is None or evaluation.is_training_data:
            return _share(find(config, True), config.val_share, is_training)
    return find(config, is_training)


def _share(source: AnnotationSource, share: float, is_training: bool) -> AnnotationSource:
    def read(report: Report) -> list[ImageRecord]:
        records = source.read(report)
        is_held_out = held_out([record.path for record in records], share)
        return [record for record, is_out in zip(records, is_held_out) if is_out != is_training]

    part = f"all but {share:g}" if is_training else f"{share:g}"
    return source._replace(read=read, ground_truth_file=None, part=part)


def held_out(names: Sequence[str], share: float) -> list[bool]:
    """Which images are held out to evaluate with: a list of bool, in the order of `names`.

    The choice depends on the names alone, not on their order or their folder, so that images added later leave most
    others where they were. At least one image is on each side if there are two.
    """
    keys = [hashlib.sha256(Path(name).name.encode("utf-8", "surrogateescape")).digest() for name in names]
    count = min(max(1, round(share * len(names))), len(names) - 1)
    chosen = set(sorted(range(len(names)), key=keys.__getitem__)[:max(count, 0)])
    return [index in chosen for index in range(len(names))]


def read_annotations(config: Any, is_training: bool) -> list[ImageRecord]:
    """Images and boxes of the dataset that the configuration names; errors as `find_source`."""
    return find_source(config, is_training).read(Report())
