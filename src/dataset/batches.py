"""Records to batches, in the workers of the pipeline.

`pixel_boxes` are in pixels of their image, `boxes` in [0, 1] of its height and width. Both are float32 `(N, 5)`: ymin,
xmin, ymax, xmax, label.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from src.dataset import transforms
from src.dataset.augmentation import PLAIN, Augmentation, mosaic
from src.dataset.epoch_order import EpochOrder
from src.dataset.images import decode_image, preprocess
from src.utils.errors import UserError

FLIP_PROBABILITY = 0.5


class BoxEncoder(Protocol):
    """Boxes `(N, 5)` -> targets `(A, 4)`, labels `(A,)`, number of matches; `src.boxes.BoxCoder` is one."""

    def encode(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]: ...


@dataclass(frozen=True)
class BatchSettings:
    """What every batch looks like.

    Attributes:
        batch_size: images in a batch.
        image_size: (height, width) of the network's input.
        input_format: how the network expects its images, see `build_input_format`.
        upright: images are decoded as their EXIF data turn them, see `MindRecordSet.upright`.
    """

    batch_size: int
    image_size: Sequence[int]
    input_format: transforms.InputFormat = transforms.IMAGENET
    upright: bool = False


@dataclass(frozen=True)
class Shard:
    """The part of the images that one rank gets: number `index` of `count`, each with the same number of images."""

    index: int = 0
    count: int = 1


ALL_IMAGES = Shard()


@dataclass(frozen=True)
class TrainingSettings:
    """What training batches need beside `BatchSettings`.

    Attributes:
        box_coder: makes the training targets.
        seed: of order and augmentation, >= 0.
        augmentation: see `build_augmentation`.
        shard: part of the images.
        first_epoch: number of the first epoch, counted from 0.
        first_batch: in the first epoch, batches before this one are blank, for a run that resumes after them.
        x_first: the records have xmin, ymin, xmax, ymax, see `MindRecordSet`.
        order: how often images are in an epoch; None: each once.
    """

    box_coder: BoxEncoder
    seed: int = 1
    augmentation: Augmentation = PLAIN
    shard: Shard = ALL_IMAGES
    first_epoch: int = 0
    first_batch: int = 0
    x_first: bool = False
    order: EpochOrder | None = None


class DamagedImageError(UserError):
    """An image in MindRecord files cannot be decoded."""


def record_image(data: np.ndarray, image_id: np.ndarray, upright: bool = False) -> np.ndarray:
    """The `image` column of one record -> uint8 `(H, W, 3)` RGB.

    Raises:
        DamagedImageError: it cannot be decoded.
    """
    try:
        return decode_image(data, upright)
    except ValueError as error:
        raise DamagedImageError(f"the image with the id {image_id.item()} {error}") from None


def record_boxes(annotation: np.ndarray, x_first: bool = False) -> np.ndarray:
    """The `annotation` column of one record -> pixel boxes `(N, 5)`; MindRecord loses the shape when N is 0."""
    if annotation.ndim != 2:
        return np.zeros((0, 5), np.float32)
    boxes = annotation.astype(np.float32)
    return boxes[:, [1, 0, 3, 2, 4]] if x_first else boxes


def augment(image: np.ndarray, pixel_boxes: np.ndarray, rng: np.random.RandomState, out: np.ndarray,
            settings: BatchSettings, augmentation: Augmentation = PLAIN) -> np.ndarray:
    """Augments one image: random crop or zoom, resize, flip, colour jitter, normalise.

    Args:
        image: uint8 `(H, W, 3)` RGB.
        pixel_boxes: `(N, 5)`.
        out: float32 `(3, height, width)` that the network's input is written to.

    Returns:
        Boxes `(M, 5)` in [0, 1] of what `out` shows.
    """
    if augmentation.zoom is None:
        image, pixel_boxes = transforms.random_crop(image, pixel_boxes, rng)
        boxes = transforms.normalise_boxes(pixel_boxes, *image.shape[:2])
    else:
        boxes = transforms.normalise_boxes(pixel_boxes, *image.shape[:2])
        image, boxes = augmentation.zoom(image, boxes, rng)
    return resize_flip_jitter(image, boxes, rng, out, settings)


def resize_flip_jitter(image: np.ndarray, boxes: np.ndarray, rng: np.random.RandomState, out: np.ndarray,
                       settings: BatchSettings) -> np.ndarray:
    """The steps of `augment` that mosaics go through too; `(N, 5)` boxes in [0, 1] before and after."""
    image = transforms.resize(image, settings.image_size)
    if rng.rand() < FLIP_PROBABILITY:
        image, boxes = transforms.horizontal_flip(image, boxes)
    transforms.normalise(transforms.colour_jitter(image, rng), out, settings.input_format)
    return boxes


def training_sample(image: np.ndarray, pixel_boxes: np.ndarray, rng: np.random.RandomState, out: np.ndarray,
                    settings: BatchSettings, training: TrainingSettings) -> tuple[np.ndarray, np.ndarray, int]:
    """Image (H, W, 3) uint8 RGB and its boxes -> what the loss needs; the image is written to `out`.

    Returns:
        targets `(A, 4)`, labels `(A,)`, number of matches.
    """
    boxes = augment(image, pixel_boxes, rng, out, settings, training.augmentation)
    return training.box_coder.encode(boxes)


class MosaicTiles:
    """The images of a batch as parts of mosaics: each is decoded and resized once, when it is first needed.

    Args:
        image_ids, data, annotations: the columns of the records.
        settings: what the batch looks like; a tile has its image size.
        x_first: see `TrainingSettings`.
    """

    def __init__(self, image_ids: Sequence[np.ndarray], data: Sequence[np.ndarray], annotations: Sequence[np.ndarray],
                 settings: BatchSettings, x_first: bool):
        self.image_ids = image_ids
        self.data = data
        self.annotations = annotations
        self.settings = settings
        self.x_first = x_first
        self.tiles: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image `(*image_size, 3)` uint8 and its boxes `(N, 5)` in [0, 1]."""
        if index not in self.tiles:
            image = record_image(self.data[index], self.image_ids[index], self.settings.upright)
            boxes = record_boxes(self.annotations[index], self.x_first)
            boxes = transforms.normalise_boxes(boxes, *image.shape[:2])
            self.tiles[index] = transforms.resize(image, self.settings.image_size), boxes
        return self.tiles[index]

    def sample(self, index: int, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """Mosaic of the image `index` and three that are drawn from the batch, in random order: image, boxes."""
        chosen = rng.permutation([index, *rng.randint(len(self.data), size=3)])
        images, boxes = zip(*(self[number] for number in chosen))
        return mosaic(images, boxes, rng)


def seed_sample(rng: np.random.RandomState, seed: int, epoch: int, shard: int, batch: int, index: int) -> None:
    """Seeds the generator of one sample: alike for the same five numbers, whichever worker asks for it."""
    rng.seed(np.random.SeedSequence([seed, epoch, shard, batch, index]).generate_state(4))


class TrainingBatch:
    """Callable for `Dataset.batch(per_batch_map=...)`: records -> images, targets, labels, and numbers of matches."""

    def __init__(self, settings: BatchSettings, training: TrainingSettings):
        self.settings = settings
        self.training = training

    def __call__(self, image_ids: list, data: list, annotations: list, batch_info: Any) -> tuple[np.ndarray, ...]:
        training = self.training
        epoch, batch = training.first_epoch + batch_info.get_epoch_num(), batch_info.get_batch_num()
        if (epoch, batch) < (training.first_epoch, training.first_batch):
            return self._blank(len(data))
        images = np.empty((len(data), 3, *self.settings.image_size), np.float32)
        targets, labels, num_matches = [], [], []
        rng = np.random.RandomState()  # one for all samples: to make one takes ten times as long as to seed it
        augmentation = training.augmentation
        mosaic_probability = augmentation.mosaic if epoch < augmentation.mosaic_epochs else 0
        tiles = MosaicTiles(image_ids, data, annotations, self.settings, training.x_first)
        for index, (image_id, content, annotation) in enumerate(zip(image_ids, data, annotations)):
            seed_sample(rng, training.seed, epoch, training.shard.index, batch, index)
            if mosaic_probability and rng.rand() < mosaic_probability:
                boxes = resize_flip_jitter(*tiles.sample(index, rng), rng, images[index], self.settings)
                target, label, num_match = training.box_coder.encode(boxes)
            else:
                target, label, num_match = training_sample(
                    record_image(content, image_id, self.settings.upright), record_boxes(annotation, training.x_first),
                    rng, images[index], self.settings, training)
            targets.append(target)
            labels.append(label)
            num_matches.append([num_match])
        return (images, np.stack(targets).astype(np.float32, copy=False), np.stack(labels).astype(np.int32, copy=False),
                np.array(num_matches, np.int32))

    def _blank(self, size: int) -> tuple[np.ndarray, ...]:
        """A batch of zeros, in place of one that the interrupted run has trained on already."""
        targets, labels, _ = self.training.box_coder.encode(np.zeros((0, 5), np.float32))
        return (np.zeros((size, 3, *self.settings.image_size), np.float32),
                np.zeros((size, *targets.shape), np.float32), np.zeros((size, *labels.shape), np.int32),
                np.zeros((size, 1), np.int32))


class EvaluationBatch:
    """Callable for `Dataset.batch(per_batch_map=...)`: records -> images, ids, and sizes of the original images."""

    def __init__(self, settings: BatchSettings):
        self.settings = settings

    def __call__(self, image_ids: list, data: list, annotations: list, batch_info: Any) -> tuple[np.ndarray, ...]:
        settings = self.settings
        images = np.empty((len(data), 3, *settings.image_size), np.float32)
        shapes = np.empty((len(data), 2), np.float32)
        for index, (image_id, content) in enumerate(zip(image_ids, data)):
            image = record_image(content, image_id, settings.upright)
            shapes[index] = image.shape[:2]
            preprocess(image, settings.image_size, images[index], settings.input_format)
        return images, np.array(image_ids, np.int64).reshape(-1), shapes
