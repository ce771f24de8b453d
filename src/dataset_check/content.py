"""What a part of a dataset holds, read once."""
import hashlib
from typing import NamedTuple

import numpy as np

from src.dataset.annotations import Report
from src.dataset.read_images import read_images


class CheckedImage(NamedTuple):
    """One image that can be used.

    Attributes:
        path: its file.
        size: (height, width) in pixels.
        boxes: int32 `(N, 5)`: ymin, xmin, ymax, xmax in pixels, label; cleaned.
        digest: of the content of the file.
    """

    path: str
    size: tuple
    boxes: np.ndarray
    digest: bytes


class DataPart(NamedTuple):
    """The training or the evaluation part of a dataset.

    Attributes:
        name: `training` or `evaluation`.
        num_records: images that the annotations list.
        images: list of `CheckedImage`.
        report: the `Report` of what is left out or changed, and of the classes that the annotations name.
    """

    name: str
    num_records: int
    images: list
    report: Report

    def count_boxes(self, num_classes):
        """Boxes of each label: `(C,)`."""
        labels = [image.boxes[:, 4] for image in self.images]
        return np.bincount(np.concatenate([np.zeros(0, int), *labels]), minlength=num_classes)

    def relative_boxes(self):
        """All boxes `(N, 4)` float64 ymin, xmin, ymax, xmax as parts of the image."""
        boxes = [image.boxes[:, :4] / np.tile(image.size, 2) for image in self.images]
        return np.concatenate([np.zeros((0, 4)), *boxes])


def read_part(name, source, num_classes):
    """The `DataPart` of an `AnnotationSource`; every image is decoded."""
    report = Report()
    records = source.read(report)
    images = [CheckedImage(record.path, size, boxes, hashlib.blake2b(data, digest_size=16).digest())
              for record, data, size, boxes in read_images(records, num_classes, report, f"{name}: reading images")]
    return DataPart(name, len(records), images, report)


def find_duplicates(parts):
    """Groups of images with the same content: lists of (name of the part, path), each of two or more."""
    groups = {}
    for part in parts:
        for image in part.images:
            groups.setdefault(image.digest, []).append((part.name, image.path))
    return [group for group in groups.values() if len(group) > 1]


def names_that_differ_in_case(names):
    """Groups of names that are the same but for capital letters and blanks at the ends."""
    groups = {}
    for name in sorted({str(name) for name in names}):
        groups.setdefault(name.strip().casefold(), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def choose_samples(images, number, seed):
    """Some of the images, chosen at random so that as many classes as possible are seen, the rarest first."""
    rng = np.random.default_rng(seed)
    order = [images[index] for index in rng.permutation(len(images)) if len(images[index].boxes)]
    labels = [set(image.boxes[:, 4].tolist()) for image in order]
    frequency = {}
    for label in (label for of_image in labels for label in of_image):
        frequency[label] = frequency.get(label, 0) + 1
    chosen, seen = [], set()
    for label in sorted(frequency, key=lambda label: (frequency[label], label)):
        if label not in seen and len(chosen) < number:
            chosen.append(next(index for index, of_image in enumerate(labels) if label in of_image))
            seen |= labels[chosen[-1]]
    chosen += [index for index in range(len(order)) if index not in set(chosen)]
    return [order[index] for index in chosen[:number]]
