"""MindRecord to batches."""
import os
from pathlib import Path

import cv2
import mindspore.dataset as ds
import numpy as np

from src.dataset import transforms
from src.dataset.augmentation import PLAIN, mosaic
from src.dataset.images import decode_image, preprocess
from src.runtime.environment import available_cores
from src.utils.errors import UserError

RECORD_COLUMNS = ["img_id", "image", "annotation"]
TRAINING_COLUMNS = ["image", "box", "label", "num_match"]
EVALUATION_COLUMNS = ["image", "img_id", "image_shape"]
FLIP_PROBABILITY = 0.5
# A network on a CPU needs the cores itself, and much longer for an image than the one worker that prepares it.
MAX_WORKERS_BESIDE_NETWORK = 2
MAX_WORKERS = 16
# Batches that wait for the network; MindSpore's default of 16 for each worker would be many gigabytes.
PREFETCH_BYTES = 512 << 20
MAX_PREFETCH_BESIDE_NETWORK = 2
MAX_PREFETCH = 8


def record_boxes(annotation):
    """The `annotation` column of one record -> float32 `(N, 5)`; MindRecord gives no shape back when N is 0."""
    if annotation.ndim != 2:
        return np.zeros((0, 5), np.float32)
    return annotation.astype(np.float32)


def augment(image, boxes, image_size, rng, out, input_format=transforms.IMAGENET, augmentation=PLAIN):
    """One image and its boxes -> input of the network: random crop, resize, flip, colour jitter, normalise.

    Args:
        image: uint8 `(H, W, 3)` RGB.
        boxes: float32 `(N, 5)` ymin xmin ymax xmax label in pixels.
        image_size: (height, width) of the network's input.
        rng: `numpy.random.RandomState`.
        out: float32 `(3, height, width)` that the image is written to.
        input_format: the network's `InputFormat`.
        augmentation: `Augmentation` with what else, or what instead.

    Returns:
        Boxes float32 `(M, 5)`, normalised to [0, 1].
    """
    if augmentation.zoom is None:
        image, boxes = transforms.random_crop(image, boxes, rng)
        boxes = transforms.normalise_boxes(boxes, *image.shape[:2])
    else:
        image, boxes = augmentation.zoom(image, transforms.normalise_boxes(boxes, *image.shape[:2]), rng)
    return finish(image, boxes, image_size, rng, out, input_format)


def finish(image, boxes, image_size, rng, out, input_format):
    """The part of `augment` that every image goes through: resize, flip, colours, normalise; boxes in [0, 1]."""
    image = transforms.resize(image, image_size)
    if rng.rand() < FLIP_PROBABILITY:
        image, boxes = transforms.horizontal_flip(image, boxes)
    transforms.normalise(transforms.colour_jitter(image, rng), out, input_format)
    return boxes


def training_sample(data, boxes, image_size, box_coder, rng, out, input_format=transforms.IMAGENET,
                    augmentation=PLAIN):
    """Content of an image file (uint8 array) and its boxes -> what the loss needs; the other arguments as `augment`.

    Returns:
        targets `(A, 4)`, labels `(A,)`, number of matches.
    """
    return box_coder.encode(augment(decode_image(data), boxes, image_size, rng, out, input_format, augmentation))


class MosaicTiles:
    """The images of a batch as parts of mosaics: each is decoded and resized once, when it is first needed.

    Args:
        data: contents of the image files; annotations: the column of the records; image_size: (height, width).
    """

    def __init__(self, data, annotations, image_size):
        self.data = data
        self.annotations = annotations
        self.image_size = image_size
        self.tiles = {}

    def __getitem__(self, index):
        """Image `(*image_size, 3)` uint8 and its boxes `(N, 5)` in [0, 1]."""
        if index not in self.tiles:
            image = decode_image(self.data[index])
            boxes = transforms.normalise_boxes(record_boxes(self.annotations[index]), *image.shape[:2])
            self.tiles[index] = transforms.resize(image, self.image_size), boxes
        return self.tiles[index]

    def sample(self, index, rng):
        """Mosaic of the image `index` and three that are drawn from the batch, in random order: image, boxes."""
        chosen = rng.permutation([index, *rng.randint(len(self.data), size=3)])
        images, boxes = zip(*(self[number] for number in chosen))
        return mosaic(images, boxes, rng)


def seed_sample(rng, seed, epoch, rank, batch, index):
    """Seeds the generator of one sample: alike for the same five numbers, whichever worker asks for it."""
    rng.seed(np.random.SeedSequence([seed, epoch, rank, batch, index]).generate_state(4))


