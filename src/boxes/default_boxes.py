"""The kinds of default boxes that a configuration can ask for.

A new kind is a subclass of `DefaultBoxes` and a line in `KINDS`: the checks of the configuration, the report on a
dataset, and what an exported model says about itself ask the class.
"""
import abc
import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol

import numpy as np

from src.boxes.anchors import (
    GRID_MERGED_STEP,
    GRID_RATIOS,
    GRID_SCALES,
    Shapes,
    grid_anchors,
    grid_anchors_in_pixels,
    grid_size,
    multibox_shapes,
    place_shapes,
    sized_shapes,
)
from src.boxes.box_ops import to_tlbr


class Settings(Protocol):
    """What a configuration says, for messages: where a value came from, and `key value (source)`."""

    @property
    def sources(self) -> Mapping[str, str]: ...

    def said(self, key: str) -> str: ...


@dataclasses.dataclass(frozen=True)
class DefaultBoxes(abc.ABC):
    """Default boxes of one kind.

    Attributes:
        CONFIG_KEYS: keys of the configuration that describe the boxes.
        LEVEL_LISTS: keys that have one entry for each level.
        LOCATIONS_FROM: what the number of locations follows from, for messages.
        image_size: height and width in pixels.
        feature_size: side of each level's feature map.
        steps: stride of each level in pixels.
        num_default: default boxes at a location of each level.
    """

    CONFIG_KEYS: ClassVar[tuple[str, ...]] = (
        "use_anchor_generator", "num_ssd_boxes", "num_default", "feature_size", "steps")
    LEVEL_LISTS: ClassVar[tuple[str, ...]] = (
        "feature_size", "steps", "num_default", "extras_in_channels", "extras_out_channels")
    LOCATIONS_FROM: ClassVar[str] = "feature_size"

    image_size: tuple[int, int]
    feature_size: tuple[int, ...]
    steps: tuple[int, ...]
    num_default: tuple[int, ...]

    @classmethod
    @abc.abstractmethod
    def is_chosen(cls, config: Any) -> bool:
        """Whether the configuration asks for this kind, unless for one that comes later in `KINDS`."""

    @classmethod
    @abc.abstractmethod
    def from_config(cls, config: Any) -> "DefaultBoxes":
        """The boxes that the configuration, or its unchecked settings, describe."""

    @abc.abstractmethod
    def anchors(self) -> np.ndarray:
        """`(A, 4)` float64 `cy cx h w`, normalised by the image's height and width, not clipped."""

    def corners(self) -> np.ndarray:
        """The same boxes as `ymin xmin ymax xmax`, `(A, 4)`, with the rounding of the Model Zoo."""
        return to_tlbr(self.anchors())

    @property
    @abc.abstractmethod
    def num_boxes(self) -> int:
        """A, the number of default boxes."""

    @abc.abstractmethod
    def contradictions(self, settings: Settings) -> Iterator[str]:
        """Messages; those that come later assume that what earlier ones are about is right."""

    @abc.abstractmethod
    def for_input(self, side: int) -> dict[str, Any]:
        """Keys of the configuration with which inputs of `side` x `side` have default boxes as large in pixels.

        Raises:
            ValueError: what the levels are for another input does not follow from the keys.
        """

    @abc.abstractmethod
    def variants(self) -> "Iterator[tuple[str, DefaultBoxes]]":
        """Others of the same number, each with the flags that choose them; large boxes first."""


def _levels(config: Any) -> tuple[Any, Any, Any, Any]:
    """The attributes that all kinds have."""
    return config.img_shape, config.feature_size, config.steps, config.num_default


