"""The order of the callbacks."""
import mindspore as ms
import pytest

from src.training.callbacks.build import ORDER, check_order


def instances(types):
    """Callbacks without anything inside: the order is a matter of their types."""
    return [callback.__new__(callback) for callback in types]


def test_every_callback_has_a_place():
    assert all(issubclass(callback, ms.Callback) for callback in ORDER)
    check_order(instances(ORDER))
    check_order(instances(ORDER[::2]))


def test_another_order_is_refused():
    with pytest.raises(AssertionError, match=r"out of order: \['SaveCheckpoint', 'TrainingLog'\]"):
        check_order(instances((ORDER[1], ORDER[0])))
