"""Large images in tiles, also against the package sahi where it is installed (`pip install --no-deps sahi shapely`)."""
import dataclasses

import cv2
import numpy as np
import pytest

from src.boxes import NMSConfig
from src.config import load_config
from src.evaluation.predictions import AnchorPredictions
from src.inference.detector import Detector
from src.inference.metadata import ModelMetadata
from src.inference.predictor import Predictor
from src.inference.tiles import Tile, TileSettings, build_tile_settings, merge_tiles, place_tiles

NMS = NMSConfig(0.1, 0.5, 100)


def places(*arguments):
    return [tile.place for tile in place_tiles(*arguments)]


def test_places_by_hand():
    assert places((100, 100), (100, 100)) == [(0, 0, 100, 100)]
    assert places((60, 80), (100, 100)) == [(0, 0, 60, 80)]
    assert places((100, 180), (100, 100)) == [(0, 0, 100, 100), (0, 80, 100, 180), (0, 0, 100, 180)]
    assert places((100, 181), (100, 100)) == [  # the last one is moved back into the image
        (0, 0, 100, 100), (0, 80, 100, 180), (0, 81, 100, 181), (0, 0, 100, 181)]
    assert places((70, 120), (50, 100)) == [(0, 0, 50, 100), (0, 20, 50, 120), (20, 0, 70, 100), (20, 20, 70, 120),
                                            (0, 0, 70, 120)]


@pytest.mark.parametrize(("image", "tile"), [
    ((2000, 3000), (300, 300)), ((1080, 1921), (320, 640)), ((301, 90), (64, 64))])
def test_places_are_those_of_sahi(image, tile):
    slicing = pytest.importorskip("sahi.slicing")
    boxes = slicing.get_slice_bboxes(*image, *tile, auto_slice_resolution=False, overlap_height_ratio=0.2,
                                     overlap_width_ratio=0.2)
    assert [tuple(box) for box in boxes] == [(xmin, ymin, xmax, ymax)
                                             for ymin, xmin, ymax, xmax in places(image, tile)[:-1]]


def test_sizes():
    assert TileSettings().shape([320, 640]) == (320, 640)
    assert TileSettings(600).shape((300, 300)) == (600, 600)
    assert TileSettings(480).shape([320, 640]) == (240, 480)
    config = load_config(["--tiles", "--tile_size=480", "--tile_overlap=0.3"])
    assert build_tile_settings(config) == TileSettings(480, 0.3)
    assert build_tile_settings(load_config([])) is None


