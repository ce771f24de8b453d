import math

import numpy as np
import pytest

from src.dataset_check.rare_classes import find_rare_classes


def labels(*of_images):
    return [np.array(one, np.int32) for one in of_images]


def test_a_class_in_few_images():
    """Of 100 images with objects, 96 have class 1, 90 class 2, 3 class 3; class 4 has none, and so has an image."""
    images = labels(*[[1, 2, 2]] * 89, *[[1]] * 7, [2, 3], [3], [3], [], [4][:0], [1])
    found = find_rare_classes(images, 5)
    assert found.threshold == 0.3  # a third of 90 percent
    assert found.factors == {3: pytest.approx(math.sqrt(10))}
    assert found.longer == pytest.approx(0.97 + 3 * math.sqrt(10) / 100, abs=0.01)


@pytest.mark.parametrize("images", [
    labels(), labels([]), labels(*[[1]] * 10), labels(*[[1, 2]] * 10), labels(*[[1]] * 6, *[[2]] * 3)])
def test_nothing_is_rare(images):
    assert find_rare_classes(images, 4) is None
