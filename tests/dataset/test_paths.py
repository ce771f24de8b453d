import pytest

from src.dataset.paths import existing_file, existing_folder, mindrecord_folder, resolve_path
from src.utils.errors import UserError


def test_absolute_then_data_path_then_working_directory(tmp_path, monkeypatch):
    (tmp_path / "data" / "voc").mkdir(parents=True)
    (tmp_path / "work" / "voc").mkdir(parents=True)
    (tmp_path / "work" / "coco").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    data = tmp_path / "data"
    assert resolve_path(str(data / "voc"), "elsewhere", "voc_root") == data / "voc"
    assert resolve_path("voc", str(data), "voc_root") == data / "voc"
    assert resolve_path("coco", str(data), "coco_root") == tmp_path / "work" / "coco"


def test_a_tilde_is_a_home_folder_or_a_letter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("home/data", "~2024/data"):  # there is no user of that name
        (tmp_path / name).mkdir(parents=True)
    assert resolve_path("~/data", "", "coco_root") == tmp_path / "home" / "data"
    assert resolve_path("data", "~2024", "coco_root") == tmp_path / "~2024" / "data"
    assert mindrecord_folder("~2024", "") == tmp_path / "~2024"


def test_errors_name_the_key_and_both_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        resolve_path("voc", str(tmp_path / "data"), "voc_root")
    for word in ("voc_root", str(tmp_path / "data" / "voc"), str(tmp_path / "voc")):
        assert word in str(error.value)
    with pytest.raises(UserError, match="anno_path is empty"):
        resolve_path("", str(tmp_path), "anno_path")


def test_mindrecord_folder(tmp_path):
    assert mindrecord_folder("MindRecord", str(tmp_path)) == tmp_path / "MindRecord"
    assert mindrecord_folder(str(tmp_path / "x"), "data") == tmp_path / "x"


def test_existing(tmp_path):
    path = tmp_path / "a"
    path.write_text("")
    assert existing_file(str(path), "list") == path
    assert existing_folder(tmp_path, "images") == tmp_path
    with pytest.raises(UserError, match="There is no list"):
        existing_file(tmp_path / "b", "list")
    with pytest.raises(UserError, match="There is no image folder"):
        existing_folder(tmp_path / "b", "image folder")
    with pytest.raises(UserError, match="is a folder, a pipe or a device; expected is a file: the list"):
        existing_file(tmp_path, "list")
    with pytest.raises(UserError, match="is no folder; expected is the image folder"):
        existing_folder(path, "image folder")
