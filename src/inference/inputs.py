"""Inputs of a detector: image files, folders, patterns, video files, cameras."""
import glob
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from src.dataset.file_names import visible
from src.dataset.images import IMAGE_SUFFIXES, is_image_file
from src.utils.errors import UserError
from src.utils.safe_io import shown, shown_list

logger = logging.getLogger(__name__)
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".ts", ".mts", ".m2ts",
                  ".3gp", ".3g2", ".flv", ".ogv", ".vob")
# Frames per second where a video or camera states none.
USUAL_RATE = 25.0
_LARGEST_RATE = 1000.0
# The header of some formats counts the frames exactly. That of others counts them from the length: such a video is cut
# short if more are missing than this share. So many may be missing of any.
_EXACT_SUFFIXES, _MISSING_SHARE, _MISSING_FRAMES = (".avi",), 0.05, 2
_SILENT = 0
# File systems allow 255; suffixes, numbers and the marks of temporary files come to it.
_NAME_BYTES = 200
_SHOWN_NAMES = 5


class Input(NamedTuple):
    """An image, a video or a camera.

    Attributes:
        source: path of an image or video; the number of a camera.
        name: for the files made of it, different from that of every other input; without suffix.
        file_name: what the list of detections calls it, different from that of every other input.
        is_image: it is one, not a video or camera.
    """

    source: Path | int
    name: str
    file_name: str
    is_image: bool = True

    @property
    def is_camera(self) -> bool:
        return isinstance(self.source, int)


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
        found = [source for text in names for source in _sources(text)]
    except OSError as error:
        raise UserError(f"{shown(error.filename)} cannot be read: {error.strerror}.") from error
    sources = {source if isinstance(source, int) else os.path.abspath(source): source for source in found}.values()
    if not sources:
        suffixes = ", ".join((*IMAGE_SUFFIXES, *VIDEO_SUFFIXES))
        raise UserError(f"There is no image or video in {', '.join(names)} (looked for {suffixes}).")
    file_names = _file_names([source for source in sources if isinstance(source, Path)])
    taken: set[str] = set()
    inputs = []
    for source in sources:
        if isinstance(source, int):
            stem, file_name, is_image = f"camera-{source}", f"camera {source}", False
        else:
            stem, file_name, is_image = shorten_name(source.stem), file_names[source], _is_image(source)
        name, number = stem, 1
        while name.lower() in taken:  # file systems may take a.jpg and A.jpg for one file
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        inputs.append(Input(source, name, file_name, is_image))
    return inputs


def _file_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Names of the files; where two are the same, their paths below the folder that all of them share."""
    if len({path.name for path in paths}) == len(paths):
        return {path: path.name for path in paths}
    absolute = [os.path.abspath(path) for path in paths]
    try:
        shared = os.path.commonpath(map(os.path.dirname, absolute))
    except ValueError:  # several drives
        return {path: Path(whole).as_posix() for path, whole in zip(paths, absolute)}
    return {path: Path(whole).relative_to(shared).as_posix() for path, whole in zip(paths, absolute)}


def _is_image(path: Path) -> bool:
    """By the suffix; a file with any other is a video unless it begins as an image does."""
    suffix = path.suffix.lower()
    return suffix in IMAGE_SUFFIXES or (suffix not in VIDEO_SUFFIXES and is_image_file(path))


def image_paths(inputs: Iterable[Input]) -> list[Path]:
    """Paths of those that are image files."""
    return [item.source for item in inputs if item.is_image and not isinstance(item.source, int)]


def _sources(text: str) -> list[Path] | list[int]:
    path = Path(os.path.expanduser(text))
    if path.is_dir():
        return _known(path.iterdir(), text)
    if path.is_file():
        return [path]
    if text.isascii() and text.isdigit():
        return [int(text)]
    if glob.has_magic(text):
        return _known(_matches(path), text)
    raise UserError(f"There is no image, video or folder {text}.")


def _matches(pattern: Path) -> Iterator[Path]:
    """Paths that fit a pattern; brackets in the names of folders that exist are no part of it."""
    folder = next(parent for parent in pattern.parents if parent.is_dir())
    return map(Path, glob.glob(os.path.join(glob.escape(str(folder)), pattern.relative_to(folder)), recursive=True))


def _known(paths: Iterable[Path], text: str) -> list[Path]:
    """Images and videos by their suffixes, sorted; the log tells of other files."""
    known: list[Path] = []
    others: list[Path] = []
    for path in visible(path for path in paths if path.is_file()):
        (known if path.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES else others).append(path)
    if others:
        logger.info("%s: %d files are no images or videos by their suffixes: %s", shown(text), len(others),
                    shown_list([path.name for path in others], _SHOWN_NAMES))
    return known


class Video:
    """The frames of a video file or camera: iterating gives `(H, W, 3)` uint8 RGB arrays.

    Attributes:
        rate: frames per second.
        num_frames: of the file's header; None for a camera, and where the header has none.

    Raises:
        UserError: it cannot be opened; while iterating, it has no frame, or ends early.
    """

    def __init__(self, source: Path | str | int) -> None:
        self._name = f"camera {source}" if isinstance(source, int) else f"the video {shown(source)}"
        self._missing_share = 0.0 if str(source).lower().endswith(_EXACT_SUFFIXES) else _MISSING_SHARE
        # OpenCV and FFmpeg print a line for each way that they try; the error below is enough.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        level = cv2.getLogLevel()
        cv2.setLogLevel(_SILENT)
        try:
            # FFmpeg takes the beginning of a relative path with a colon for a protocol.
            self._capture = cv2.VideoCapture(source if isinstance(source, int) else os.path.abspath(source))
        finally:
            cv2.setLogLevel(level)
        if not self._capture.isOpened():
            if isinstance(source, int):
                raise UserError(f"Camera {source} cannot be opened: is it connected, and free of other programs?")
            raise UserError(f"The video {shown(source)} cannot be read (damaged, or no known format).")
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
            raise UserError(f"No frame of {self._name} can be read.")
        missing = (self.num_frames or 0) - number
        if missing > max(_MISSING_FRAMES, self._missing_share * number):
            raise UserError(f"Only the first {number} of the {self.num_frames} frames of {self._name} can be read: it "
                            "is cut short or damaged.")
        if missing > _MISSING_FRAMES:
            logger.warning("%d frames of %s are read, and its length is that of %d: is it whole?", number, self._name,
                           self.num_frames)