def found(*rows):
    """Rows `ymin xmin ymax xmax score label`."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return table[:, :4], table[:, 4], table[:, 5].astype(np.int64)


def merged(*parts):
    boxes, scores, labels = merge_tiles(parts, (100, 100), NMS)
    return [(*box, round(score, 4), label)
            for box, score, label in zip(boxes.tolist(), scores.tolist(), labels.tolist())]


LEFT, RIGHT = (Tile((0, left, 100, left + 100), (100, 180)) for left in (0, 80))
WHOLE = Tile((0, 0, 100, 180), (100, 180))


def test_the_same_object_in_two_tiles_counts_once():
    assert merged((LEFT, found([10, 82, 25, 97, 0.7, 1], [60, 10, 80, 30, 0.6, 2])),
                  (RIGHT, found([10, 2, 25, 17, 0.8, 1])), (WHOLE, found([9, 80, 29, 101, 0.9, 1]))) == [
        (10, 82, 25, 97, 0.8, 1), (60, 10, 80, 30, 0.6, 2)]
    assert merged((LEFT, found()), (RIGHT, found())) == []
    # Of the whole image, where it is much surer, or alone.
    assert merged((RIGHT, found([10, 2, 25, 17, 0.4, 1])), (WHOLE, found([9, 80, 27, 99, 0.9, 1]))) == [
        (9, 80, 27, 99, pytest.approx(0.9), 1)]
    assert merged((WHOLE, found([9, 80, 27, 99, 0.9, 1]))) == [(9, 80, 27, 99, pytest.approx(0.9), 1)]


def test_boxes_that_a_border_cuts():
    part = (LEFT, found([10, 85, 30, 100, 0.9, 1]))  # the right tile sees all of it, with a lower score
    assert merged(part, (RIGHT, found([10, 5, 30, 40, 0.6, 1]))) == [(10, 85, 30, 120, 0.6, 1)]
    # One that ends at the border of the image is whole.
    assert merged((LEFT, found([0, 0, 15, 15, 0.9, 1], [85, 0, 100, 15, 0.8, 1]))) == [
        (0, 0, 15, 15, 0.9, 1), (85, 0, 100, 15, 0.8, 1)]
    # Larger than what tiles share: the parts count unless there is the whole.
    halves = (LEFT, found([10, 40, 50, 100, 0.9, 1])), (RIGHT, found([10, 0, 50, 60, 0.8, 1]))
    assert merged(*halves) == [(10, 40, 50, 100, 0.9, 1), (10, 80, 50, 140, 0.8, 1)]
    assert merged(*halves, (WHOLE, found([8, 40, 52, 140, 0.5, 1]))) == [(8, 40, 52, 140, 0.5, 1)]
    assert merged(halves[0], (WHOLE, found([8, 40, 52, 140, 0.5, 2]))) == [  # of another class
        (10, 40, 50, 100, 0.9, 1), (8, 40, 52, 140, 0.5, 2)]
    small = RIGHT, found([20, 30, 40, 50, 0.9, 1])  # away from the borders: an object of its own
    assert merged(small, (WHOLE, found([8, 40, 52, 140, 0.5, 1]))) == [
        (20, 110, 40, 130, 0.9, 1), (8, 40, 52, 140, 0.5, 1)]


def test_nms_over_tiles_is_that_of_sahi():
    combine = pytest.importorskip("sahi.postprocess.combine")
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 1.9e6, (400, 2))  # so large that a pixel more or less does not matter
    boxes = np.concatenate([corners, corners + generator.uniform(4e4, 9e4, (400, 2))], axis=1).astype(np.float32)
    boxes[200:] = boxes[:200] + generator.uniform(-25e3, 25e3, (200, 4)).astype(np.float32)
    scores = generator.permutation(400).astype(np.float32) / 400
    labels = generator.integers(1, 4, 400)
    labels[200:] = labels[:200]
    whole = Tile((0, 0, 2_000_000, 2_000_000), (2_000_000, 2_000_000))
    ours = merge_tiles([(whole, (boxes, scores, labels))], (300, 300), NMS)
    table = np.concatenate([boxes[:, [1, 0, 3, 2]], scores[:, None], labels[:, None]], axis=1)
    kept = combine.batched_nms(table, "IOU", NMS.nms_threshold)
    assert 200 < len(kept) < 400
    assert sorted(ours[1].tolist()) == sorted(scores[kept].tolist())


class Blobs(Predictor):
    """Finds bright spots in images of 100 x 100, each pixel of which it sees; none with fewer than 4 pixels."""

    input_shape = (None, 3, 100, 100)

    def __init__(self):
        self.calls = []

    def __call__(self, images, image_shapes):
        self.calls.append(len(images))
        return [self.find(image) for image in images]

    def find(self, image):
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[0] > 0.5).astype(np.uint8))
        spots = stats[1:][stats[1:, 4] >= 4].astype(np.float32)
        low = spots[:, [1, 0]]
        boxes = np.concatenate([low, low + spots[:, [3, 2]]], axis=1) / 100
        scores = np.stack([np.zeros(len(spots)), np.full(len(spots), 0.9)], axis=1)
        return AnchorPredictions(boxes.astype(np.float32), scores.astype(np.float32))


METADATA = ModelMetadata(
    model_name="blobs", classes=["background", "spot"], image_size=[100, 100], mean=[0] * 3, std=[255] * 3,
    float_resize=False, default_boxes={}, prior_scaling=[0.1, 0.2], min_score=0.1, nms_threshold=0.5, max_boxes=3,
    precision="fp32",
)


def test_small_objects_in_a_large_image():
    """All are found, each once, where the whole image shows none of the small ones; more than a class may have."""
    image = np.zeros((900, 1300, 3), np.uint8)
    objects = [(row, column, row + side, column + side) for row, side in zip(range(5, 860, 47), [6, 11, 17] * 9)
               for column in range(3, 1270, 53)]
    objects = [one for one in objects if not (300 <= one[0] < 560 and 300 <= one[1] < 620)]
    objects.append((330, 350, 500, 560))  # larger than a tile
    for ymin, xmin, ymax, xmax in objects:
        image[ymin:ymax, xmin:xmax] = 255
    predictor = Blobs()
    metadata = dataclasses.replace(METADATA, max_boxes=100)
    (boxes, _, _), = Detector(predictor, metadata, 0.3, tiles=TileSettings()).detect([image])
    assert len(objects) > 300 and set(predictor.calls) == {8}
    small = sorted(box for box in boxes.tolist() if box[2] - box[0] < 100)
    np.testing.assert_allclose(small, sorted(one for one in objects if one[2] - one[0] < 100), atol=1e-3)
    (large,) = [box for box in boxes.tolist() if box[2] - box[0] >= 100]
    np.testing.assert_allclose(large, objects[-1], atol=9)  # of the whole image, in which a pixel is 9 x 13
    (without, _, _), = Detector(predictor, metadata, 0.3).detect([image])
    assert len(without) < len(objects) / 2
    (twice, _, _), = Detector(predictor, metadata, 0.3, tiles=TileSettings(200)).detect([image])
    assert len(without) < len(twice)


def test_an_image_that_is_no_larger_than_a_tile_is_seen_as_ever():
    image = np.zeros((90, 100, 3), np.uint8)
    image[10:30, 20:60] = 255
    with_tiles, without = (Detector(Blobs(), METADATA, 0.3, tiles=tiles).detect([image])[0]
                           for tiles in (TileSettings(), None))
    for one, other in zip(with_tiles, without):
        np.testing.assert_array_equal(one, other)