class TrainingBatch:
    """Callable for `Dataset.batch(per_batch_map=...)`: records to images, targets, labels, and numbers of matches."""

    def __init__(self, image_size, box_coder, seed, rank, first_epoch, input_format, augmentation=PLAIN, first_batch=0):
        self.image_size = tuple(image_size)
        self.input_format = input_format
        self.augmentation = augmentation
        self.box_coder = box_coder
        self.seed = seed
        self.rank = rank
        self.first_epoch, self.first_batch = first_epoch, first_batch

    def __call__(self, image_ids, data, annotations, batch_info):
        epoch, batch = self.first_epoch + batch_info.get_epoch_num(), batch_info.get_batch_num()
        if (epoch, batch) < (self.first_epoch, self.first_batch):
            return self._blank(len(data))
        images = np.empty((len(data), 3, *self.image_size), np.float32)
        targets, labels, num_matches = [], [], []
        rng = np.random.RandomState()  # one for all samples: to make one takes ten times as long as to seed it
        mosaics = self.augmentation.mosaic if epoch < self.augmentation.mosaic_epochs else 0
        tiles = MosaicTiles(data, annotations, self.image_size)
        for index, (content, annotation) in enumerate(zip(data, annotations)):
            seed_sample(rng, self.seed, epoch, self.rank, batch, index)
            if mosaics and rng.rand() < mosaics:
                boxes = finish(*tiles.sample(index, rng), self.image_size, rng, images[index], self.input_format)
                target, label, num_match = self.box_coder.encode(boxes)
            else:
                target, label, num_match = training_sample(
                    content, record_boxes(annotation), self.image_size, self.box_coder, rng, images[index],
                    self.input_format, self.augmentation)
            targets.append(target)
            labels.append(label)
            num_matches.append([num_match])
        return (images, np.stack(targets).astype(np.float32, copy=False), np.stack(labels).astype(np.int32, copy=False),
                np.array(num_matches, np.int32))


    def _blank(self, size):
        """A batch that nobody looks at."""
        targets, labels, _ = self.box_coder.encode(np.zeros((0, 5), np.float32))
        return (np.zeros((size, 3, *self.image_size), np.float32), np.zeros((size, *targets.shape), np.float32),
                np.zeros((size, *labels.shape), np.int32), np.zeros((size, 1), np.int32))


class EvaluationBatch:
    """Callable for `Dataset.batch(per_batch_map=...)`: records to images, ids, and sizes of the original images."""

    def __init__(self, image_size, input_format):
        self.image_size = tuple(image_size)
        self.input_format = input_format

    def __call__(self, image_ids, data, annotations, batch_info):
        images = np.empty((len(data), 3, *self.image_size), np.float32)
        shapes = np.empty((len(data), 2), np.float32)
        for index, content in enumerate(data):
            image = decode_image(content)
            shapes[index] = image.shape[:2]
            preprocess(image, self.image_size, images[index], self.input_format)
        return images, np.array(image_ids, np.int64).reshape(-1), shapes


