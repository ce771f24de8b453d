import io
import pickle
import zipfile

import numpy as np
import pytest

from src.utils.errors import UserError
from src.weights.torch_file import LEGACY_MAGIC, LEGACY_PROTOCOL, read_torch_file
from tests.support.torch_files import dictionary, name_of, number, numbers, tensor, text, write_state_dict, write_zip


def test_a_state_dict(tmp_path):
    arrays = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "steps": np.array(7, np.int64)}
    found = read_torch_file(write_state_dict(tmp_path / "a.pth", arrays))
    assert list(found) == ["a.weight", "steps"]
    for name, value in arrays.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_views_of_one_storage(tmp_path):
    content = dictionary({
        "transposed": tensor("0", (3, 2), size=6, strides=(1, 3)),
        "end": tensor("0", (2,), size=6, offset=4),
    })
    data = np.arange(6, dtype=np.float32).tobytes()
    found = read_torch_file(write_zip(tmp_path / "a.pth", content, {"0": data}))
    np.testing.assert_array_equal(found["transposed"], np.arange(6).reshape(2, 3).T)
    np.testing.assert_array_equal(found["end"], [4, 5])


def test_bfloat16_becomes_float32(tmp_path):
    data = np.array([1.0, -2.5, 3e38], np.float32).view("<u2")[1::2].tobytes()  # the upper halves
    found = read_torch_file(write_zip(tmp_path / "a.pth", tensor("0", (3,), "BFloat16Storage"), {"0": data}))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [1, -2.5, 3e38], rtol=0.01)


def legacy(path, content, storages):
    """The format before PyTorch 1.6: pickles in a row, then for each storage its size and its numbers."""
    with open(path, "wb") as stream:
        system = {"protocol_version": LEGACY_PROTOCOL, "little_endian": True}
        for value in (LEGACY_MAGIC, LEGACY_PROTOCOL, system):
            pickle.dump(value, stream, protocol=2)
        stream.write(b"\x80\x02" + content.replace(b"tQ", b"NtQ") + b".")  # a reference ends with "no view"
        pickle.dump(list(storages), stream, protocol=2)
        for values in storages.values():
            stream.write(len(values).to_bytes(8, "little") + values.tobytes())
    return path


def test_the_older_format(tmp_path):
    values = np.arange(4, dtype=np.float32)
    found = read_torch_file(legacy(tmp_path / "a.pth", dictionary({"w": tensor("9", (2, 2))}), {"9": values}))
    np.testing.assert_array_equal(found["w"], [[0, 1], [2, 3]])


@pytest.mark.parametrize("new", [True, False])
def test_files_that_torch_wrote(tmp_path, new):
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(1)
    state = {
        "w": torch.randn(3, 4, generator=generator).t(),
        "parameter": torch.nn.Parameter(torch.randn(2, 2, generator=generator)),
        "half": torch.randn(5, generator=generator).half(),
        "bfloat16": torch.randn(5, generator=generator).bfloat16(),
        "steps": torch.tensor(3),
    }
    history = {"epoch": np.float64(3), "curve": np.arange(4), "name": "run"}
    path = tmp_path / "a.pth"
    torch.save({"state_dict": state, "optimizer": [torch.ones(2)], "meta": history}, path,
               _use_new_zipfile_serialization=new)
    found = read_torch_file(path)
    for name, value in state.items():
        expected = value.detach().float() if name == "bfloat16" else value.detach()
        np.testing.assert_array_equal(found["state_dict"][name], expected.numpy())
    assert found["meta"]["name"] == "run"
    np.testing.assert_array_equal(found["optimizer"][0], [1, 1])

    torch.save(torch.nn.Linear(2, 2), path, _use_new_zipfile_serialization=new)  # a whole model
    with pytest.raises(UserError, match=r"names torch\.nn\.modules\.linear\.Linear"):
        read_torch_file(path)


