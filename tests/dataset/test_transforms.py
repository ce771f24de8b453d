import numpy as np
import pytest

from src.dataset import transforms
from tests.support.golden_data import golden_arrays


def coordinate_image(height, width):
    """Every pixel holds its row and its column, so that a crop tells where it was taken."""
    return np.stack(np.broadcast_arrays(np.arange(height)[:, None], np.arange(width)[None], 0), axis=-1)


def rect_of(image):
    return [image[0, 0, 0], image[0, 0, 1], image[-1, -1, 0] + 1, image[-1, -1, 1] + 1]


def test_random_crop_is_the_golden_one():
    golden = golden_arrays("crop.npz")
    for case, seed in enumerate(golden["seed"]):
        rng = np.random.RandomState(seed)
        image = coordinate_image(golden["height"][case], golden["width"][case])
        crop, boxes = transforms.random_crop(image, golden[f"c{case:02d}_boxes"], rng)
        assert rect_of(crop) == golden["rect"][case].tolist()
        np.testing.assert_array_equal(boxes, golden[f"c{case:02d}_out_boxes"])
        assert rng.rand() == golden["next_rand"][case]


def test_random_crop_has_the_golden_statistics():
    golden = golden_arrays("crop.npz")
    height, width = golden["stat_image_hw"].tolist()
    image = coordinate_image(height, width)
    rng = np.random.RandomState(0)
    rows = []
    for _ in range(1000):
        crop, boxes = transforms.random_crop(image, golden["stat_boxes"], rng)
        top, left, bottom, right = rect_of(crop)
        whole = (bottom - top, right - left) == (height, width)
        rows.append([(bottom - top) / height, (right - left) / width, top / height, left / width, len(boxes), whole])
    difference = np.abs(np.mean(rows, axis=0) - golden["stat_mean"])
    error = golden["stat_std"] * np.sqrt(1 / 1000 + 1 / golden["stat_n"])
    assert (difference < 4 * error).all()


def test_crop_without_boxes_is_the_whole_image():
    image = coordinate_image(20, 30)
    for seed in range(8):
        crop, boxes = transforms.random_crop(image, np.zeros((0, 5), np.float32), np.random.RandomState(seed))
        assert crop.shape == image.shape and boxes.shape == (0, 5)


def test_overlaps():
    boxes = np.array([[0, 0, 10, 10, 1], [5, 5, 15, 15, 1], [20, 20, 30, 30, 1], [3, 3, 3, 9, 1]], np.float32)
    np.testing.assert_allclose(transforms.overlaps(boxes, (0, 0, 10, 10)), [1, 25 / 175, 0, 0])


def test_boxes_in_crop():
    boxes = np.array([[2, 4, 12, 14, 1], [0, 0, 6, 4, 2], [40, 40, 50, 50, 3]], np.float32)
    # The centre of the first, (7, 9), is inside; that of the second, (3, 2), is not.
    kept = transforms.boxes_in_crop(boxes, (5, 3, 10, 20), 0.0)
    assert kept.tolist() == [[0, 1, 5, 11, 1]]
    assert transforms.boxes_in_crop(boxes, (20, 20, 30, 30), 0.0) is None
    assert transforms.boxes_in_crop(boxes[1:], (5, 3, 10, 20), 0.0) is None
    # Overlaps 0.006 and 0.37 of the first two: the smaller is below 0.1, the larger above 0.1 + 0.2.
    assert transforms.boxes_in_crop(boxes, (5, 3, 10, 20), 0.1) is None


def test_flip_twice_is_nothing():
    rng = np.random.RandomState(0)
    image = rng.randint(0, 256, (6, 8, 3), np.uint8)
    boxes = np.array([[0.1, 0.2, 0.5, 0.75, 3]], np.float32)
    flipped, flipped_boxes = transforms.horizontal_flip(image, boxes)
    assert (flipped == image[:, ::-1]).all()
    np.testing.assert_allclose(flipped_boxes, [[0.1, 0.25, 0.5, 0.8, 3]], atol=1e-7)
    np.testing.assert_allclose(boxes[0, 1], 0.2)
    again, again_boxes = transforms.horizontal_flip(flipped, flipped_boxes)
    assert (again == image).all()
    np.testing.assert_allclose(again_boxes, boxes, atol=1e-6)
    assert transforms.horizontal_flip(image, boxes[:0])[1].shape == (0, 5)


def test_normalise_boxes():
    boxes = np.array([[10, 20, 50, 80, 2]], np.float32)
    np.testing.assert_allclose(transforms.normalise_boxes(boxes, 50, 80), [[0.2, 0.25, 1, 1, 2]])
    assert transforms.normalise_boxes(boxes[:0], 50, 80).shape == (0, 5)


def test_resize_takes_height_first():
    image = np.zeros((10, 20, 3), np.uint8)
    image[:, 10:] = 200
    result = transforms.resize(image, (30, 40))
    assert result.shape == (30, 40, 3)
    assert result[0, 0, 0] == 0 and result[29, 39, 0] == 200


def test_normalise_is_the_formula():
    image = np.random.RandomState(0).randint(0, 256, (5, 7, 3), np.uint8)
    mean = np.array([0.485, 0.456, 0.406]) * 255
    std = np.array([0.229, 0.224, 0.225]) * 255
    np.testing.assert_allclose(transforms.normalise(image), ((image - mean) / std).transpose(2, 0, 1), atol=1e-5)


def test_normalise_with_other_numbers():
    image = np.random.RandomState(0).randint(0, 256, (5, 7, 3), np.uint8)
    mean_only = transforms.InputFormat(mean=(0.5, 0.25, 0), std=(1 / 255,) * 3)
    expected = (image - np.array([127.5, 63.75, 0])).transpose(2, 0, 1)
    for values in (image, image.astype(np.float32)):
        np.testing.assert_allclose(transforms.normalise(values, input_format=mean_only), expected, rtol=1e-6)


@pytest.mark.parametrize("adjust", [transforms.adjust_brightness, transforms.adjust_contrast,
                                    transforms.adjust_saturation])
def test_factor_one_changes_nothing(adjust):
    image = np.random.RandomState(0).randint(0, 256, (5, 7, 3), np.uint8)
    assert (adjust(image, 1.0) == image).all()


def test_colour_adjustments():
    image = np.array([[[100, 100, 100], [200, 200, 200]]], np.uint8)
    assert transforms.adjust_brightness(image, 1.4)[0, :, 0].tolist() == [140, 255]
    # The mean is 150: 150 + 0.6 * (100 - 150), and so on.
    assert transforms.adjust_contrast(image, 0.6)[0, :, 0].tolist() == [120, 180]
    red = np.array([[[200, 0, 0]]], np.uint8)
    # Grey value of the red: 0.299 * 200 = 60.
    assert transforms.adjust_saturation(red, 0.5)[0, 0].tolist() == [130, 30, 30]
    assert transforms.adjust_saturation(red, 1.4)[0, 0].tolist() == [255, 0, 0]


def test_jitter_depends_on_the_generator_only():
    image = np.random.RandomState(0).randint(0, 256, (20, 20, 3), np.uint8)
    first = transforms.colour_jitter(image, np.random.RandomState(5))
    assert (first == transforms.colour_jitter(image, np.random.RandomState(5))).all()
    assert (first != transforms.colour_jitter(image, np.random.RandomState(6))).any()
    assert first.dtype == np.uint8 and first.shape == image.shape
