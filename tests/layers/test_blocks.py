import mindspore as ms
import numpy as np
import pytest

from src.layers.blocks import HalfDropout

pytestmark = pytest.mark.usefixtures("cpu")


def dropped(number, calls, before=0, seed=1, training=True):
    """Outputs of a new cell for ones, in `calls` calls."""
    ms.set_seed(seed)
    cell = HalfDropout(number).set_train(training)
    cell.skip_calls(before)
    ones = ms.Tensor(np.ones((2, 16, 40, 40)), ms.float32)
    return [cell(ones).asnumpy() for _ in range(calls)]


def test_half_is_dropped_at_random():
    masks = dropped(1, 3)
    for mask in masks:
        assert set(np.unique(mask)) == {0, 2}
        assert mask.mean() == pytest.approx(1, abs=0.02)  # 51200 elements: a standard deviation is 0.0044
        assert np.abs(mask.mean((2, 3)) - 1).max() < 0.12
    columns = np.stack([mask.ravel() for mask in (*masks, *dropped(2, 1), *dropped(1, 1, seed=2))])
    neighbours = np.corrcoef(columns[0, :-1], columns[0, 1:])[0, 1]
    others = np.corrcoef(columns)[np.triu_indices(len(columns), 1)]
    assert np.abs([neighbours, *others]).max() < 0.02


def test_skipped_calls_give_the_masks_that_follow():
    whole, rest = dropped(1, 3), dropped(1, 2, before=1)
    for one, other in zip(whole[1:], rest):
        np.testing.assert_array_equal(one, other)


def test_nothing_is_dropped_in_evaluation():
    np.testing.assert_array_equal(dropped(1, 1, training=False)[0], 1)
