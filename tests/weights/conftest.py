"""Fixtures of the tests about weights."""
import mindspore as ms
import pytest


@pytest.fixture
def save(tmp_path):
    """Writes a checkpoint of arrays by name."""

    def save_file(values):
        path = tmp_path / "classifier.ckpt"
        ms.save_checkpoint([{"name": name, "data": ms.Tensor(value)} for name, value in values.items()], str(path))
        return path

    return save_file
