"""The download is tried against a server on this machine; nothing goes out."""
import functools
import hashlib
from types import SimpleNamespace

import numpy as np
import pytest

from src.utils import http
from src.utils.errors import UserError
from src.utils.http import check_file, fetch_file, require_free_space

CONTENT = np.random.default_rng(0).integers(0, 256, size=300_000, dtype=np.uint8).tobytes()


@pytest.fixture
def fetch(monkeypatch):
    monkeypatch.setattr(http.time, "sleep", lambda _: None)
    return functools.partial(fetch_file, elsewhere="--data_path", timeout=10.0)


def md5(content):
    return hashlib.md5(content).hexdigest()


def test_fetch(server, fetch, tmp_path):
    server.files["a.zip"] = CONTENT
    fetch(server.url("a.zip"), tmp_path / "sub" / "a.zip", size=len(CONTENT), md5=md5(CONTENT))
    assert (tmp_path / "sub" / "a.zip").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["a.zip"]
    assert server.requests == [("a.zip", None)]


def test_broken_connections_are_resumed(server, fetch, tmp_path, caplog):
    server.files["a.zip"] = CONTENT
    server.cut_after = [100_000, 50_000]
    with caplog.at_level("INFO"):
        fetch(server.url("a.zip"), tmp_path / "a.zip", size=len(CONTENT), md5=md5(CONTENT))
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, "bytes=100000-", "bytes=150000-"]
    assert "0.1 MB of 0.3 MB; resuming at 0.1 MB" in caplog.text


def test_the_next_run_resumes(server, fetch, tmp_path):
    server.files["a.zip"] = CONTENT
    server.cut_after = [100_000, 0]
    with pytest.raises(UserError, match=r"start again to resume at 0\.1 MB.*by hand"):
        fetch(server.url("a.zip"), tmp_path / "a.zip", retries=1)
    assert (tmp_path / "a.zip.part").stat().st_size == 100_000
    assert not (tmp_path / "a.zip").exists()
    fetch(server.url("a.zip"), tmp_path / "a.zip", md5=md5(CONTENT))
    assert server.requests[-1] == ("a.zip", "bytes=100000-")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_server_without_ranges_starts_over(server, fetch, tmp_path):
    server.files["a.zip"] = CONTENT
    server.cut_after = [100_000]
    server.ranges_work = False
    fetch(server.url("a.zip"), tmp_path / "a.zip", md5=md5(CONTENT))
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_new_version_on_the_server_starts_over(server, fetch, tmp_path):
    server.files["a.zip"] = b"x" * 1000
    server.cut_after = [600, 0]
    with pytest.raises(UserError):
        fetch(server.url("a.zip"), tmp_path / "a.zip", retries=1)
    server.files["a.zip"], server.etag = b"y" * 1000, '"two"'
    fetch(server.url("a.zip"), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == b"y" * 1000


def test_a_part_that_is_complete_is_used(server, fetch, tmp_path):
    server.files["a.zip"] = CONTENT
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    fetch(server.url("a.zip"), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.requests == [("a.zip", f"bytes={len(CONTENT)}-")]


def test_a_part_that_is_too_long_is_discarded(server, fetch, tmp_path):
    server.files["a.zip"] = CONTENT
    (tmp_path / "a.zip.part").write_bytes(CONTENT + b"more")
    fetch(server.url("a.zip"), tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server, fetch, tmp_path):
    server.files["a.zip"] = CONTENT
    server.status = [503, 500, 429]
    fetch(server.url("a.zip"), tmp_path / "a.zip", retries=3)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert len(server.requests) == 4


def test_a_missing_file_is_an_error_at_once(server, fetch, tmp_path):
    with pytest.raises(UserError, match="the server answered 404"):
        fetch(server.url("none.zip"), tmp_path / "none.zip")
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_another_size_on_the_server(server, fetch, tmp_path):
    server.files["a.zip"] = CONTENT
    with pytest.raises(UserError, match="300000 bytes where 300001 are expected"):
        fetch(server.url("a.zip"), tmp_path / "a.zip", size=300_001)
    assert list(tmp_path.iterdir()) == []


def test_wrong_checksum_is_deleted(server, fetch, tmp_path):
    server.files["a.zip"] = CONTENT
    with pytest.raises(UserError, match=rf"MD5 checksum {md5(CONTENT)} where {'0' * 32} is expected.*It was deleted"):
        fetch(server.url("a.zip"), tmp_path / "a.zip", md5="0" * 32)
    assert list(tmp_path.iterdir()) == []


def test_no_network(server, fetch, tmp_path):
    url = server.url("a.zip")
    server.close()
    with pytest.raises(UserError) as error:
        fetch(url, tmp_path / "a.zip", retries=2)
    assert url in str(error.value)
    assert f"put it at {tmp_path / 'a.zip'}" in str(error.value)


def test_pauses_grow(server, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(http.time, "sleep", pauses.append)
    server.status = [503] * 4
    with pytest.raises(UserError):
        fetch_file(server.url("a.zip"), tmp_path / "a.zip", "--data_path", retries=3, first_wait=2.0)
    assert pauses == [2.0, 4.0, 8.0]


def test_full_disk_is_noticed_before_the_download(server, fetch, tmp_path, monkeypatch):
    server.files["a.zip"] = CONTENT
    monkeypatch.setattr(http.shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(UserError, match=r"0\.0 MB of free disk space where 0\.3 MB are needed"):
        fetch(server.url("a.zip"), tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_check_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    check_file(path, 3, "900150983cd24fb0d6963f7d28e17f72")
    with pytest.raises(UserError, match="3 bytes where 4 are expected"):
        check_file(path, 4)


def test_free_space(tmp_path):
    require_free_space(tmp_path, 0, "--data_path")
    with pytest.raises(UserError, match=r"Make room, or choose another disk with --data_path\.$"):
        require_free_space(tmp_path, 1 << 60, "--data_path")
