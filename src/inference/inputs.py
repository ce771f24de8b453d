"""Inputs of a detector: image files, folders, patterns, video files, cameras."""
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from src.dataset.images import IMAGE_SUFFIXES
from src.utils.errors import UserError
from src.utils.safe_io import shown

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
# Frames per second where a video or camera states none.
USUAL_RATE = 25.0
_LARGEST_RATE = 1000.0
_SILENT = 0
# File systems allow 255; suffixes, numbers and the marks of temporary files come to it.
_NAME_BYTES = 200


class Input(NamedTuple):
    """An image, a video or a camera.

    Attributes:
        source: path of an image or video; the number of a camera.
        name: for the files made of it, different from that of every other input; without suffix.
    """

    source: Path | int
    name: str

    @property
    def is_camera(self) -> bool:
        return isinstance(self.source, int)

    @property
    def is_image(self) -> bool:
        return not isinstance(self.source, int) and self.source.suffix.lower() not in VIDEO_SUFFIXES


def shorten_name(name: str) -> str:
    """`name` with no more bytes than a file made of it has room for."""
    return os.fsencode(name)[:_NAME_BYTES].decode(errors="ignore") if len(os.fsencode(name)) > _NAME_BYTES else name


def find_inputs(texts: Iterable[Path | str]) -> list[Input]:
    """The `Input`s that texts name.

    A text is a file, a folder (its images and videos, without sub-folders), a pattern such as `photos/**/*.jpg`, or the
    number of a camera. Folders and patterns give their files sorted by name; a file that is named twice counts once.

    Raises:
        UserError: there is no such file, or no image or video.
    """
    names = list(map(str, texts))
    try:
        sources = list(dict.fromkeys(source for text in names for source in _sources(text)))
    except OSError as error:
        raise UserError(f"{shown(error.filename)} cannot be read: {error.strerror}.") from error
    if not sources:
        suffixes = ", ".join((*IMAGE_SUFFIXES, *VIDEO_SUFFIXES))
        raise UserError(f"There is no image or video in {', '.join(names)} (looked for {suffixes}).")
    taken: set[str] = set()
    inputs = []
    for source in sources:
        stem = f"camera-{source}" if isinstance(source, int) else shorten_name(source.stem)
        name, number = stem, 1
        while name.lower() in taken:  # file systems may take a.jpg and A.jpg for one file
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        inputs.append(Input(source, name))
    return inputs


def image_paths(inputs: Iterable[Input]) -> list[Path]:
    """Paths of those that are image files."""
    return [item.source for item in inputs if item.is_image and not isinstance(item.source, int)]


def _sources(text: str) -> list[Path] | list[int]:
    path = Path(os.path.expanduser(text))
    if path.is_dir():
        return _known(path.iterdir())
    if path.is_file():
        return [path]
    if text.isdigit():
        return [int(text)]
    if glob.has_magic(text):
        return _known(map(Path, glob.glob(str(path), recursive=True)))
    raise UserError(f"There is no image, video or folder {text}.")


def _known(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES and path.is_file())


class Video:
    """The frames of a video file or camera: iterating gives `(H, W, 3)` uint8 RGB arrays.

    Attributes:
        rate: frames per second.
        num_frames: of the file's header; None for a camera, and where the header has none.

    Raises:
        UserError: it cannot be opened.
    """

    def __init__(self, source: Path | str | int) -> None:
        self._source = source
        # OpenCV and FFmpeg print a line for each way that they try; the error below is enough.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        level = cv2.getLogLevel()
        cv2.setLogLevel(_SILENT)
        try:
            self._capture = cv2.VideoCapture(source if isinstance(source, int) else str(source))
        finally:
            cv2.setLogLevel(level)
        if not self._capture.isOpened():
            if isinstance(source, int):
                raise UserError(f"Camera {source} cannot be opened: is it connected, and free of other programs?")
            raise UserError(f"The video {source} cannot be read (damaged, or no known video format).")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= _LARGEST_RATE else USUAL_RATE
        frames = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.num_frames = int(frames) if 0 < frames < 1e9 and not isinstance(source, int) else None

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: Any) -> None:
        self._capture.release()

    def __iter__(self) -> Iterator[np.ndarray]:
        number = 0
        while True:
            done, frame = self._capture.read()
            if not done:
                break
            number += 1
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        if not number:
            raise UserError(f"No frame of {self._source} can be read.")
