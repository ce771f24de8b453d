"""MindRecord files that the Model Zoo's SSD wrote: `ssd.mindrecord0` to `ssd.mindrecord7`, and no manifest."""
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.dataset.mindrecord.manifest import OTHER_FOLDER, find_damaged_index, require_readable
from src.dataset.mindrecord.opening import reported_as_unreadable
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
COLUMNS = {"img_id": np.integer, "image": np.bytes_, "annotation": np.integer}
MOST_CHECKED = 500  # images


def read_model_zoo_files(files: Sequence[Path], dataset: str, classes: Sequence[str]) -> int:
    """Checks what the files themselves tell, warns of the rest, and returns the number of images.

    Args:
        files: all MindRecord files and indexes of the set.
        dataset: value of the key `dataset`.
        classes: names of the classes, with the background.

    Raises:
        UserError: they cannot be read, are of another kind, or have labels that no class belongs to.
    """
    first = files[0]
    if dataset == "other":
        raise UserError(f"{first} has no manifest, so the Model Zoo's SSD wrote it, which confused x and y in the "
                        f"boxes of text files. {OTHER_FOLDER}")
    require_readable(files)
    damage = find_damaged_index(files)
    if damage:
        raise UserError(f"{first} cannot be used: {damage}. Copy the files once more from where they come from, "
                        "or set --mindrecord_dir to another folder.")
    num_images, labels = _read_labels(first)
    unknown = [label for label in labels if not 0 < label < len(classes)]
    if unknown:
        raise UserError(f"{first} has boxes with the labels {unknown[0]} to {unknown[-1]}, but the labels of `classes` "
                        f"are 1 to {len(classes) - 1}. Set classes and num_classes to those that the file was made "
                        "with, or --mindrecord_dir to another folder.")
    logger.warning("%s has no manifest: it is used as the Model Zoo's SSD wrote it, with %d images, in place of images "
                   "and annotations. Nobody can tell which images and classes it was made from, whether they have "
                   "changed since, and whether all images can be decoded; the first %d have labels from %d to %d.",
                   first, num_images, min(num_images, MOST_CHECKED), labels[0], labels[-1])
    return num_images


def _read_labels(first: Path) -> tuple[int, list[int]]:
    """Number of images, and the labels of the first ones, sorted."""
    import mindspore.dataset as ds  # only such files need it here

    with reported_as_unreadable(first):
        num_images = ds.MindDataset(str(first), columns_list=list(COLUMNS), shuffle=False).get_dataset_size()
        some = ds.MindDataset(str(first), columns_list=list(COLUMNS), shuffle=False, num_samples=MOST_CHECKED)
        rows = list(some.create_dict_iterator(num_epochs=1, output_numpy=True))
    labels: set[int] = set()
    for row in rows:
        boxes = row["annotation"]
        if any(not np.issubdtype(row[name].dtype, kind) for name, kind in COLUMNS.items()) or boxes.shape[1:] != (5,):
            raise UserError(f"{first} is no MindRecord file of the Model Zoo's SSD: expected are img_id, image, and "
                            f"annotation with five integers a box. {OTHER_FOLDER}")
        labels.update(boxes[:, 4].tolist())
    if not labels:
        raise UserError(f"{first} holds no boxes. {OTHER_FOLDER}")
    return num_images, sorted(labels)
