
import numpy as np
import pytest

from src.utils.errors import UserError
from src.weights.external_file import read_weight_file
from tests.support.safetensors_file import write_safetensors
from tests.support.torch_files import dictionary, number, text, write_state_dict


def test_safetensors(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    upper_halves = np.array([1.5, -2], np.float32).view("<u2")[1::2]
    path = write_safetensors(tmp_path / "a.safetensors", {
        "w": ("F32", [2, 3], values.tobytes()),
        "b": ("BF16", [2], upper_halves.tobytes()),
        "steps": ("I64", [], np.array(5, np.int64).tobytes()),
    })
    found = read_weight_file(path).tensors
    np.testing.assert_array_equal(found["w"], values)
    np.testing.assert_array_equal(found["b"], [1.5, -2])
    assert found["b"].dtype == np.float32
    assert found["steps"] == 5


def test_damaged_safetensors(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match=r"a\.safetensors is no safetensors file"):
        read_weight_file(path)
    write_safetensors(path, {"w": ("F8_E4M3", [1], b"\0")})
    with pytest.raises(UserError, match="w has the type F8_E4M3"):
        read_weight_file(path)


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_training_checkpoints(tmp_path, wrapper):
    def wrap(state):
        meta = dictionary({"mmdet_version": text("2.14.0")})
        return dictionary({"meta": meta, "epoch": number(3), wrapper: state})

    path = write_state_dict(tmp_path / "a.pth", {"module.w": np.ones(2, np.float32)}, wrap)
    found = read_weight_file(path)
    assert list(found.tensors) == ["w"]  # without what data-parallel training puts before names
    assert found.meta == {"mmdet_version": "2.14.0"}


def test_names_of_a_model_that_has_a_module(tmp_path):
    arrays = {"module.w": np.ones(2, np.float32), "other": np.ones(2, np.float32)}
    assert set(read_weight_file(write_state_dict(tmp_path / "a.pth", arrays)).tensors) == set(arrays)


def test_no_weights(tmp_path):
    path = write_state_dict(tmp_path / "a.pth", {}, lambda state: dictionary({"epoch": number(3)}))
    with pytest.raises(UserError, match="holds no weights by name"):
        read_weight_file(path)
    with pytest.raises(UserError, match=r"no file .*b\.pth"):
        read_weight_file(tmp_path / "b.pth")
