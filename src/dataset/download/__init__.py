"""Datasets that can be downloaded or drawn: COCO 2017 and the demo shapes."""
import logging
import os
from pathlib import Path

from src.dataset.download.coco2017 import download_coco
from src.dataset.shapes import draw_shapes_dataset
from src.utils.errors import UserError

__all__ = ["DATASETS", "download_coco", "download_dataset"]
logger = logging.getLogger(__name__)
DATASETS = ("coco", "shapes")


def download_dataset(dataset: str, data_path: str, coco_root: str = "coco_ori") -> Path:
    """Puts one of `DATASETS` below `data_path` and returns its folder.

    `coco` goes to `coco_root` (below `data_path` unless absolute), `shapes` to `data_path/shapes`. What is there and
    complete is kept. Raises `UserError` for any other dataset, and when the dataset cannot be completed.
    """
    if dataset not in DATASETS:
        raise UserError(f"dataset '{dataset}' cannot be downloaded; these can: {', '.join(DATASETS)}. "
                        "For your own images see docs/datasets.md.")
    folder = Path(*map(os.path.expanduser, (data_path, "shapes" if dataset == "shapes" else coco_root)))
    try:
        if dataset == "shapes":
            draw_shapes_dataset(folder)
        else:
            download_coco(folder)
    except OSError as error:
        raise UserError(f"{error.filename or folder} cannot be written or read: {error.strerror or error}. Make it "
                        "writable, or choose another folder with --data_path.") from error
    logger.info("%s: ready in %s", dataset, folder)
    return folder
