"""What a part of a dataset holds, read once."""
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from src.dataset.annotations import AnnotationSource, Report
from src.dataset.read_images import read_images


class CheckedImage(NamedTuple):
    """One image that can be used.

    Attributes:
        image_id: of the annotations.
        path: its file.
        size: (height, width) in pixels.
        pixel_boxes: int32 `(N, 5)`: ymin, xmin, ymax, xmax in pixels, label; cleaned.
        digest: of the content of the file.
    """

    image_id: int
    path: str
    size: tuple[int, int]
    pixel_boxes: np.ndarray
    digest: bytes


class DataPart(NamedTuple):
    """The training or the evaluation part of a dataset.

    Attributes:
        name: `training` or `evaluation`.
        num_records: images that the annotations list.
        images: those that can be used.
        report: what is left out or changed, and the classes that the annotations name.
    """

    name: str
    num_records: int
    images: list[CheckedImage]
    report: Report

    def count_boxes(self, num_classes: int) -> np.ndarray:
        """Boxes of each label: `(C,)`."""
        labels = [image.pixel_boxes[:, 4] for image in self.images]
        return np.bincount(np.concatenate([np.zeros(0, int), *labels]), minlength=num_classes)

    def all_boxes(self) -> np.ndarray:
        """Boxes of all images, `(N, 4)` float64: ymin, xmin, ymax, xmax in [0, 1]."""
        boxes = [image.pixel_boxes[:, :4] / np.tile(image.size, 2) for image in self.images]
        return np.concatenate([np.zeros((0, 4)), *boxes])


def read_part(name: str, source: AnnotationSource, num_classes: int, keep_other_sizes: bool = False,
              upright: bool = True) -> DataPart:
    """Reads a part of a dataset; every image is decoded. `keep_other_sizes`, `upright`: see `read_images`."""
    report = Report()
    records = source.select(source.read(report))
    read = read_images(records, num_classes, report, f"{name}: reading images", keep_other_sizes, upright)
    images = [CheckedImage(record.image_id, record.path, size, pixel_boxes,
                           hashlib.blake2b(data, digest_size=16).digest())
              for record, data, size, pixel_boxes in read]
    return DataPart(name, len(records), images, report)


def find_duplicates(parts: Iterable[DataPart]) -> list[list[tuple[str, str]]]:
    """Groups of images with the same content: lists of (name of the part, path), each of two or more."""
    groups: dict[bytes, list[tuple[str, str]]] = {}
    for part in parts:
        for image in part.images:
            groups.setdefault(image.digest, []).append((part.name, image.path))
    return [group for group in groups.values() if len(group) > 1]


def names_that_differ_in_case(names: Iterable[object]) -> list[list[str]]:
    """Groups of names that differ in nothing but capital letters and blanks at the ends."""
    groups: dict[str, list[str]] = {}
    for name in sorted({str(name) for name in names}):
        groups.setdefault(name.strip().casefold(), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def choose_samples(images: Sequence[CheckedImage], number: int, seed: int) -> list[CheckedImage]:
    """At most `number` of the images, random ones that show as many classes as possible, the rarest first."""
    rng = np.random.default_rng(seed)
    order = [images[index] for index in rng.permutation(len(images)) if len(images[index].pixel_boxes)]
    labels = [set(image.pixel_boxes[:, 4].tolist()) for image in order]
    frequency = Counter(label for of_image in labels for label in of_image)
    chosen: list[int] = []
    seen: set[int] = set()
    for label in sorted(frequency, key=lambda label: (frequency[label], label)):
        if label not in seen and len(chosen) < number:
            chosen.append(next(index for index, of_image in enumerate(labels) if label in of_image))
            seen |= labels[chosen[-1]]
    chosen += [index for index in range(len(order)) if index not in set(chosen)]
    return [order[index] for index in chosen[:number]]
