import os

import mindspore as ms
import numpy as np
import pytest

from src.runtime.releases import release
from src.utils.errors import UserError
from src.weights import read_checkpoint


def write_parameter(path, size):
    ms.save_checkpoint([{"name": "w", "data": ms.Tensor(np.zeros(size, np.float32))}], str(path))
    return path


@pytest.mark.skipif(release() < (2, 10), reason="MindSpore does not ask for the free memory")
def test_a_machine_whose_free_memory_is_page_cache(tmp_path, monkeypatch):
    path = write_parameter(tmp_path / "a.ckpt", 4)
    sysconf = os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: 0.001 if name == "SC_AVPHYS_PAGES" else sysconf(name))
    with pytest.raises(ValueError, match="exceeds current available memory"):
        ms.load_checkpoint(str(path))
    assert len(read_checkpoint(path)) == 1


@pytest.mark.parametrize("content", [b"", b"this is no checkpoint", bytes(range(256)) * 40])
def test_what_is_no_checkpoint(tmp_path, content):
    path = tmp_path / "a.ckpt"
    path.write_bytes(content)
    with pytest.raises(UserError, match="no MindSpore checkpoint, or it is damaged"):
        read_checkpoint(path)


def test_a_truncated_checkpoint(tmp_path):
    path = write_parameter(tmp_path / "a.ckpt", 100000)
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="damaged"):
        read_checkpoint(path)
