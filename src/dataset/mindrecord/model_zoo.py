"""MindRecord files that the Model Zoo's SSD wrote: `ssd.mindrecord0` to `ssd.mindrecord7`, and no manifest."""
import io
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.dataset.images import read_header
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
    require_readable(files)
    damage = find_damaged_index(files)
    if damage:
        raise UserError(f"{first} cannot be used: {damage}. Copy the files once more from where they come from, "
                        "or set --mindrecord_dir to another folder.")
    num_images, rows = _read_some(first)
    labels = sorted({label for row in rows for label in row["annotation"][:, 4].tolist()})
    unknown = [label for label in labels if not 0 < label < len(classes)]
    if unknown:
        raise UserError(f"{first} has boxes with the labels {unknown[0]} to {unknown[-1]}, but the labels of `classes` "
                        f"are 1 to {len(classes) - 1}. Set classes and num_classes to those that the file was made "
                        "with, or --mindrecord_dir to another folder.")
    logger.warning("%s has no manifest: it is used as the Model Zoo's SSD wrote it, with %d images, in place of images "
                   "and annotations. Nobody can tell which images and classes it was made from, whether they have "
                   "changed since, and whether all images can be decoded; the first %d have labels from %d to %d.",
                   first, num_images, min(num_images, MOST_CHECKED), labels[0], labels[-1])
    if x_comes_first(dataset):
        _check_order(first, rows)
    return num_images


def x_comes_first(dataset: str) -> bool:
    """Whether the Model Zoo's files of this dataset have boxes as xmin, ymin, xmax, ymax: those of text lists do, as
    the lists have them."""
    return dataset == "other"


def _check_order(first: Path, rows: Sequence[dict[str, np.ndarray]]) -> None:
    """Raises a `UserError` if the boxes (N, 5) fit their images only with y before x; warns of the order otherwise."""
    x_first = y_first = 0
    for row in rows:
        try:
            height, width = read_header(io.BytesIO(row["image"].tobytes())).size
        except ValueError:  # told once it is needed
            continue
        ends = row["annotation"][:, 2:4]
        x_first += int((ends > [width, height]).any(axis=1).sum())
        y_first += int((ends > [height, width]).any(axis=1).sum())
    if x_first > y_first:
        raise UserError(f"{first} holds boxes beyond their images, {x_first} with x before y as the Model Zoo's README "
                        f"has text lists, {y_first} with y before x. {OTHER_FOLDER}")
    logger.warning("%s: boxes of text lists are read as xmin, ymin, xmax, ymax, as the README of the Model Zoo's SSD "
                   "has them; it trained on them with x and y exchanged", first)


def _read_some(first: Path) -> tuple[int, list[dict[str, np.ndarray]]]:
    """Number of images, and the first records, of which at least one has a box."""
    import mindspore.dataset as ds  # only such files need it here

    with reported_as_unreadable(first):
        num_images = ds.MindDataset(str(first), columns_list=list(COLUMNS), shuffle=False).get_dataset_size()
        some = ds.MindDataset(str(first), columns_list=list(COLUMNS), shuffle=False, num_samples=MOST_CHECKED)
        rows = list(some.create_dict_iterator(num_epochs=1, output_numpy=True))
    for row in rows:
        boxes = row["annotation"]
        if any(not np.issubdtype(row[name].dtype, kind) for name, kind in COLUMNS.items()) or boxes.shape[1:] != (5,):
            raise UserError(f"{first} is no MindRecord file of the Model Zoo's SSD: expected are img_id, image, and "
                            f"annotation with five integers a box. {OTHER_FOLDER}")
    if not any(len(row["annotation"]) for row in rows):
        raise UserError(f"{first} holds no boxes. {OTHER_FOLDER}")
    return num_images, rows
