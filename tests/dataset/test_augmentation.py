import functools
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.dataset import batches
from src.dataset.augmentation import (
    MIN_VISIBLE,
    PLAIN,
    Augmentation,
    build_augmentation,
    mosaic,
    scale_jitter,
    window_boxes,
)
from src.dataset.mindrecord.create import create_mindrecord
from tests.support.batches import epochs, same, training_dataset
from tests.support.samples import make_coco

FILL = (124, 116, 104)
ZOOM = functools.partial(scale_jitter, low=0.4, high=2.5, fill=FILL)


def sample(seed, count=4, shape=(30, 44)):
    """A random image and so many boxes of sides above 0.1."""
    rng = np.random.RandomState(seed)
    low = rng.uniform(0, 0.6, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.1, 0.4, (count, 2)), rng.randint(1, 5, (count, 1))], axis=1)
    return rng.randint(0, 256, (*shape, 3), np.uint8), boxes.astype(np.float32)


def marked(boxes, shape=(30, 40)):
    """A black image with the boxes in white."""
    image = np.zeros((*shape, 3), np.uint8)
    for top, left, bottom, right in np.rint(boxes[:, :4] * np.tile(shape, 2)).astype(int):
        image[top:bottom, left:right] = 255
    return image


def bright_part(image):
    """The box around what is white, parts of the image."""
    rows, columns = np.nonzero(image.min(axis=2) > 200)
    return np.array([rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]) / np.tile(image.shape[:2], 2)


def check_boxes(boxes):
    assert boxes.dtype == np.float32 and boxes.shape[1] == 5
    assert (boxes[:, :4] >= 0).all() and (boxes[:, :4] <= 1).all()
    assert (boxes[:, :2] < boxes[:, 2:4]).all()


def test_boxes_through_a_window_by_hand():
    boxes = np.array([[0.1, 0.1, 0.3, 0.3, 1], [0.4, 0.0, 0.8, 0.2, 2], [0.6, 0.6, 0.9, 0.9, 3]], np.float32)
    # The upper left quarter shows all of the first box, a quarter of the area of the second, and none of the third.
    np.testing.assert_allclose(window_boxes(boxes, (0, 0, 0.5, 0.5), 0.3), [[0.2, 0.2, 0.6, 0.6, 1]], rtol=1e-6)
    np.testing.assert_allclose(window_boxes(boxes, (0, 0, 0.5, 0.5), 0.2),
                               [[0.2, 0.2, 0.6, 0.6, 1], [0.8, 0.0, 1.0, 0.4, 2]], rtol=1e-6)
    # Twice as large a window around the image.
    np.testing.assert_allclose(window_boxes(boxes[:1], (-0.5, -0.5, 2, 2)), [[0.3, 0.3, 0.4, 0.4, 1]], rtol=1e-6)
    assert window_boxes(boxes[:0], (0, 0, 1, 1)).shape == (0, 5)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), window=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.2, 2),
                                                    st.floats(0.2, 2)))
def test_kept_boxes_are_visible_enough(seed, window):
    _, boxes = sample(seed, 6)
    kept = window_boxes(boxes, window)
    check_boxes(kept)
    top, left, height, width = window
    expected = 0
    for ymin, xmin, ymax, xmax, _ in boxes:
        shown = max(0, min(ymax, top + height) - max(ymin, top)) * max(0, min(xmax, left + width) - max(xmin, left))
        part = shown / ((ymax - ymin) * (xmax - xmin))
        if abs(part - MIN_VISIBLE) < 1e-4:
            return
        expected += part > MIN_VISIBLE
    assert len(kept) == expected


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_zoom(seed):
    image, boxes = sample(seed)
    before = boxes.copy()
    result, moved = ZOOM(image, boxes, np.random.RandomState(seed))
    check_boxes(moved)
    assert (boxes == before).all()
    assert result.dtype == np.uint8 and result.shape[2] == 3
    again, again_boxes = ZOOM(image, boxes, np.random.RandomState(seed))
    assert (result == again).all() and (moved == again_boxes).all()
    assert ZOOM(image, boxes[:0], np.random.RandomState(seed))[1].shape == (0, 5)


def test_boxes_stay_on_their_objects():
    boxes = np.array([[0.4, 0.4, 0.6, 0.7, 1]], np.float32)
    image = marked(boxes, (100, 120))
    sizes = set()
    for seed in range(30):
        result, moved = ZOOM(image, boxes, np.random.RandomState(seed))
        sizes.add(result.shape)
        if len(moved):
            np.testing.assert_allclose(moved[0, :4], bright_part(result), atol=0.03)
    assert len(sizes) > 20


def test_zooming_out_by_hand():
    draws = Mock(uniform=Mock(return_value=0.5), randint=Mock(side_effect=[10, 0]))  # factor, row, column
    image, boxes = np.full((20, 40, 3), 7, np.uint8), np.array([[0.0, 0.5, 0.5, 1.0, 3]], np.float32)
    result, moved = scale_jitter(image, boxes, draws, 0.25, 2.0, FILL)
    assert result.shape == (40, 80, 3)
    assert (result[10:30, :40] == 7).all() and result[9, 0].tolist() == result[10, 40].tolist() == list(FILL)
    np.testing.assert_allclose(moved, [[10 / 40, 20 / 80, 20 / 40, 40 / 80, 3]])


