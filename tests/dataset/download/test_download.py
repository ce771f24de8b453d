"""The download is tried against a server on this machine; nothing goes out."""
import hashlib
import io
import shutil
import zipfile

import numpy as np
import pytest

from src.dataset.download import coco2017, download_coco, download_dataset
from src.dataset.download.coco2017 import COCO_2017, Archive
from src.dataset.download.unzip import unpack_folder
from src.utils.errors import UserError

CONTENT = np.random.default_rng(0).integers(0, 256, size=300_000, dtype=np.uint8).tobytes()


def md5(content):
    return hashlib.md5(content).hexdigest()


def make_zip(members):
    """Bytes of a zip archive; `members` are (name or ZipInfo, content) pairs."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


# --- archives ---------------------------------------------------------------------------------------------------------


def test_unpack(tmp_path):
    (tmp_path / "a.zip").write_bytes(make_zip([("val/", b""), ("val/1.jpg", b"one"), ("val/sub/2.jpg", b"two")]))
    unpack_folder(tmp_path / "a.zip", tmp_path / "val")
    assert (tmp_path / "val" / "1.jpg").read_bytes() == b"one"
    assert (tmp_path / "val" / "sub" / "2.jpg").read_bytes() == b"two"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "val"]


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(("name", "why"), [
    ("../outside.txt", "leaves the folder"),
    ("val/../../outside.txt", "leaves the folder"),
    ("..\\outside.txt", "leaves the folder"),
    ("/tmp/outside.txt", "absolute path"),
    ("C:\\outside.txt", "absolute path"),
    (link("val/link"), "link"),
])
def test_an_archive_that_writes_elsewhere_is_refused(tmp_path, name, why):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.zip").write_bytes(make_zip([("val/1.jpg", b"one"), (name, b"/etc/passwd")]))
    with pytest.raises(UserError, match=why):
        unpack_folder(folder / "a.zip", folder / "val")
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "a.zip"]


def test_a_damaged_member(tmp_path):
    content = make_zip([("val/1.jpg", CONTENT)])
    (tmp_path / "a.zip").write_bytes(content[:1000] + b"damaged" + content[1007:])
    with pytest.raises(UserError, match="not a readable zip archive"):
        unpack_folder(tmp_path / "a.zip", tmp_path / "val")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("content", [b"", b"<html>no such page</html>", make_zip([("val/1.jpg", CONTENT)])[:-100]])
def test_not_an_archive(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match="not a readable zip archive"):
        unpack_folder(tmp_path / "a.zip", tmp_path / "val")


@pytest.mark.parametrize(("members", "found"), [([("train/1.jpg", b"one")], "train"), ([], "nothing")])
def test_an_archive_of_something_else(tmp_path, members, found):
    (tmp_path / "a.zip").write_bytes(make_zip(members))
    with pytest.raises(UserError, match=rf"no folder 'val' in it \(found: {found}\)"):
        unpack_folder(tmp_path / "a.zip", tmp_path / "val")


# --- COCO -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def archives(server):
    """Two small archives on the server, as COCO's are."""
    made = []
    for folder, names in (("annotations", ["instances_val.json"]), ("val", ["1.jpg", "2.jpg"])):
        content = make_zip([(f"{folder}/{name}", name.encode()) for name in names])
        server.files[f"zips/{folder}.zip"] = content
        made.append(Archive(server.url(f"zips/{folder}.zip"), folder, len(content), md5(content), len(names), 1000))
    return tuple(made)


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


UNPACKED = ["annotations/instances_val.json", "val/1.jpg", "val/2.jpg"]


def test_coco(archives, tmp_path):
    assert download_coco(tmp_path / "coco", archives) == [tmp_path / "coco" / "annotations", tmp_path / "coco" / "val"]
    assert names_in(tmp_path / "coco") == UNPACKED


def test_coco_that_is_complete_is_kept(archives, server, tmp_path):
    download_coco(tmp_path, archives)
    server.requests.clear()
    assert download_coco(tmp_path, archives) == []
    assert server.requests == []


def test_coco_fetches_only_what_is_missing(archives, server, tmp_path):
    download_coco(tmp_path, archives)
    shutil.rmtree(tmp_path / "val")
    server.requests.clear()
    assert download_coco(tmp_path, archives) == [tmp_path / "val"]
    assert [path for path, _ in server.requests] == ["zips/val.zip"]


def test_coco_uses_an_archive_put_there_by_hand(archives, server, tmp_path):
    for archive in archives:
        (tmp_path / archive.file_name).write_bytes(server.files[f"zips/{archive.file_name}"])
    download_coco(tmp_path, archives)
    assert server.requests == []
    assert names_in(tmp_path) == UNPACKED


def test_coco_does_not_delete_a_wrong_archive_put_there_by_hand(archives, tmp_path):
    (tmp_path / "annotations.zip").write_bytes(b"something else")
    with pytest.raises(UserError, match="14 bytes where"):
        download_coco(tmp_path, archives)
    assert (tmp_path / "annotations.zip").read_bytes() == b"something else"


def test_coco_with_too_few_images(archives, tmp_path):
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "1.jpg").write_bytes(b"one")
    with pytest.raises(UserError, match=r"val holds 1 files where at least 2 are expected"):
        download_coco(tmp_path, archives)


def test_space_that_coco_needs(tmp_path):
    archives = (Archive("http://h/a.zip", "a", 10, "", 1, 12), Archive("http://h/b.zip", "b", 100, "", 1, 110))
    # a unpacked (12), then b packed and unpacked (100 + 110)
    assert coco2017._space_needed(tmp_path, archives) == 222
    (tmp_path / "b.zip.part").write_bytes(b"x" * 60)
    assert coco2017._space_needed(tmp_path, archives) == 162


def test_addresses_of_coco_2017():
    assert [archive.file_name for archive in COCO_2017] == ["annotations_trainval2017.zip", "val2017.zip",
                                                            "train2017.zip"]
    assert [archive.folder for archive in COCO_2017] == ["annotations", "val2017", "train2017"]


# --- which dataset ----------------------------------------------------------------------------------------------------


def test_unknown_dataset(tmp_path):
    with pytest.raises(UserError, match="'voc' cannot be downloaded; these can: coco, shapes"):
        download_dataset("voc", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_shapes_go_below_the_data_path(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("src.dataset.download.draw_shapes_dataset", drawn.append)
    assert download_dataset("shapes", tmp_path / "data", "elsewhere") == tmp_path / "data" / "shapes"
    assert drawn == [tmp_path / "data" / "shapes"]


@pytest.mark.parametrize("absolute", [False, True])
def test_coco_goes_to_its_root(tmp_path, monkeypatch, absolute):
    fetched = []
    monkeypatch.setattr("src.dataset.download.download_coco", fetched.append)
    root = str(tmp_path / "far" / "coco") if absolute else "coco"
    folder = tmp_path / ("far" if absolute else "data") / "coco"
    assert download_dataset("coco", tmp_path / "data", root) == folder
    assert fetched == [folder]


def test_a_data_path_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("mine")
    with pytest.raises(UserError, match="cannot be written or read"):
        download_dataset("shapes", tmp_path / "data")
    assert (tmp_path / "data").read_text() == "mine"
