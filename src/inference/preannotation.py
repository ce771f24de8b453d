"""Detections as annotations for the next round: a dataset in the format of an annotation program, and which images of
it are worth annotating first."""
from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.dataset.formats.writers import WRITERS, Image, check_names, finish_dataset
from src.dataset.images import IMAGE_SUFFIXES, MOST_BYTES, load_image
from src.inference.inputs import Input
from src.inference.output_folder import DATASET_FOLDER, UNCERTAIN_FOLDER, UNCERTAIN_LIST
from src.inference.uncertain import closeness, rank_images, small_view, uncertainty
from src.utils.files import whole_file, whole_folder
from src.utils.safe_io import read_file, spreadsheet_text
from src.visualization.draw import crop, draw_detections, encode_image, grid, resize_to_view, save_image, with_title

logger = logging.getLogger(__name__)
PART = "train"
COLUMNS = ("rank", "file_name", "picture", "uncertainty", "difference", "detections", "uncertain_detections")
# Images of the contact sheet, in a row, and pixels of their longer side.
SHEET_IMAGES, SHEET_COLUMNS, SHEET_SIDE = 20, 5, 400
# Uncertain are detections that are nearer to the threshold than this, see `closeness`.
UNCERTAIN = 0.5


class _Found(NamedTuple):
    """An image with its detections, also those below the threshold: boxes (D, 4) `ymin xmin ymax xmax`, pixels."""

    item: Input
    path: Path
    size: tuple[int, int]
    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


class Preannotation:
    """Collects the detections in images, and writes them when all are there.

    Args:
        folder: of the outputs; `dataset`, `uncertain` and `uncertain.csv` come there.
        kind: format of the dataset, a key of `WRITERS`.
        classes: names, index = label.
        min_score: annotations have a higher score.
        crops: also save the inside of the most uncertain box of the images on the contact sheet.
        upright: images were turned as their EXIF data ask, see `load_image`.
    """

    def __init__(self, folder: Path, kind: str, classes: Sequence[str], min_score: float, crops: bool,
                 upright: bool = True) -> None:
        check_names(classes)
        self._folder, self._kind, self._classes = folder, kind, classes
        self._min_score, self._crops, self._upright = min_score, crops, upright
        self._images: list[_Found] = []
        self._views: list[np.ndarray] = []

    def add(self, item: Input, image: np.ndarray, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> None:
        """Adds the detections in the image of an `Input`, also uncertain ones; arguments as of `Output.add_image`."""
        height, width = image.shape[:2]
        self._images.append(_Found(item, Path(str(item.source)), (height, width), boxes, scores, labels))
        self._views.append(small_view(image))

    def write(self) -> None:
        """Writes the dataset and what there is to say of uncertain images."""
        if not self._images:
            logger.warning("there are no images to annotate: frames of videos are not written as annotations")
            return
        with whole_folder(self._folder / DATASET_FOLDER) as folder:
            WRITERS[self._kind](folder, PART, map(self._annotated, self._images), self._classes)
            finish_dataset(self._kind, folder, [PART], self._classes)
        order = rank_images([uncertainty(found.scores, self._min_score) for found in self._images], self._views)
        self._write_list(order)
        self._save_sheet([self._images[index] for index, _ in order[:SHEET_IMAGES]])

    def _annotated(self, found: _Found) -> Image:
        boxes = np.rint(found.boxes).astype(np.int32)
        kept = (found.scores > self._min_score) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        rows = np.concatenate([boxes, found.labels[:, None].astype(np.int32)], axis=1)[kept]
        data, suffix = read_file(found.path, MOST_BYTES), found.path.suffix
        if suffix.lower() not in IMAGE_SUFFIXES:  # readers of datasets know images by their suffixes
            data, suffix = encode_image(load_image(found.path, self._upright), ".png"), ".png"
        name = "".join(letter if letter.isprintable() else "_" for letter in found.item.name)
        return Image(f"{name}{suffix}", data, found.size, rows, found.scores[kept])

    def _write_list(self, order: Sequence[tuple[int, float]]) -> None:
        stream = io.StringIO(newline="")
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for rank, (index, difference) in enumerate(order, start=1):
            found = self._images[index]
            unsure = closeness(found.scores, self._min_score) > UNCERTAIN
            writer.writerow([rank, spreadsheet_text(found.item.file_name), spreadsheet_text(f"{found.item.name}.jpg"),
                             round(uncertainty(found.scores, self._min_score), 4), round(difference, 4),
                             int((found.scores > self._min_score).sum()), int(unsure.sum())])
        with whole_file(self._folder / UNCERTAIN_LIST) as part:
            part.write_text(stream.getvalue(), encoding="utf-8", errors="backslashreplace", newline="")

    def _save_sheet(self, images: Sequence[_Found]) -> None:
        folder = self._folder / UNCERTAIN_FOLDER
        save_image(folder / "sheet.jpg", grid(self._drawn(images, folder), SHEET_COLUMNS))

    def _drawn(self, images: Sequence[_Found], folder: Path) -> Iterator[np.ndarray]:
        for rank, found in enumerate(images, start=1):
            image = load_image(found.path, self._upright)
            picture, boxes = resize_to_view(image, found.boxes, largest=SHEET_SIDE)
            drawn = draw_detections(picture, boxes, found.labels, found.scores, self._classes)
            yield with_title(drawn, f"{rank}: {found.item.file_name}")
            if self._crops and len(found.scores):
                inside = crop(image, found.boxes[closeness(found.scores, self._min_score).argmax()])
                if inside.size:
                    save_image(folder / f"{rank:02d}-{found.item.name}.jpg", inside)