def worker_count(num_parallel_workers, device_target="CPU", device_num=1):
    """Number of workers: as given, or for 0 what the device leaves of the cores.

    Two beside a network on the CPU; with an accelerator, the cores are shared among the processes of the run. Never
    more than there are cores (MindSpore refuses more).
    """
    most = MAX_WORKERS_BESIDE_NETWORK if device_target == "CPU" else MAX_WORKERS
    automatic = max(1, min(most, available_cores() // device_num))
    return min(num_parallel_workers or automatic, os.cpu_count() or 1)


def _limit_prefetch(batch_size, image_size, workers, device_target="CPU"):
    """Bounds the memory of waiting batches. MindSpore knows this number only for all pipelines of a process."""
    # 3 floats an image pixel, and about as many again for the default boxes of the large networks.
    batch_bytes = batch_size * image_size[0] * image_size[1] * 3 * 4 * 1.2
    most = MAX_PREFETCH_BESIDE_NETWORK if device_target == "CPU" else MAX_PREFETCH
    ds.config.set_prefetch_size(int(min(most, max(1, PREFETCH_BYTES // (batch_bytes * workers)))))


def _records(mindrecord_file, columns, shuffle, rank, device_num, seed, first_epoch, workers):
    sampler = ds.DistributedSampler(device_num, rank, shuffle=shuffle)
    # The sampler counts its seed up once an epoch. Spread seeds keep neighbouring ones from sharing their epochs.
    sampler.seed = int(np.random.SeedSequence(seed).generate_state(1)[0] >> 2) + first_epoch
    return ds.MindDataset(str(mindrecord_file), columns_list=columns, sampler=sampler, num_parallel_workers=workers)


def batch_image_ids(mindrecord_file, batch_size, epoch, batch, seed=1, rank=0, device_num=1):
    """Ids of the images in a batch of training, a list; epoch and batch are counted from 0, the others as for
    `create_ssd_dataset`."""
    records = _records(mindrecord_file, RECORD_COLUMNS[:1], True, rank, device_num, seed, epoch, 1)
    ids = [int(row["img_id"]) for row in records.create_dict_iterator(num_epochs=1, output_numpy=True)]
    return ids[batch * batch_size : (batch + 1) * batch_size]


def create_ssd_dataset(mindrecord_file, batch_size, image_size, box_coder=None, is_training=True, rank=0, device_num=1,
                       seed=1, num_parallel_workers=0, use_multiprocessing=False, first_epoch=0, device_target="CPU",
                       input_format=transforms.IMAGENET, augmentation=PLAIN, first_batch=0):
    """Batches for training or evaluation from MindRecord files.

    Training batches are shuffled and augmented; both depend on the seed, the number of the epoch, and the rank only,
    not on the number of workers. Epochs are counted from the creation of an iterator, so one iterator has to serve the
    whole run: `create_dict_iterator(num_epochs=N)` or `Model.train`. A run that goes on after `k` epochs passes
    `first_epoch=k` and gets the batches that the first run would have got.

    Args:
        mindrecord_file: first file of the set (`MindRecordSet.path`); its brothers are found by MindSpore.
        image_size: (height, width) of the network's input.
        box_coder: has `encode(boxes (N, 5)) -> (targets (A, 4), labels (A,), number of matches)`; for training.
        rank, device_num: which part of the images, of how many. Every rank gets the same number.
        seed: integer >= 0.
        num_parallel_workers: 0 means automatic, see `worker_count`.
        use_multiprocessing: workers are processes instead of threads.
        first_epoch: number of the first epoch, counted from 0.
        device_target: where the network runs, `CPU` or an accelerator.
        input_format: how the network wants its images, see `build_input_format`.
        augmentation: of training images, see `build_augmentation`.
        first_batch: batches before this one in the first epoch are there, but blank, for a run that goes on after them.

    Returns:
        `mindspore.dataset` object. Training, incomplete last batch dropped: image `(B, 3, H, W)` float32, box
        `(B, A, 4)` float32, label `(B, A)` int32, num_match `(B, 1)` int32. Evaluation, in the order of the files and
        with the incomplete last batch: image `(B, 3, H, W)` float32, img_id `(B,)` int64, image_shape `(B, 2)` float32
        (height, width of the original image).

    Raises:
        UserError: no such file, or fewer images than one batch for every device.
    """
    if not Path(mindrecord_file).is_file():
        raise UserError(f"There is no MindRecord file {mindrecord_file}. Make it with create_mindrecord, or "
                        "train.py --only_create_dataset=True.")
    if is_training and box_coder is None:
        raise ValueError("training needs a box_coder")
    # The workers are the parallelism; threads of OpenCV under each of them only get in each other's way.
    cv2.setNumThreads(1)
    workers = worker_count(num_parallel_workers, device_target, device_num)
    _limit_prefetch(batch_size, image_size, workers, device_target)
    records = _records(mindrecord_file, RECORD_COLUMNS, is_training, rank, device_num, seed, first_epoch,
                       min(2, workers))
    num_images = records.get_dataset_size()
    if num_images == 0:
        raise UserError(f"{mindrecord_file} holds no image.")
    if is_training and num_images < batch_size:
        raise UserError(f"{mindrecord_file} has {num_images} images for each of {device_num} device(s), fewer than "
                        f"batch_size = {batch_size}: there would be no step. Set --batch_size to at most {num_images}.")
    if is_training:
        batch_map = TrainingBatch(image_size, box_coder, seed, rank, first_epoch, input_format, augmentation,
                                  first_batch)
        columns = TRAINING_COLUMNS
    else:
        batch_map, columns = EvaluationBatch(image_size, input_format), EVALUATION_COLUMNS
    return records.batch(batch_size, drop_remainder=is_training, num_parallel_workers=workers,
                         per_batch_map=batch_map, input_columns=RECORD_COLUMNS, output_columns=columns,
                         python_multiprocessing=use_multiprocessing)
