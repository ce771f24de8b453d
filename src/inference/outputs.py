"""Files of detections: drawn pictures and videos, a list as json or csv, crops."""
import contextlib
import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np

from src.dataset.formats.writers import WRITERS
from src.inference.annotated_boxes import AnnotatedBoxes
from src.inference.inputs import Input, shorten_name
from src.inference.output_folder import CROPS_FOLDER, LIST_NAME
from src.inference.preannotation import Preannotation
from src.utils.errors import UserError
from src.utils.files import whole_file
from src.utils.safe_io import spreadsheet_text
from src.visualization.draw import crop, draw_detections, grid, resize_to_view, save_image, with_title

CSV_COLUMNS = ("file_name", "frame", "picture", "class", "score", "x", "y", "width", "height")
# Pictures with a shorter side are enlarged, so that there is room for names, as long as the other side allows it.
SMALLEST_DRAWN_SIDE, LARGEST_DRAWN_SIDE = 320, 2000
# Limits of MPEG-4: pixels of a side; frames per second, as a fraction with a denominator of 16 bits.
LARGEST_VIDEO_SIDE = 8190
SMALLEST_RATE, LARGEST_DENOMINATOR = 0.01, 65535


class Output:
    """Context manager that writes detections below a folder as they come.

    The list of detections, and each video, appear under their names when they are complete, or when the run is
    interrupted, with what was found until then.

    Args:
        folder: where to, see `free_output_folder`.
        classes: class names, index = label.
        file_format: of the list, `json` or `csv`; or a key of `WRITERS`, which also writes the detections in images as
            annotations, see `Preannotation`.
        crops: also save the inside of each box, in `crops/CLASS`.
        annotated: boxes to draw beside; None for none.
        min_score: detections have a higher score; others, which may be given, are only told among uncertain ones.
        upright: images were turned as their EXIF data ask, see `load_image`.
    """

    def __init__(
        self, folder: Path | str, classes: Sequence[str], file_format: str = "json", crops: bool = False,
        annotated: AnnotatedBoxes | None = None, min_score: float = 0.0, upright: bool = True,
    ) -> None:
        self.folder, self.min_score = Path(folder), min_score
        is_annotation = file_format in WRITERS
        self.list_file = self.folder / f"{LIST_NAME}.{'json' if is_annotation else file_format}"
        self._annotation = (Preannotation(self.folder, file_format, classes, min_score, crops, upright)
                            if is_annotation else None)
        self._classes, self._crops, self._annotated = classes, crops, annotated
        self._stack, self._video_stack = contextlib.ExitStack(), contextlib.ExitStack()
        self._video_name: str | None = None
        self._video: VideoFile

    def __enter__(self) -> "Output":
        self._list = self._stack.enter_context(DetectionList(self.list_file))
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            self._video_stack.__exit__(*error)
        finally:  # the list is whole, also where the last video is not
            self._stack.__exit__(*error)
        if self._annotation and not _is_failure(error[1]):
            self._annotation.write()

    def add_image(
        self, item: Input, image: np.ndarray, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray
    ) -> None:
        """Writes the detections in the image of an `Input`.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (D, 4) ymin, xmin, ymax, xmax, pixels.
            scores, labels: (D,).
        """
        if self._annotation:
            self._annotation.add(item, image, boxes, scores, labels)
        shown = scores > self.min_score
        boxes, scores, labels = boxes[shown], scores[shown], labels[shown]
        picture = self._draw(image, boxes, labels, scores)
        annotated = self._annotated.find(str(item.source)) if self._annotated else None
        if annotated:
            picture = grid([with_title(self._draw(image, *annotated), f"annotated: {len(annotated[1])}"),
                            with_title(picture, f"detected: {len(labels)}")], 2)
        save_image(self.folder / f"{item.name}.jpg", picture)
        self._write(item, None, f"{item.name}.jpg", boxes, scores, labels)
        self._save_crops(item.name, image, boxes, labels)

    def add_frame(
        self, item: Input, number: int, rate: float, image: np.ndarray, boxes: np.ndarray, scores: np.ndarray,
        labels: np.ndarray,
    ) -> None:
        """Writes the detections in a frame of a video or camera; all frames of one come before those of another.

        Args:
            number: of the frame, from 0.
            rate: frames per second.
        """
        shown = scores > self.min_score
        boxes, scores, labels = boxes[shown], scores[shown], labels[shown]
        if self._video_name != item.name:
            self._video_stack.close()
            self._video = self._video_stack.enter_context(VideoFile(self.folder / f"{item.name}.mp4", rate))
            self._video_name = item.name
        self._video.write(self._draw(image, boxes, labels, scores, LARGEST_VIDEO_SIDE))
        self._write(item, number, f"{item.name}.mp4", boxes, scores, labels)
        self._save_crops(f"{item.name}-{number:06d}", image, boxes, labels)

    def _draw(
        self, image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray | None = None,
        most: int | None = None,
    ) -> np.ndarray:
        """The picture, with no more than `most` pixels on a side."""
        largest = max(*image.shape[:2], LARGEST_DRAWN_SIDE)
        image, boxes = resize_to_view(image, boxes, SMALLEST_DRAWN_SIDE, min(largest, most or largest))
        return draw_detections(image, boxes, labels, scores, self._classes)

    def _write(
        self, item: Input, frame: int | None, picture: str, boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray
    ) -> None:
        for (ymin, xmin, ymax, xmax), score, label in zip(boxes.tolist(), scores.tolist(), labels.tolist()):
            self._list.add(item.file_name, frame, picture, self._classes[label], score,
                           [xmin, ymin, xmax - xmin, ymax - ymin])

    def _save_crops(self, name: str, image: np.ndarray, boxes: np.ndarray, labels: np.ndarray) -> None:
        if not self._crops:
            return
        for index, (box, label) in enumerate(zip(boxes, labels)):
            inside = crop(image, box)
            if inside.size:
                save_image(self.folder / CROPS_FOLDER / folder_name(self._classes[label]) / f"{name}-{index}.jpg",
                           inside)