HOSTILE = {
    "call": name_of("os", "system") + b"(" + text("touch HACKED") + b"tR",
    "eval": name_of("builtins", "eval") + b"(" + text("open('HACKED', 'w')") + b"tR",
    "attribute": name_of("torch._utils", "_rebuild_tensor_v2.__init__") + b")R",
    "numpy": name_of("numpy.testing._private.utils", "runstring") + b"(" + text("open('HACKED', 'w')") + b"}tR",
    "new_object": name_of("subprocess", "Popen") + b"(" + text("touch HACKED") + b"t\x81",
    "instance": b"(" + text("touch HACKED") + b"ios\nsystem\n",
    "copyreg": name_of("copyreg", "_reconstructor") + b"(" + name_of("os", "system") + b"tR",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("write", [
    lambda path, content: write_zip(path, content), lambda path, content: legacy(path, content, {}),
])
def test_hostile_files_are_refused_and_not_run(tmp_path, monkeypatch, name, write):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "a.pth", HOSTILE[name])
    with pytest.raises(UserError, match=r"is no part of weights; no code of it was run"):
        read_torch_file(path)
    assert not (tmp_path / "HACKED").exists()


def test_the_hostile_call_would_have_run(tmp_path, monkeypatch):
    """The test above is about a file that Python's own reader obeys."""
    monkeypatch.chdir(tmp_path)
    pickle.load(io.BytesIO(b"\x80\x02" + HOSTILE["call"] + b"."))
    assert (tmp_path / "HACKED").exists()


def test_a_file_cannot_change_the_reader(tmp_path):
    """BUILD sets attributes of what a file names."""
    state = b"N" + dictionary({"__call__": number(1)}) + b"\x86b"
    for module, name in (("torch._utils", "_rebuild_tensor_v2"), ("collections", "OrderedDict"), ("numpy", "dtype")):
        with pytest.raises(UserError, match="not read"):
            read_torch_file(write_zip(tmp_path / "a.pth", name_of(module, name) + state))
    test_a_state_dict(tmp_path)


@pytest.mark.parametrize(("content", "storages", "message"), [
    (tensor("0", (4,), size=2), {"0": bytes(8)}, "outside"),
    (tensor("0", (2,), size=2, offset=1), {"0": bytes(8)}, "outside"),
    (tensor("0", (2,), size=2, strides=(-1,)), {"0": bytes(8)}, "whole numbers"),
    (tensor("0", (1 << 20, 1 << 20), size=2, strides=(0, 0)), {"0": bytes(8)}, "outside"),
    (tensor("0", (2,), size=2), {"0": bytes(4)}, "4 bytes"),
    (tensor("0", (2,)), {}, "data/0"),
    (dictionary({"a": tensor("0", (2,), "CharStorage"), "b": tensor("0", (2000,))}), {"0": bytes(2)}, "outside"),
    (b"", {}, "not read"),
])
def test_damaged_files(tmp_path, content, storages, message):
    with pytest.raises(UserError, match=message):
        read_torch_file(write_zip(tmp_path / "a.pth", content, storages))


def test_compressed_numbers_are_refused(tmp_path):
    content = tensor("0", (1 << 20,))
    path = write_zip(tmp_path / "a.pth", content, {"0": bytes(4 << 20)}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(UserError, match="compressed"):
        read_torch_file(path)


@pytest.mark.parametrize("cut", [0, 10, 100, -30])
def test_what_is_no_file_of_torch(tmp_path, cut):
    whole = write_state_dict(tmp_path / "a.pth", {"w": np.zeros(100, np.float32)}).read_bytes()
    (tmp_path / "a.pth").write_bytes(whole[:cut] if cut else b"<html>not found</html>")
    with pytest.raises(UserError, match="is not read as a PyTorch file"):
        read_torch_file(tmp_path / "a.pth")


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"no file .*a\.pth"):
        read_torch_file(tmp_path / "a.pth")


def test_unknown_references(tmp_path):
    content = b"(" + text("module") + name_of("torch", "FloatStorage") + text("0") + text("cpu") + numbers([1]) + b"tQ"
    with pytest.raises(UserError, match="unknown way"):
        read_torch_file(write_zip(tmp_path / "a.pth", content))
