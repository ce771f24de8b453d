"""Parts of a folder of VOC files: of lists, of folders, of neither."""
import re

import pytest

from src.dataset.annotations import BAD_ANNOTATION, EVALUATION, IN_OTHER_PART, TEST, TRAINING, Report
from src.dataset.convert import FolderConfig
from src.dataset.formats.voc import look_for_voc
from src.dataset.sources import find_parts
from src.utils.errors import UserError
from tests.support.samples import CLASSES, voc_xml


def write(folder, *names, **lists):
    """Xml files and empty images; `lists` of ImageSets/Main by name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(voc_xml([("cat", 2, 3, 5, 7)], f"{path.stem}.jpg") if path.suffix == ".xml" else "")
    for name, lines in lists.items():
        path = folder / "ImageSets" / "Main" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))


def standard(stems):
    return [f"{place}{stem}.{suffix}" for stem in stems
            for place, suffix in (("Annotations/", "xml"), ("JPEGImages/", "jpg"))]


def found_in(folder):
    """Of each purpose: paths of the images."""
    return {purpose: [record.path[len(str(folder)) + 1:] for record in source.read(Report())]
            for purpose, source in look_for_voc(folder, CLASSES).items()}


@pytest.mark.parametrize(("xml_folder", "image_folder"), [
    ("{}", "{}"), ("dataset/{}", "dataset/{}"), ("Annotations/{}", "JPEGImages/{}"), ("annotations/{}", "images/{}"),
    ("{}/Annotations", "{}/JPEGImages"), ("{}/annotations", "{}/images"), ("x/{}/Annotations", "x/{}/images"),
    ("x/Annotations/{}", "x/JPEGImages/{}"), ("{}/Annotations/{}/images", "{}/JPEGImages/{}/images")])
def test_parts_in_folders(tmp_path, xml_folder, image_folder):
    """Both parts have an image of the same name."""
    names = {TRAINING: "train", EVALUATION: "Valid"}
    places = {purpose: image_folder.format(name, name) for purpose, name in names.items()}
    write(tmp_path, "README.txt", *(f"{xml_folder.format(name, name)}/a.xml" for name in names.values()),
          *(f"{place}/a.jpg" for place in places.values()))
    assert found_in(tmp_path) == {purpose: [f"{place}/a.jpg"] for purpose, place in places.items()}


def test_a_folder_in_a_part_belongs_to_it(tmp_path):
    names = ("train/batch1/x", "train/test/y", "train/z")
    write(tmp_path, *(f"{name}.{suffix}" for name in names for suffix in ("xml", "jpg")))
    assert found_in(tmp_path) == {TRAINING: [f"{name}.jpg" for name in names]}


def test_what_is_in_no_part_is_for_training(tmp_path):
    write(tmp_path, *standard(["a", "c", "val/b"]), "test/c.xml", "test/c.jpg")
    assert found_in(tmp_path) == {TRAINING: ["JPEGImages/a.jpg"], EVALUATION: ["JPEGImages/val/b.jpg"],
                                  TEST: ["test/c.jpg"]}
    report = Report()
    look_for_voc(tmp_path, CLASSES)[TRAINING].read(report)
    assert report.examples == {IN_OTHER_PART: [str(tmp_path / "Annotations/c.xml")]}  # which was copied into test


def test_files_beside_a_part(tmp_path):
    """Images of all folders have ids of their own."""
    write(tmp_path, "train/1.xml", "train/1.jpg", "2.xml", "2.jpg")
    records = look_for_voc(tmp_path, CLASSES)[TRAINING].read(Report())
    assert sorted((record.path, record.image_id) for record in records) == [
        (str(tmp_path / "2.jpg"), 2), (str(tmp_path / "train/1.jpg"), 1)]


@pytest.mark.parametrize(("lists", "training", "evaluation"), [
    ({"Train": "a", "Validation": "b", "default": "c"}, "ac", "b"),
    ({"train": "a", "val": "b", "night": "cd"}, "acd", "b"),
    ({"train": "a", "val": "b", "all": "abcd"}, "a", "b"),  # everything
    ({"train": "ac", "val": "b", "cat": "a"}, "ac", "b"),  # a choice of the training images
    ({"train": "a", "val": "b", "trainval": "ab", "cat_train": "c", "dog_val": "d"}, "a", "b"),
    ({"train": "a", "val": "b", "cat": ["c 1", "d -1"]}, "a", "b"),  # images of one class
    ({"trainval": "abc", "val": "b"}, "ac", "b")])
def test_lists(tmp_path, lists, training, evaluation):
    write(tmp_path, *standard("abcd"), **lists)
    assert found_in(tmp_path) == {TRAINING: [f"JPEGImages/{stem}.jpg" for stem in training],
                                  EVALUATION: [f"JPEGImages/{stem}.jpg" for stem in evaluation]}


def test_what_is_evaluated_is_not_trained_on(tmp_path):
    write(tmp_path, *standard("ab"), trainval="ab", val="b")
    report, source = Report(), look_for_voc(tmp_path, CLASSES)[TRAINING]
    source.read(report)
    assert report.examples == {IN_OTHER_PART: [str(tmp_path / "Annotations/b.xml")]}
    assert [path.name for path in source.annotation_files] == ["a.xml", "trainval.txt", "val.txt"]


def test_nothing_is_left_to_train_on(tmp_path):
    write(tmp_path, *standard("a"), trainval="a", val="a")
    with pytest.raises(UserError, match=r"trainval\.txt names no images besides those of .*val\.txt\."):
        look_for_voc(tmp_path, CLASSES)


def test_lists_in_deeper_folders(tmp_path):
    """Two years of the challenge, and a task whose own list says nothing of the part."""
    write(tmp_path / "VOC2007", *standard("ab"), train="a", val="b")
    write(tmp_path / "VOC2012", *standard("ac"), train="a", test="c")
    write(tmp_path / "val", *standard("d"), default="d")
    assert found_in(tmp_path) == {TRAINING: ["VOC2007/JPEGImages/a.jpg", "VOC2012/JPEGImages/a.jpg"],
                                  EVALUATION: ["VOC2007/JPEGImages/b.jpg", "val/JPEGImages/d.jpg"],
                                  TEST: ["VOC2012/JPEGImages/c.jpg"]}


@pytest.mark.parametrize(("files", "found"), [
    (["Annotations/1.xml", "Annotations/cam1/1.xml", "JPEGImages/1.jpg"],
     ["JPEGImages/1.jpg", "JPEGImages/cam1/1.jpg"]),
    (["Annotations/cam1/1.xml", "Annotations/cam2/1.xml", "JPEGImages/1.jpg"],
     ["JPEGImages/cam1/1.jpg", "JPEGImages/cam2/1.jpg"]),
    (["Annotations/cam1/1.xml", "Annotations/val/1.xml", "JPEGImages/1.jpg"], ["JPEGImages/cam1/1.jpg"]),
    (["Annotations/cam1/1.xml", "JPEGImages/1.jpg", "JPEGImages/cam1/2.jpg"], ["JPEGImages/cam1/1.jpg"]),
    (["Annotations/cam1/1.xml", "JPEGImages/1.jpg"], ["JPEGImages/1.jpg"]),
    (["Annotations/cam1/1.xml", "Annotations/cam2/1.xml", "JPEGImages/1.jpg", "JPEGImages/cam2/1.jpg"],
     ["JPEGImages/1.jpg", "JPEGImages/cam2/1.jpg"])])
def test_an_image_in_no_sub_folder(tmp_path, files, found):
    """It belongs to an xml file in a sub-folder only if no other one leads to it."""
    write(tmp_path, *files)
    for number, path in enumerate(sorted(tmp_path.rglob("*.xml"))):
        path.write_text(voc_xml([("cat", 2, 3, 5, 7 + number)], "1.jpg"))
    assert found_in(tmp_path)[TRAINING] == found


DOCTYPE = "<!DOCTYPE annotation><annotation/>"


@pytest.mark.parametrize("broken", ["", "<annotation>"])
def test_the_first_file_is_broken(tmp_path, broken):
    write(tmp_path, "train/b.xml", "train/b.jpg", "val/b.xml", "val/b.jpg")
    for part in ("train", "val"):
        (tmp_path / part / "a.xml").write_text(broken)
    assert found_in(tmp_path) == {TRAINING: ["train/b.jpg"], EVALUATION: ["val/b.jpg"]}
    report = Report()
    look_for_voc(tmp_path, CLASSES)[TRAINING].read(report)
    assert dict(report.counts) == {BAD_ANNOTATION: 1}


def test_a_document_type_is_told(tmp_path):
    (tmp_path / "a.xml").write_text(DOCTYPE)
    with pytest.raises(UserError, match=r"No annotations are found in .*a\.xml has a document type declaration"):
        find_parts(FolderConfig(str(tmp_path)))
    write(tmp_path, "b.xml")
    with pytest.raises(UserError, match=r"a\.xml has a document type declaration"):
        found_in(tmp_path)


def test_all_files_are_broken(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.xml").write_text("")
    reason = re.escape(f"{tmp_path / 'a.xml'} cannot be read as xml: no element found")
    with pytest.raises(UserError, match=rf"No annotations are found in .*{reason}"):
        find_parts(FolderConfig(str(tmp_path)))