def test_factor_of_the_jitter():
    image, boxes = sample(0, shape=(60, 80))
    larger, all_boxes = scale_jitter(image, boxes, np.random.RandomState(0), 0.5, 0.5, FILL)
    assert larger.shape == (120, 160, 3) and len(all_boxes) == len(boxes)
    smaller, _ = scale_jitter(image, boxes, np.random.RandomState(0), 2.0, 2.0, FILL)
    assert smaller.shape == (30, 40, 3)
    unchanged, same_boxes = scale_jitter(image, boxes, np.random.RandomState(0), 1.0, 1.0, FILL)
    assert (unchanged == image).all()
    np.testing.assert_allclose(same_boxes, boxes, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_mosaic(seed):
    images, boxes = zip(*(sample(seed + number, count=number) for number in range(4)))
    result, moved = mosaic(images, boxes, np.random.RandomState(seed))
    check_boxes(moved)
    assert 30 <= result.shape[0] <= 60 and 44 <= result.shape[1] <= 88
    again, again_boxes = mosaic(images, boxes, np.random.RandomState(seed))
    assert (result == again).all() and (moved == again_boxes).all()
    empty = [one[:0] for one in boxes]
    assert mosaic(images, empty, np.random.RandomState(seed))[1].shape == (0, 5)


def test_a_mosaic_shows_all_four_images():
    images = [np.full((30, 44, 3), value, np.uint8) for value in (10, 20, 30, 40)]
    for seed in range(20):
        result, _ = mosaic(images, [np.zeros((0, 5), np.float32)] * 4, np.random.RandomState(seed))
        corners = result[[0, 0, -1, -1], [0, -1, 0, -1], 0].tolist()
        assert corners == [10, 20, 30, 40]


def test_boxes_of_a_mosaic_stay_on_their_objects():
    box = np.array([[0.3, 0.35, 0.7, 0.65, 2]], np.float32)
    black, empty = np.zeros((90, 120, 3), np.uint8), np.zeros((0, 5), np.float32)
    seen = 0
    for seed in range(40):
        images, boxes = [black] * 4, [empty] * 4
        images[seed % 4], boxes[seed % 4] = marked(box, (90, 120)), box
        result, moved = mosaic(images, boxes, np.random.RandomState(seed))
        if len(moved):
            seen += 1
            np.testing.assert_allclose(moved[0, :4], bright_part(result), atol=0.03)
    assert seen > 30


def test_configuration(config_of):
    assert build_augmentation(config_of("ssd300_config.yaml")) == PLAIN._replace(mosaic_epochs=0)
    chosen = build_augmentation(config_of(
        "ssd300_config.yaml", "--scale_jitter=0.5,2", "--mosaic=0.7", "--mosaic_close_epochs=100"))
    assert chosen.zoom.func is scale_jitter
    assert (chosen.zoom.keywords["low"], chosen.zoom.keywords["high"]) == (0.5, 2)
    np.testing.assert_allclose(chosen.zoom.keywords["fill"], (123.675, 116.28, 103.53))
    assert (chosen.mosaic, chosen.mosaic_epochs) == (0.7, 400)


ALL = Augmentation(zoom=ZOOM, mosaic=0.5, mosaic_epochs=2)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return create_mindrecord(make_coco(tmp_path_factory.mktemp("data"), 10), True).path


def batches_of(path, number, augmentation=ALL, **changes):
    return epochs(training_dataset(path, batch_size=5, augmentation=augmentation, **changes), number)


def test_a_seed_repeats_a_run_and_a_run_goes_on(records):
    first = batches_of(records, 3)
    assert all(same(*pair) for pair in zip(first, batches_of(records, 3, workers=1)))
    assert all(same(*pair) for pair in zip(first, batches_of(records, 3, use_processes=True)))
    assert all(same(*pair) for pair in zip(first[1:], batches_of(records, 2, first_epoch=1)))
    for batch in first[0]:
        boxes = batch["box"][batch["label"] > 0]
        assert (boxes >= 0).all() and (boxes <= 1).all() and (boxes[:, :2] < boxes[:, 2:]).all()


def test_mosaics_end_before_the_run(records, monkeypatch):
    made = []
    monkeypatch.setattr(batches, "mosaic", lambda *arguments: made.append(1) or mosaic(*arguments))
    batches_of(records, 3, PLAIN._replace(mosaic=1.0, mosaic_epochs=2))
    assert len(made) == 20
    batches_of(records, 1, PLAIN._replace(mosaic=1.0, mosaic_epochs=2), first_epoch=2)
    assert len(made) == 20


def test_without_options_nothing_changes(records):
    plain = batches_of(records, 1, PLAIN)
    assert same(plain[0], batches_of(records, 1, Augmentation(mosaic_epochs=5))[0])
    assert not same(plain[0], batches_of(records, 1)[0])


def test_every_tile_is_decoded_once(records, monkeypatch):
    count = []
    decode = batches.decode_image
    monkeypatch.setattr(batches, "decode_image", lambda *data: count.append(1) or decode(*data))
    batches_of(records, 1, PLAIN._replace(mosaic=1.0, mosaic_epochs=1))
    assert len(count) == 10
