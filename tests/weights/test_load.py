import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.utils.errors import UserError
from src.weights import load_weights

pytestmark = pytest.mark.usefixtures("cpu")


class Detector(nn.Cell):
    def __init__(self, classes=3):
        super().__init__()
        self.backbone = nn.Dense(2, 2)
        self.head = nn.Dense(2, classes)


class Wrapper(nn.Cell):
    def __init__(self, classes=3):
        super().__init__()
        self.network = Detector(classes)


def save(path, **arrays):
    ms.save_checkpoint(
        [{"name": name.replace("__", "."), "data": ms.Tensor(array)} for name, array in arrays.items()], str(path)
    )
    return path


def full(classes=3):
    return {
        "network__backbone__weight": np.full((2, 2), 1, np.float32),
        "network__backbone__bias": np.full(2, 2, np.float32),
        "network__head__weight": np.full((classes, 2), 3, np.float32),
        "network__head__bias": np.full(classes, 4, np.float32),
    }


def test_everything_is_loaded_and_optimizer_state_left_alone(tmp_path):
    state = {"global_step": np.zeros(1, np.int32), "moments__network__head__bias": np.ones(3, np.float32),
             "skipped_steps": np.zeros(1, np.int32)}
    net = Wrapper()
    report = load_weights(net, save(tmp_path / "a.ckpt", **full(), **state))
    assert len(report.loaded) == 4
    assert report.kept == report.unused == ()
    np.testing.assert_array_equal(net.network.backbone.weight.asnumpy(), np.ones((2, 2)))
    np.testing.assert_array_equal(net.network.head.bias.asnumpy(), [4, 4, 4])


def test_another_number_of_classes(tmp_path):
    path = save(tmp_path / "a.ckpt", **full(classes=5))
    net = Wrapper(classes=3)
    before = net.network.head.weight.asnumpy().copy()
    with pytest.raises(UserError, match=r"head.weight has shape \(5, 2\) in the file, \(3, 2\) in the network"):
        load_weights(net, path)
    np.testing.assert_array_equal(net.network.backbone.weight.asnumpy() == 1, False)  # nothing was loaded
    report = load_weights(net, path, drop=["head"])
    assert report.kept == report.unused == ("network.head.bias", "network.head.weight")
    np.testing.assert_array_equal(net.network.backbone.weight.asnumpy(), np.ones((2, 2)))
    np.testing.assert_array_equal(net.network.head.weight.asnumpy(), before)


def test_missing_and_unknown_parameters_are_named(tmp_path):
    arrays = full()
    arrays["network__neck__weight"] = arrays.pop("network__head__weight")
    with pytest.raises(UserError) as caught:
        load_weights(Wrapper(), save(tmp_path / "a.ckpt", **arrays))
    assert "1 parameters are missing: network.head.weight" in str(caught.value)
    assert "1 parameters do not belong to the network: network.neck.weight" in str(caught.value)
    arrays["backbone_wrapper__backbone__net__weight"] = arrays.pop("network__neck__weight")
    with pytest.raises(UserError, match=r"import_weights\.sh FILE --from mindcv"):
        load_weights(Wrapper(), save(tmp_path / "b.ckpt", **arrays))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(tmp_path, value):
    arrays = full()
    arrays["network__head__bias"] = np.array([0, 1, value], np.float32)
    net = Wrapper()
    before = net.network.backbone.weight.asnumpy().copy()
    with pytest.raises(UserError, match=r"a\.ckpt has values that are not finite numbers .* in 1 of its 4 parameters: "
                                        r"network\.head\.bias"):
        load_weights(net, save(tmp_path / "a.ckpt", **arrays))
    np.testing.assert_array_equal(net.network.backbone.weight.asnumpy(), before)


def test_the_training_state_of_a_checkpoint_does_not_matter(tmp_path):
    arrays = {**full(), "moments__network__head__bias": np.array([0, 1, np.inf], np.float32)}
    net = Wrapper()
    assert len(load_weights(net, save(tmp_path / "a.ckpt", **arrays)).loaded) == 4
    assert np.isfinite(net.network.head.bias.asnumpy()).all()
