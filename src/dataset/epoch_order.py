"""Which images an epoch has, and in which order, where it is not each image once."""
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Parts of an image as whole numbers, so that their sums are exact in any order.
_UNIT = 1 << 32


@dataclass(frozen=True)
class EpochOrder:
    """How often each image is in an epoch on average.

    Attributes:
        factors: `(N,)` float64, one for each image in the order of the files; 1.5 is once or twice, 0.2 in every fifth
            epoch.
        is_empty: `(N,)` bool, images without objects. They are spread evenly over the epoch.
    """

    factors: np.ndarray
    is_empty: np.ndarray

    def __len__(self) -> int:
        """Images of an epoch; all epochs have as many."""
        return int(self._whole.sum()) + int(self._parts.sum() // _UNIT)

    @property
    def _whole(self) -> np.ndarray:
        return np.floor(self.factors).astype(np.int64)

    @property
    def _parts(self) -> np.ndarray:
        return np.rint((self.factors - np.floor(self.factors)) * _UNIT).astype(np.int64)

    def describe(self) -> str:
        """One line for the log."""
        empty, repeated = self.is_empty, self.factors > 1
        texts = [f"an epoch has {len(self)} images"]
        if repeated.any():
            texts.append(f"{int(repeated.sum())} of {int((~empty).sum())} images with objects are repeated, up to "
                         f"{self.factors.max():.1f} times (repeat_threshold)")
        if empty.any():
            texts.append(f"{self.factors[empty].sum():.0f} of {int(empty.sum())} without objects (keep_empty)")
        return "; ".join(texts)

    def indices(self, seed: int, epoch: int) -> np.ndarray:
        """Positions of the images of an epoch, `(len(self),)` int64: alike for the same two numbers.

        What is left of the factors beyond whole numbers is rounded at random: in a random order of the images, by
        systematic sampling, so that the sum of all stays the same.
        """
        rng = np.random.default_rng([seed, epoch])
        counts, order = self._whole, rng.permutation(len(self.factors))
        # An image is taken once more where the sum of the parts so far passes a multiple of the unit.
        passed = (np.cumsum(self._parts[order]) + rng.integers(_UNIT)) // _UNIT
        counts[order] += np.diff(passed, prepend=0)
        chosen = rng.permutation(np.repeat(np.arange(len(counts)), counts))[: len(self)]
        return self._spread(chosen, rng)

    def _spread(self, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Puts each of `k` images without objects at a random place of its own part, one of `k` equal ones."""
        empty = self.is_empty[chosen]
        count = int(empty.sum())
        if count == 0:
            return chosen
        borders = np.linspace(0, len(chosen), count + 1).astype(np.int64)
        places = rng.integers(borders[:-1], borders[1:])
        result = np.empty_like(chosen)
        others = np.ones(len(chosen), bool)
        others[places] = False
        result[places], result[others] = chosen[empty], chosen[~empty]
        return result

    def share_of(self, index: int, count: int, seed: int, epoch: int) -> np.ndarray:
        """The positions that one of `count` ranks gets; all get as many, so that some images are taken twice."""
        positions = self.indices(seed, epoch)
        each = -(-len(positions) // count)
        return np.resize(positions, each * count)[index::count]


def repeat_factors(labels: Sequence[np.ndarray], threshold: float) -> np.ndarray:
    """Factors `(N,)` by which images are repeated, so that rare classes are seen more often.

    Repeat factor sampling of LVIS (https://arxiv.org/abs/1908.03195, section B.2): for a class that is in a share f of
    the images with objects, max(1, sqrt(threshold / f)); for an image, the largest of its classes.

    Args:
        labels: of the boxes of each image.
        threshold: classes in fewer of the images are repeated; 0: none.
    """
    classes = [set(of_image.tolist()) for of_image in labels]
    frequency = Counter(label for of_image in classes for label in of_image)
    with_objects = sum(map(bool, classes))
    factor = {label: max(1.0, float(np.sqrt(threshold * with_objects / number))) for label, number in frequency.items()}
    return np.array([max((factor[label] for label in of_image), default=1.0) for of_image in classes])


def build_epoch_order(labels: Sequence[np.ndarray], repeat_threshold: float, empty_share: float) -> EpochOrder | None:
    """The `EpochOrder` of training images; None where an epoch has each of them once, in any order.

    Args:
        labels: of the boxes of each image.
        repeat_threshold: see `repeat_factors`.
        empty_share: largest share of the images of an epoch that have no objects.
    """
    factors = repeat_factors(labels, repeat_threshold)
    is_empty = np.array([not len(of_image) for of_image in labels], bool)
    count = int(is_empty.sum())
    if not count and (factors == 1).all():
        return None
    most = empty_share / (1 - empty_share) * factors[~is_empty].sum()
    factors[is_empty] = min(1.0, most / count) if count else 1.0
    return EpochOrder(factors, is_empty)


def read_labels(mindrecord_file: Path | str) -> list[np.ndarray]:
    """Labels of the boxes of each image in MindRecord files, in the order of the files."""
    import mindspore.dataset as ds  # as in `pipeline`

    records = ds.MindDataset(str(mindrecord_file), columns_list=["annotation"], shuffle=False)
    rows = records.create_dict_iterator(num_epochs=1, output_numpy=True)
    return [row["annotation"][:, 4] if row["annotation"].ndim == 2 else np.zeros(0, np.int32) for row in rows]


class EpochRecords:
    """Source of a `GeneratorDataset`: the rows of one epoch after the other, each time that it is iterated.

    Args:
        mindrecord_file: first file of the set.
        columns: of the files.
        positions: number of an epoch -> positions of its rows in the files.
        first_epoch: number of the first one.
        num_images: in the files.
        readers: threads that read.
    """

    def __init__(self, mindrecord_file: Path | str, columns: list[str], positions: Callable[[int], np.ndarray],
                 first_epoch: int, num_images: int, readers: int):
        self._open = (str(mindrecord_file), columns, readers)
        self._positions, self._epoch, self._num_images = positions, first_epoch, num_images

    def __len__(self) -> int:
        return len(self._positions(self._epoch))

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        import mindspore.dataset as ds

        epoch, self._epoch = self._epoch, self._epoch + 1
        path, columns, readers = self._open
        positions = self._positions(epoch).tolist()
        for start in range(0, len(positions), self._num_images):  # a sampler takes no more at once
            sampler = ds.SubsetSampler(positions[start : start + self._num_images])
            records = ds.MindDataset(path, columns_list=columns, sampler=sampler, num_parallel_workers=readers)
            yield from map(tuple, records.create_tuple_iterator(num_epochs=1, output_numpy=True))
