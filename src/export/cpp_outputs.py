"""The `.bin` files of the C++ program: the outputs of the network for an image, as raw float32.

`<name>_0.bin` holds the boxes (A, 4), `<name>_1.bin` the scores (A, C); `<name>` is the image's file name without its
suffix.
"""
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from src.utils.errors import UserError
from src.utils.safe_io import shown_list

_MAX_NAMES = 5


def match_images(names_by_id: Mapping[int, str], paths: Sequence[Path]) -> dict[int, Path]:
    """Which image files the annotations mean, by the file names.

    Args:
        names_by_id: file names by image id, as in an annotation file; folders in them do not count.
        paths: paths of image files.

    Returns:
        Dictionary image id -> path, in the order of `paths`; files that are not annotated are left out.

    Raises:
        UserError: no file is annotated, or a name is not unique.
    """
    ids_by_name: dict[str, list[int]] = {}
    for image_id, name in names_by_id.items():
        ids_by_name.setdefault(Path(name).name, []).append(image_id)
    matched: dict[int, Path] = {}
    paths_by_stem: dict[str, Path] = {}
    for path in paths:
        ids = ids_by_name.get(path.name, [])
        if len(ids) > 1:
            raise UserError(f"the annotations have {len(ids)} images of the name {path.name}, so it is not clear which "
                            f"one {path} is")
        for image_id in ids:
            other = paths_by_stem.setdefault(path.stem, path)
            if other != path:
                raise UserError(f"{other} and {path} would share their result files: give them different names")
            matched[image_id] = path
    if not matched:
        raise UserError(f"img_path: none of the {len(paths)} images, such as {paths[0]}, is in the annotation file: "
                        "are they of the same dataset?")
    return matched


class ResultFiles:
    """The results of one run.

    Args:
        folder: folder of the files.
        num_boxes, num_classes: A and C.
    """

    def __init__(self, folder: Path | str, num_boxes: int, num_classes: int) -> None:
        self._folder = Path(folder)
        self._shapes = (num_boxes, 4), (num_boxes, num_classes)

    def check(self, names: Iterable[str]) -> None:
        """Raises a `UserError` that tells which files of these images are missing or have a wrong size."""
        if not self._folder.is_dir():
            raise UserError(f"result_path: there is no folder {self._folder}")
        wrong = [fault for name in names for fault in self._faults(name)]
        if wrong:
            raise UserError(f"result_path: {shown_list(wrong, _MAX_NAMES)}; run the C++ program again, with the "
                            "model of this configuration")

    def read(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (A, 4) and scores (A, C) of one image, float32."""
        boxes, scores = (np.fromfile(path, "<f4").reshape(shape) for path, shape in self._files(name))
        return boxes, scores

    def _files(self, name: str) -> list[tuple[Path, tuple[int, int]]]:
        return [(self._folder / f"{name}_{number}.bin", shape) for number, shape in enumerate(self._shapes)]

    def _faults(self, name: str) -> Iterator[str]:
        for path, shape in self._files(name):
            expected = 4 * shape[0] * shape[1]
            if not path.is_file():
                yield f"{path} is missing"
            elif path.stat().st_size != expected:
                yield f"{path} has {path.stat().st_size} bytes instead of {expected} for {shape} float32"
