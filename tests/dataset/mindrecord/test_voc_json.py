"""The COCO json that is made of VOC annotations, where `voc_json` wants it."""
import json
import logging

import pytest

from src.dataset.formats.coco import read_coco_json
from src.dataset.mindrecord.voc_json import save_voc_json

CONTENT = {"images": [{"id": 1, "file_name": "\u00e4.jpg"}], "annotations": [], "categories": []}


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "records" / "made.json"
    path.parent.mkdir()
    path.write_text(json.dumps(CONTENT))
    return path


def test_it_is_made_and_made_anew(made, tmp_path, caplog):
    copy = tmp_path / "voc" / "annotations" / "val.json"
    save_voc_json(made, copy)
    found = read_coco_json(copy)
    assert {**found, "info": None} == {**CONTENT, "info": None}
    first = copy.stat().st_ino
    save_voc_json(made, copy)
    assert copy.stat().st_ino == first  # it is as it should be
    made.write_text(json.dumps({**CONTENT, "images": []}))
    save_voc_json(made, copy)
    assert read_coco_json(copy)["images"] == []
    assert not caplog.records


@pytest.mark.parametrize("change", [
    lambda text: text.replace('"id": 1', '"id": 2'), lambda text: json.dumps(CONTENT), lambda text: "[]",
    lambda text: ""])
def test_what_somebody_else_wrote_stays(made, tmp_path, caplog, change):
    copy = tmp_path / "val.json"
    save_voc_json(made, copy)
    text = change(copy.read_text())
    copy.write_text(text)
    save_voc_json(made, copy)
    assert copy.read_text() == text
    assert f"{copy} was not made by this program, or changed since" in caplog.text and str(made) in caplog.text


def test_a_place_that_cannot_be_written_to_is_told(made, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "voc").write_text("")
    save_voc_json(made, tmp_path / "voc" / "val.json")
    assert f"the ground truth is {made}" in caplog.text
