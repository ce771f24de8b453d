"""Large images in overlapping tiles: where they lie, which boxes of a tile count, and how those of all are merged."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from src.boxes import NMSConfig, apply_nms
from src.boxes.box_ops import box_area, pairwise_iou
from src.config import Config

# Share of a tile that the next one repeats: an object that is smaller lies whole in one of them.
OVERLAP = 0.2
# A box ends at the border of a tile if it comes as near to it: share of the side of the tile.
_BORDER = 0.01
# Share of a box at a border that a larger one of its class, away from borders, covers: that one is the whole object.
_COVERED = 0.7
# IoU of a box of the whole image and one of a tile that mean the same object.
_SAME_OBJECT = 0.3
# What a box was found in: a tile or the whole image, or at a border between tiles.
_OF_TILE, _OF_IMAGE, _AT_BORDER = range(3)


class FoundBoxes(NamedTuple):
    """The detections in an image.

    Attributes:
        boxes: (D, 4) float32 `ymin xmin ymax xmax` in pixels.
        scores: (D,) float32.
        labels: (D,) int64.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Tile:
    """A part of an image, `ymin xmin ymax xmax` in pixels, and the size `(height, width)` of the image."""

    place: tuple[int, int, int, int]
    image_shape: tuple[int, int]

    def crop(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) -> (h, w, 3), a view."""
        ymin, xmin, ymax, xmax = self.place
        return image[ymin:ymax, xmin:xmax]

    @property
    def is_whole(self) -> bool:
        """It is the whole image."""
        return self.place == (0, 0, *self.image_shape)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        ymin, xmin, ymax, xmax = self.place
        return ymax - ymin, xmax - xmin

    def borders(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (D, 4) in pixels of the tile -> (D, 4) bool: which of their sides end at a border of the tile that is
        none of the image."""
        inside = np.array(self.place) != (0, 0, *self.image_shape)
        return inside & (np.abs(boxes - (0, 0, *self.shape)) <= _margins(self.shape))


def _margins(shape: tuple[int, int]) -> np.ndarray:
    """(4,) pixels: how near to the four borders of a tile of that height and width a box ends there."""
    return np.tile(np.maximum(1, _BORDER * np.array(shape)), 2)


def place_tiles(image_shape: tuple[int, int], tile_size: tuple[int, int], overlap: float = OVERLAP) -> list[Tile]:
    """Tiles that cover an image, row by row, and last the whole image; only that where it is no larger than a tile.

    The last tile of a row or column is moved back into the image.

    Args:
        image_shape: height and width.
        tile_size: height and width.
        overlap: share of a tile that the next one repeats.
    """
    rows, columns = (_starts(side, tile, int(overlap * tile)) for side, tile in zip(image_shape, tile_size))
    tiles = [Tile((top, left, min(top + tile_size[0], image_shape[0]), min(left + tile_size[1], image_shape[1])),
                  image_shape) for top in rows for left in columns]
    whole = Tile((0, 0, *image_shape), image_shape)
    return [whole] if len(tiles) == 1 else [*tiles, whole]


def _starts(side: int, tile: int, overlap: int) -> list[int]:
    starts = [0]
    while starts[-1] + tile < side:
        starts.append(min(starts[-1] + max(1, tile - overlap), side - tile))
    return starts


def merge_tiles(found: Iterable[tuple[Tile, FoundBoxes]], tile_size: tuple[int, int], nms: NMSConfig,
                overlap: float = OVERLAP) -> FoundBoxes:
    """The detections of an image from those of its tiles, by NMS over all of them, class by class.

    A box that ends at a border between tiles may be a part of an object. Where it is smaller than what the tiles
    share, the next tile sees all or more of the object, and the box does not count. Where it is larger, it is left out
    if a larger box of its class covers it. Boxes of the whole image, where objects are smaller and so their places less
    exact, yield to those of tiles that are whole. All this against boxes of at least half the score.

    Args:
        found: the detections of each tile, in pixels of the tile.
        tile_size, overlap: as of `place_tiles`.
        nms: its `nms_threshold` counts; the number of boxes is not limited, since each tile has its own limit.

    Returns:
        Those in pixels of the image, in order of the labels, and of descending score within a label.
    """
    parts = [(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64))]
    shared = np.tile(overlap * np.array(tile_size), 2) - 2 * _margins(tile_size)
    for tile, (boxes, scores, labels) in found:
        borders = tile.borders(boxes)
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)  # height width height width
        counts = ~(borders & (sides < shared)).any(axis=1)
        offset = np.array(tile.place[:2] * 2, np.float32)
        origin = np.where(borders.any(axis=1), _AT_BORDER, _OF_IMAGE if tile.is_whole else _OF_TILE)
        parts.append((boxes[counts] + offset, scores[counts], labels[counts], origin[counts]))
    boxes, scores, labels, origins = map(np.concatenate, zip(*parts))
    kept = [_merge_class(np.flatnonzero(labels == label), boxes, scores, origins, nms) for label in np.unique(labels)]
    order = np.concatenate([np.zeros(0, np.int64), *kept])
    return FoundBoxes(boxes[order], scores[order], labels[order])


def _merge_class(rows: np.ndarray, boxes: np.ndarray, scores: np.ndarray, origins: np.ndarray, nms: NMSConfig
                 ) -> np.ndarray:
    """Which of the rows (R,) of a class are kept, in order of descending score."""
    in_tiles = rows[origins[rows] == _OF_TILE]
    yields = [row for row in rows[origins[rows] == _OF_IMAGE] if _yields(row, in_tiles, boxes, scores)]
    rows = np.setdiff1d(rows, np.array(yields, np.int64))
    whole = rows[origins[rows] != _AT_BORDER]
    covered = [row for row in rows[origins[rows] == _AT_BORDER] if _is_covered(row, whole, boxes, scores)]
    rows = np.setdiff1d(rows, np.array(covered, np.int64))
    return rows[apply_nms(boxes[rows], scores[rows], nms.nms_threshold, len(rows))]


def _yields(row: int, others: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> bool:
    others = others[scores[others] > scores[row] / 2]
    return bool((pairwise_iou(boxes[[row]], boxes[others]) > _SAME_OBJECT).any())


def _is_covered(row: int, others: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> bool:
    box = boxes[row]
    low, high = np.maximum(box[:2], boxes[others, :2]), np.minimum(box[2:], boxes[others, 2:])
    inside = np.maximum(high - low, 0).prod(axis=1) > _COVERED * box_area(box)
    return bool((inside & (box_area(boxes[others]) > box_area(box)) & (scores[others] > scores[row] / 2)).any())


@dataclass(frozen=True)
class TileSettings:
    """How images are cut into tiles.

    Attributes:
        size: longer side of a tile, pixels of the image; 0 for the size of the network's input.
        overlap: share of a tile that the next one repeats.
    """

    size: int = 0
    overlap: float = OVERLAP

    def shape(self, image_size: Sequence[int]) -> tuple[int, int]:
        """Height and width of a tile, of the proportions of the network's input."""
        height, width = image_size
        scale = self.size / max(height, width) if self.size else 1
        return max(1, round(height * scale)), max(1, round(width * scale))


def build_tile_settings(config: Config) -> TileSettings | None:
    """The `TileSettings` of the configuration; None for whole images."""
    return TileSettings(config.tile_size, config.tile_overlap) if config.tiles else None