class MultiBox(DefaultBoxes):
    """SSD's own default boxes: shapes of each level at every location of square feature maps of `ceil(side / step)`."""

    LEVEL_LISTS = (*DefaultBoxes.LEVEL_LISTS, "aspect_ratios", "extras_strides", "extras_ratio")

    @abc.abstractmethod
    def shapes(self) -> Shapes:
        """For each level the heights and widths of its default boxes, normalised."""

    def anchors(self) -> np.ndarray:
        return place_shapes(self.image_size, self.feature_size, self.steps, self.shapes())

    @property
    def num_boxes(self) -> int:
        return sum(size * size * number for size, number in zip(self.feature_size, self.num_default))

    def for_input(self, side: int) -> dict[str, Any]:
        if self.feature_size != self._halved(max(self.image_size)):
            raise ValueError(f"the levels of feature_size {list(self.feature_size)} are not each half as large as the "
                             "one before")
        sizes = self._halved(side)
        strides = [self.steps[0] * 2**level for level in range(len(sizes))]
        # A level whose step is not its stride covers the input evenly.
        steps = tuple(stride if step == stride else math.ceil(side / size)
                      for step, stride, size in zip(self.steps, strides, sizes))
        return {"img_shape": (side, side), "feature_size": sizes, "steps": steps}

    def _halved(self, side: int) -> tuple[int, ...]:
        """Sides of the feature maps where each level halves the one before."""
        return tuple(math.ceil(side / (self.steps[0] * 2**level)) for level in range(len(self.feature_size)))

    def contradictions(self, settings: Settings) -> Iterator[str]:
        height, width = self.image_size
        for level, (size, step) in enumerate(zip(self.feature_size, self.steps)):
            rows, columns = math.ceil(height / step), math.ceil(width / step)
            if (rows, columns) != (size, size):
                yield (f"{settings.said('img_shape')} with step {step} gives a feature map of {rows} x {columns} at "
                       f"level {level}, but {settings.said('feature_size')} says {size} x {size}; change img_shape, "
                       f"feature_size or steps ({settings.sources['steps']})")
        for level, shapes in enumerate(self.shapes()):
            if self.num_default[level] != len(shapes):
                yield (f"{settings.said('num_default')} says {self.num_default[level]} default boxes at level {level}, "
                       f"but {settings.said('aspect_ratios')} gives {len(shapes)} there: two, and two for each ratio "
                       "(three at a first level without ratios)")


@dataclasses.dataclass(frozen=True)
class ScaledBoxes(MultiBox):
    """Boxes whose sizes are fractions of the image, rising evenly from level to level.

    Attributes:
        min_scale, max_scale: size of the first and the last level.
        aspect_ratios: for each level the ratios beside 1.
        reduced_scale: size of the small square of a first level without ratios.
    """

    CONFIG_KEYS = (*DefaultBoxes.CONFIG_KEYS, "min_scale", "max_scale", "aspect_ratios", "reduced_scale")
    TRIED_MIN_SCALES: ClassVar = (0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35)
    TRIED_MAX_SCALES: ClassVar = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5)

    min_scale: float
    max_scale: float
    aspect_ratios: tuple[tuple[float, ...], ...]
    reduced_scale: float = 0.1

    @classmethod
    def is_chosen(cls, config: Any) -> bool:
        return True

    @classmethod
    def from_config(cls, config: Any) -> "ScaledBoxes":
        return cls(*_levels(config), config.min_scale, config.max_scale, config.aspect_ratios, config.reduced_scale)

    def shapes(self) -> Shapes:
        return multibox_shapes(self.min_scale, self.max_scale, self.aspect_ratios, self.reduced_scale)

    def for_input(self, side: int) -> dict[str, Any]:
        factor = max(self.image_size) / side
        scales = {key: round(getattr(self, key) * factor, 6) for key in ("min_scale", "max_scale", "reduced_scale")}
        return super().for_input(side) | scales

    def contradictions(self, settings: Settings) -> Iterator[str]:
        if self.min_scale >= self.max_scale and len(self.feature_size) > 1:
            yield f"{settings.said('min_scale')} must be smaller than {settings.said('max_scale')}"
        yield from super().contradictions(settings)

    def variants(self) -> Iterator[tuple[str, DefaultBoxes]]:
        for high, low in itertools.product(self.TRIED_MAX_SCALES, self.TRIED_MIN_SCALES):
            yield f"--min_scale={low:g} --max_scale={high:g}", dataclasses.replace(self, min_scale=low, max_scale=high)