def folder_name(class_name: str) -> str:
    """A class name as the name of a folder, whatever a model calls its classes."""
    name = shorten_name(re.sub(r'[\x00-\x1f\x7f\\/:*?"<>|\ud800-\udfff]|^\.+$', "_", class_name))
    return name or "_"


class DetectionList:
    """Context manager: a json or csv file that grows line by line and appears when it is complete, or interrupted."""

    def __init__(self, path: Path | str) -> None:
        self._path, self._is_csv = Path(path), Path(path).suffix == ".csv"
        self._stack = contextlib.ExitStack()
        self._count = 0

    def __enter__(self) -> "DetectionList":
        part = self._stack.enter_context(whole_file(self._path))
        # The escape for bytes of a file name that are no UTF-8 is that of json.
        self._stream: TextIO = self._stack.enter_context(
            open(part, "w", newline="", encoding="utf-8", errors="backslashreplace"))
        self._csv = csv.writer(self._stream)
        if self._is_csv:
            self._csv.writerow(CSV_COLUMNS)
        else:
            self._stream.write("[")
        return self

    def __exit__(self, *error: Any) -> None:
        if not self._is_csv and not _is_failure(error[1]):
            self._stream.write("\n]\n" if self._count else "]\n")
        _close(self._stack, *error)

    def add(
        self, file_name: str, frame: int | None, picture: str, class_name: str, score: float, bbox: Sequence[float]
    ) -> None:
        """One detection; `frame` is None for an image, `bbox` is x, y, width, height in pixels."""
        bbox = [round(value, 2) for value in bbox]
        if self._is_csv:
            file_name, picture, class_name = map(spreadsheet_text, (file_name, picture, class_name))
            self._csv.writerow([file_name, "" if frame is None else frame, picture, class_name, round(score, 6), *bbox])
        else:
            row: dict[str, Any] = {"file_name": file_name, "picture": picture, "class": class_name,
                                   "score": round(score, 6), "bbox": bbox}
            if frame is not None:
                row["frame"] = frame
            # In one call, so that an interrupted list has whole entries.
            self._stream.write((",\n " if self._count else "\n ") + json.dumps(row, ensure_ascii=False))
        self._count += 1


class VideoFile:
    """Context manager: an .mp4 file that appears when it is complete, or interrupted.

    All frames get the size of the first.
    """

    def __init__(self, path: Path | str, rate: float) -> None:
        self._path, self._rate = Path(path), rate
        self._stack = contextlib.ExitStack()
        self._writer: cv2.VideoWriter | None = None
        self._frames = 0

    def __enter__(self) -> "VideoFile":
        self._part = self._stack.enter_context(whole_file(self._path))
        return self

    def __exit__(self, *error: Any) -> None:
        if self._writer is None:  # nothing was written
            self._stack.__exit__(*error)
            return
        self._writer.release()
        if not _is_failure(error[1]) and _count_frames(self._part) != self._frames:  # OpenCV does not say so
            with self._stack:
                raise UserError(f"{self._path}: the video cannot be written to its end; is there room on the disk?")
        _close(self._stack, *error)

    def write(self, image: np.ndarray) -> None:
        """Adds a frame (H, W, 3) uint8 RGB."""
        if self._writer is None:
            # The format stores colours for 2 x 2 pixels.
            self._size = image.shape[1] // 2 * 2, image.shape[0] // 2 * 2
            self._writer = cv2.VideoWriter(str(self._part), cv2.VideoWriter.fourcc(*"mp4v"), writable_rate(self._rate),
                                           self._size)
            if not self._writer.isOpened():
                raise UserError(f"{self._path}: the video cannot be written; is there room on the disk?")
        width, height = self._size
        if image.shape[0] // 2 * 2 != height or image.shape[1] // 2 * 2 != width:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        self._frames += 1
        self._writer.write(cv2.cvtColor(np.ascontiguousarray(image[:height, :width]), cv2.COLOR_RGB2BGR))


def _count_frames(path: Path) -> int:
    """Number of frames of a video file that was just written; 0 if it is none."""
    capture = cv2.VideoCapture(str(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()


def writable_rate(rate: float) -> float:
    """The nearest frames per second that OpenCV can write as MPEG-4: it takes a fraction of a power of ten."""
    decimals = next(count for count in (3, 2, 1, 0) if rate * 10**count <= LARGEST_DENOMINATOR)
    return max(round(rate, decimals), SMALLEST_RATE)


def _is_failure(error: BaseException | None) -> bool:
    """Whether what is being written is worth nothing; what an interrupted run has found is kept."""
    return isinstance(error, Exception)


def _close(stack: contextlib.ExitStack, *error: Any) -> None:
    stack.__exit__(*(error if _is_failure(error[1]) else (None, None, None)))
