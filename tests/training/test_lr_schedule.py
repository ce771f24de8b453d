import numpy as np

from src.training.lr_schedule import get_lr
from tests.support.golden_data import golden_arrays


def test_schedule_agrees_with_the_original():
    golden = golden_arrays("lr_schedule.npz")
    assert next(iter(golden["arg_names"])) == "global_step"
    for case, (step, init, end, peak, warmup, epochs, steps) in enumerate(golden["args"]):
        rates = get_lr(int(step), init, end, peak, warmup, int(epochs), int(steps))
        expected = golden[f"lr{case:02d}"]
        assert rates.shape == expected.shape
        np.testing.assert_allclose(rates, expected, atol=1e-7)


def test_by_hand():
    rates = get_lr(0, lr_init=0.0, lr_end=0.0, lr_max=1.0, warmup_epochs=1, total_epochs=3, steps_per_epoch=2)
    np.testing.assert_allclose(rates, [0, 0.5, 1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5], atol=1e-6)


def test_the_part_after_some_steps():
    whole = get_lr(0, 0.001, 0.0, 0.05, 1, 4, 10)
    np.testing.assert_array_equal(get_lr(15, 0.001, 0.0, 0.05, 1, 4, 10), whole[15:])


def test_warm_up_longer_than_training():
    rates = get_lr(0, 0.0, 0.0, 1.0, warmup_epochs=2, total_epochs=1, steps_per_epoch=2)
    np.testing.assert_allclose(rates, [0, 0.25])