@dataclasses.dataclass(frozen=True)
class SizedBoxes(MultiBox):
    """Boxes whose sizes are given in pixels, as in the original SSD.

    Attributes:
        sizes: of each level, and one more.
        aspect_ratios: for each level the ratios beside 1.
        within_image: no side is longer than that of the image.
    """

    CONFIG_KEYS = (*DefaultBoxes.CONFIG_KEYS, "aspect_ratios", "anchor_sizes", "anchors_within_image")
    TRIED_FACTORS: ClassVar = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5)

    sizes: tuple[float, ...]
    aspect_ratios: tuple[tuple[float, ...], ...]
    within_image: bool

    @classmethod
    def is_chosen(cls, config: Any) -> bool:
        return bool(config.anchor_sizes)

    @classmethod
    def from_config(cls, config: Any) -> "SizedBoxes":
        return cls(*_levels(config), config.anchor_sizes, config.aspect_ratios, config.anchors_within_image)

    def shapes(self) -> Shapes:
        return sized_shapes(self.image_size, self.sizes, self.aspect_ratios, self.within_image)

    def contradictions(self, settings: Settings) -> Iterator[str]:
        levels = len(self.feature_size)
        if len(self.sizes) != levels + 1:
            yield (f"{settings.said('anchor_sizes')} has {len(self.sizes)} entries; expected {levels + 1}, one for "
                   f"each level of {settings.said('feature_size')} and one more")
        yield from super().contradictions(settings)

    def variants(self) -> Iterator[tuple[str, DefaultBoxes]]:
        for factor in self.TRIED_FACTORS:
            sizes = tuple(round(size * factor, 1) for size in self.sizes)
            yield f"--anchor_sizes={','.join(f'{size:g}' for size in sizes)}", dataclasses.replace(self, sizes=sizes)


@dataclasses.dataclass(frozen=True)
class GridBoxes(DefaultBoxes):
    """Anchors of a feature pyramid: the same shapes at every location of every level, in units of its stride.

    Attributes:
        base_size: side of the smaller square of a level, in strides.
    """

    CONFIG_KEYS = (*DefaultBoxes.CONFIG_KEYS, "anchor_scale")
    LOCATIONS_FROM = "img_shape and steps"
    TRIED_BASE_SIZES: ClassVar = (6, 5, 3.5, 3, 2.5, 2, 1.5)

    base_size: float

    @classmethod
    def is_chosen(cls, config: Any) -> bool:
        return config.use_anchor_generator

    @classmethod
    def from_config(cls, config: Any) -> "GridBoxes":
        return cls(*_levels(config), config.anchor_scale)

    def anchors(self) -> np.ndarray:
        return grid_anchors(self.image_size, self.steps, self.base_size)

    def corners(self) -> np.ndarray:
        pixels = grid_anchors_in_pixels(self.image_size, self.steps, self.base_size)
        return to_tlbr(pixels) / np.tile(self.image_size, 2)

    def for_input(self, side: int) -> dict[str, Any]:
        sizes = tuple(grid_size((side, side), step)[0] for step in self.steps)
        return {"img_shape": (side, side), "feature_size": sizes}

    @property
    def num_boxes(self) -> int:
        return sum(math.prod(grid_size(self.image_size, step)) for step in self.steps) * self._shapes_at_a_location

    @property
    def _shapes_at_a_location(self) -> int:
        return len(GRID_SCALES) * len(GRID_RATIOS)

    def contradictions(self, settings: Settings) -> Iterator[str]:
        if any(side % GRID_MERGED_STEP for side in self.image_size):
            yield (f"{settings.said('img_shape')}: height and width must be divisible by {GRID_MERGED_STEP}, so that "
                   "the levels of the pyramid that are merged are each half as large as the one before")
        for level, (size, step) in enumerate(zip(self.feature_size, self.steps)):
            height = grid_size(self.image_size, step)[0]
            if size != height:
                yield (f"{settings.said('img_shape')} with step {step} gives a feature map of height {height} at level "
                       f"{level}, but {settings.said('feature_size')} says {size}; change img_shape, feature_size or "
                       f"steps ({settings.sources['steps']})")
        if any(number != self._shapes_at_a_location for number in self.num_default):
            yield (f"{settings.said('num_default')} does not agree with use_anchor_generator "
                   f"({settings.sources['use_anchor_generator']}), which gives {self._shapes_at_a_location} default "
                   "boxes a location")

    def variants(self) -> Iterator[tuple[str, DefaultBoxes]]:
        for size in self.TRIED_BASE_SIZES:
            yield f"--anchor_scale={size:g}", dataclasses.replace(self, base_size=size)


# The last one that the configuration asks for is taken.
KINDS: tuple[type[DefaultBoxes], ...] = (ScaledBoxes, SizedBoxes, GridBoxes)


def build_default_boxes(config: Any) -> DefaultBoxes:
    """The default boxes that the configuration describes."""
    return next(kind for kind in reversed(KINDS) if kind.is_chosen(config)).from_config(config)


def default_box_keys() -> tuple[str, ...]:
    """All keys of the configuration that describe default boxes."""
    return tuple(dict.fromkeys(key for kind in KINDS for key in kind.CONFIG_KEYS))
