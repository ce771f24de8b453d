"""What was found in annotations, kept beside the MindRecord files: the next start need not parse them again.

An entry belongs to annotation files with certain names, sizes and times. Others are made anew, and old ones go.
"""
import contextlib
import functools
import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from src.dataset.annotations import AnnotationSource, Report
from src.dataset.mindrecord.manifest import describe_annotations
from src.dataset.paths import mindrecord_folder
from src.dataset.reading_once import at_end, is_kept, once
from src.utils.errors import UserError
from src.utils.files import write_json
from src.utils.safe_io import read_json

NAME = "found.json"
FORMAT, VERSION = "ssd-found", 2  # 1 had YOLO's numbers without a name among the classes


class FoundFile:
    """The entries of a configuration; without effect where results are not kept, see `reading_once`.

    Args:
        config: names the folder of the MindRecord files, if it has one.
    """

    def __init__(self, config: Any) -> None:
        # Windows has no time of the last change of a file that programs cannot set.
        self._path = None
        if is_kept() and config.mindrecord_dir and os.name != "nt":
            self._path = mindrecord_folder(config.mindrecord_dir, config.data_path) / NAME

    def counts(self, source: AnnotationSource) -> tuple[int, Report] | None:
        """Number of images of a source, and a report that has counted its classes; None where it is not known."""
        entry = self._entry(source)
        try:
            report = Report()
            report.classes = Counter({name: int(count) for name, count in entry["classes"]})
            return int(entry["images"]), report
        except (KeyError, TypeError, ValueError):
            return None

    def boxes(self, source: AnnotationSource, seed: int) -> np.ndarray | None:
        """Boxes `(N, 5)` float64 as `keep_boxes` has kept them, or None."""
        try:
            return np.array(self._entry(source)[f"boxes {seed}"], np.float64).reshape(-1, 5)
        except (KeyError, TypeError, ValueError):
            return None

    def keep_counts(self, source: AnnotationSource, num_images: int, report: Report) -> None:
        self._keep(source, {"images": num_images, "classes": sorted(report.classes.items(), key=str)})

    def keep_boxes(self, source: AnnotationSource, seed: int, boxes: np.ndarray) -> None:
        self._keep(source, {f"boxes {seed}": boxes.tolist()})

    def _entry(self, source: AnnotationSource) -> dict[str, Any]:
        if self._path is None:
            return {}
        found = once(("found", str(self._path)), functools.partial(_read, self._path))
        return self._used().setdefault(self._key(source), found.get(self._key(source), {}))

    def _used(self) -> dict[str, dict[str, Any]]:
        """The entries of this start, which are those that stay."""
        return once(("used", str(self._path)), dict[str, dict[str, Any]])

    def _keep(self, source: AnnotationSource, values: dict[str, Any]) -> None:
        if self._path is None:
            return
        self._used()[self._key(source)] = {**self._entry(source), **values}
        # Not before: a start that only checks the data, or fails, makes no folder for it.
        at_end(str(self._path), functools.partial(_write, self._path, self._used()))

    @staticmethod
    def _key(source: AnnotationSource) -> str:
        def state() -> str:
            text = repr((source.kind, str(source.image_dir), source.subsets, describe_annotations(source)))
            return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

        return once(("state of annotations", *source.identity), state)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """The entries by their keys; none where the file is missing or damaged."""
    try:
        content = read_json(path)
        known = content["format"] == FORMAT and content["version"] == VERSION
        return {key: entry for key, entry in content["sources"].items() if isinstance(entry, dict)} if known else {}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}


def _write(path: Path, entries: dict[str, dict[str, Any]]) -> None:
    # It only saves time; a conversion has told of a folder that cannot be written to.
    with contextlib.suppress(OSError, UserError):
        if path.parent.is_dir():
            write_json(path, {"format": FORMAT, "version": VERSION, "sources": entries}, indent=None)
