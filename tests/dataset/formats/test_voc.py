import pytest

from src.dataset.annotations import (
    BAD_ANNOTATION,
    BAD_BOX,
    IN_OTHER_PART,
    MISSING_ANNOTATION,
    OTHER_NAME,
    UNKNOWN_CLASS,
    Report,
)
from src.dataset.file_names import FileNames
from src.dataset.formats.coco import coco_ground_truth
from src.dataset.formats.voc import read_voc
from src.dataset.formats.voc_images import find_image
from src.dataset.formats.voc_layout import VocLayout, find_layout, listed_file
from src.utils.errors import UserError
from tests.support.golden_data import golden_json
from tests.support.samples import CLASSES, voc_xml


def write_golden(folder, golden):
    for entry in golden["inputs"]:
        stem = entry["filename"].rsplit(".", 1)[0]
        objects = [(item["name"], *item["xmin_ymin_xmax_ymax_text"]) for item in entry["objects"]]
        (folder / f"{stem}.xml").write_text(voc_xml(objects, entry["filename"], entry["width"], entry["height"]))
        if entry["filename"] != golden["missing_image"]:
            (folder / entry["filename"]).write_bytes(b"")


def file_name(record):
    return record.path.replace("\\", "/").rpartition("/")[2]


@pytest.mark.parametrize("part", ["train", "eval"])
def test_golden_records(tmp_path, part):
    golden = golden_json("txt_annotation.json")["voc"]
    write_golden(tmp_path, golden)
    report = Report()
    records = {file_name(record): record for record in read_voc(VocLayout(tmp_path, tmp_path), golden["classes"],
                                                                report)}
    assert len(records) == len(golden["inputs"])
    del records[golden["missing_image"]]
    assert {name for name, record in records.items() if len(record.pixel_boxes)} == set(golden[part])
    for name, wanted in golden[part].items():
        assert records[name].pixel_boxes.tolist() == wanted["annotations_ymin_xmin_ymax_xmax_label"]
        assert records[name].size == (160, 220)
        if wanted["id_is_from_name"]:
            assert records[name].image_id == wanted["id"]
    assert len({record.image_id for record in records.values()}) == len(records)
    assert dict(report.counts) == {UNKNOWN_CLASS: 2}


def test_golden_ground_truth(tmp_path):
    golden = golden_json("txt_annotation.json")["voc"]
    write_golden(tmp_path, golden)
    records = read_voc(VocLayout(tmp_path, tmp_path), golden["classes"], Report())
    entries = [(record.image_id, file_name(record), *record.size, record.pixel_boxes) for record in records
               if file_name(record) != golden["missing_image"]]
    ground_truth = coco_ground_truth(entries, golden["classes"])
    wanted = golden["eval_json"]
    assert sorted(ground_truth) == wanted["top_keys"]
    assert ground_truth["categories"] == wanted["categories"]
    names = {image["id"]: image["file_name"] for image in ground_truth["images"]}
    images = [{key: image[key] for key in ("file_name", "height", "width")} for image in ground_truth["images"]]
    assert sorted(images, key=lambda image: image["file_name"]) == wanted["images"]
    found = [{**{key: value for key, value in annotation.items() if key not in ("id", "image_id")},
              "file_name": names[annotation["image_id"]]} for annotation in ground_truth["annotations"]]
    # Deviation: a box whose corners are in the wrong order is left out instead of being measured without its sign.
    expected = [annotation for annotation in wanted["annotations"] if annotation["file_name"] != "000301.jpg"]
    assert sorted(found, key=str) == sorted(({key: item[key] for key in found[0]} for item in expected), key=str)
    assert [annotation["id"] for annotation in ground_truth["annotations"]] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize(("stated", "stem", "images", "found"), [
    ("a.png", "a", {"a.jpg", "a.png"}, "a.png"),
    ("a", "a", {"a.JPG"}, "a.JPG"),
    ("", "a", {"a.jpeg"}, "a.jpeg"),
    (None, "a", {"a.bmp"}, "a.bmp"),
    ("old.jpg", "a", {"a.jpg", "old.jpg"}, "a.jpg"),
    ("old.jpg", "a", {"old.jpg"}, "old.jpg"),
    ("old.png", "a", {"old.jpg"}, "old.jpg"),
    ("C:\\pictures\\a.jpg", "a", {"a.jpg"}, "a.jpg"),
    ("../../a.jpg", "a", {"a.jpg"}, "a.jpg"),
    ("a.jpg", "a", {"b.jpg"}, None),
    ("a.jpg", "a", {"a.Jpg"}, "a.Jpg"),
    ("", "a", {"a.JfIf"}, "a.JfIf"),
    ("caf\u00e9.jpg", "cafe\u0301", {"cafe\u0301.jpg"}, "cafe\u0301.jpg"),
    ("a.jpg", "cam1/a", {"cam1/a.jpg", "cam2/a.jpg"}, "cam1/a.jpg"),
    ("cam1/a.jpg", "cam1/a", {"cam1/a.jpg", "a.jpg"}, "cam1/a.jpg"),
    ("cam2\\a.jpg", "a", {"cam1/a.jpg", "cam2/a.jpg"}, "cam2/a.jpg"),
    ("a.jpg", "cam1/a", {"a.jpg"}, "a.jpg"),
    ("a.jpg", "a", {"cam1/a.jpg"}, None),
])
def test_find_image(stated, stem, images, found):
    assert find_image(stated, stem, FileNames(images)) == found


def make_standard(root, splits):
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / name).mkdir(parents=True)
    for split in splits:
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text(f"{split} 1\n\n")


@pytest.mark.parametrize(("splits", "training", "evaluation"), [
    (("train", "val", "trainval", "test"), "trainval", "test"),
    (("train", "val", "trainval"), "train", "val"),
    (("train", "val"), "train", "val"),
    (("train", "test"), "train", "test"),
    (("train", "test", "train2017", "val2017"), "train2017", "val2017"),
    (("default", "test"), "default", "test"),
])
def test_standard_layout_chooses_the_split(tmp_path, splits, training, evaluation):
    make_standard(tmp_path, splits)
    layout = find_layout(tmp_path, True, "train2017")
    assert layout.annotation_files() == [tmp_path / "Annotations" / f"{training}.xml"]
    assert layout.image_dir == tmp_path / "JPEGImages"
    layout = find_layout(tmp_path, False, "val2017")
    assert layout.annotation_files() == [tmp_path / "Annotations" / f"{evaluation}.xml"]


def test_documented_layouts(tmp_path):
    (tmp_path / "train" / "Images").mkdir(parents=True)
    (tmp_path / "train" / "Annotations").mkdir()
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "b.xml").write_text(voc_xml([]))
    (tmp_path / "eval" / "b.jpg").write_text("")
    assert find_layout(tmp_path, True, "x")[:2] == (tmp_path / "train" / "Images", tmp_path / "train" / "Annotations")
    layout = find_layout(tmp_path, False, "x")
    assert layout == VocLayout(tmp_path / "eval", tmp_path / "eval")
    assert layout.annotation_files() == [tmp_path / "eval" / "b.xml"]


def test_no_layout_names_what_was_looked_for(tmp_path):
    make_standard(tmp_path, [])
    with pytest.raises(UserError) as error:
        find_layout(tmp_path, True, "train2017")
    for word in ("train2017.txt", "train.txt", "JPEGImages", str(tmp_path / "train")):
        assert word in str(error.value)


def test_lists_that_are_there_are_named(tmp_path):
    make_standard(tmp_path, ["cats", "dogs"])
    with pytest.raises(UserError, match=r"there is cats\.txt, dogs\.txt\. A list .*--val_data_type=NAME"):
        find_layout(tmp_path, False, "val2017")


@pytest.mark.parametrize(("line", "name"), [
    ("a", "a"), ("a 1", "a"), ("a  -1", "a"), ("a.jpg 0", "a"), ("a.JPG", "a"), ("a.xml", "a"),
    ("a other columns", "a"), ("a b", "a b"), ("a b 1", "a b"), ("a b.jpg -1", "a b"), ("c 1", "c 1"),
    ("c 1 1", "c 1"), ("d.5", "d.5"), ("cam1/a", "cam1/a"), ("cam1\\a.jpg 1", "cam1/a"),
    ("cafe\u0301", "caf\u00e9"),
    ("none", "none"), ("none 1", "none"), ("no file -1", "no file"),
])
def test_lines_of_lists(tmp_path, line, name):
    (tmp_path / "cam1").mkdir()
    for stem in ("a", "a b", "c 1", "d.5", "cam1/a", "caf\u00e9"):
        (tmp_path / f"{stem}.xml").touch()
    assert listed_file(tmp_path, line) == tmp_path / f"{name}.xml"


@pytest.mark.parametrize("folders", ["standard", "part", "parts_of_a_part", "whole", "whole_with_folders"])
def test_sub_folders(tmp_path, folders):
    images, annotations = {
        "standard": ("JPEGImages", "Annotations"), "part": ("train", "train"),
        "parts_of_a_part": ("train/JPEGImages", "train/Annotations"), "whole": ("", ""),
        "whole_with_folders": ("images", "Annotations")}[folders]
    names = ["cam1/000", "cam1/deep/000", "cam2/000", "val/000"]
    for number, name in enumerate(names):
        boxes = voc_xml([("cat", 1, 2, 9, 9 + number)])
        for folder, suffix, text in ((images, "Jpg", ""), (annotations, "xml", boxes)):
            path = tmp_path / folder / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if folders == "standard":
        (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
        (tmp_path / "ImageSets" / "Main" / "train.txt").write_text("".join(f"{name}\n" for name in names[:3]))
    report = Report()
    records = read_voc(find_layout(tmp_path, True, "train"), CLASSES, report)
    if not folders.startswith("part"):
        names.pop()  # `val` is a part of its own, and in a part a sub-folder like any other
    assert [record.path for record in records] == [str(tmp_path / images / f"{name}.Jpg") for name in names]
    assert [record.pixel_boxes[0, 2] for record in records] == [8, 9, 10, 11][:len(names)]
    assert [record.image_id for record in records] == [0, 1, 2, 3][:len(names)]
    assert dict(report.counts) == ({IN_OTHER_PART: 1} if folders.startswith("whole") else {})


def read_one(tmp_path, content, encoding="utf-8"):
    (tmp_path / "a.xml").write_bytes(content.encode(encoding))
    (tmp_path / "a.jpg").write_bytes(b"")
    report = Report()
    return read_voc(VocLayout(tmp_path, tmp_path), CLASSES, report), report


BOMB = """<!DOCTYPE a [<!ENTITY x "boom"><!ENTITY y "&x;&x;&x;">]><annotation><filename>&y;</filename></annotation>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_are_refused(tmp_path, encoding):
    with pytest.raises(UserError, match=r"a\.xml.*document type"):
        read_one(tmp_path, BOMB, encoding)


@pytest.mark.parametrize("content", ["", "<annotation><object>", "not xml",
                                     "<?xml version='1.0' encoding='no-such'?><annotation/>"])
def test_broken_xml_is_counted(tmp_path, content):
    records, report = read_one(tmp_path, content)
    assert records == []
    assert dict(report.counts) == {BAD_ANNOTATION: 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "GB2312", "shift_jis"])
def test_encodings_that_xml_files_name(tmp_path, encoding):
    name = "caf\u00e9" if encoding == "latin-1" else "\u732b"
    before = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>"
    (tmp_path / f"{name}.jpg").touch()
    (tmp_path / "a.xml").write_bytes((before + voc_xml([(name, 1, 2, 3, 4)], f"{name}.jpg")).encode(encoding))
    record, = read_voc(VocLayout(tmp_path, tmp_path), ("background", name), Report())
    assert (file_name(record), record.pixel_boxes.tolist()) == (f"{name}.jpg", [[1, 0, 3, 2, 1]])


def test_odd_objects(tmp_path):
    records, report = read_one(tmp_path, voc_xml([
        ("cat", "nan", 1, 2, 3), ("cat", "", 1, 2, 3), (" dog ", "2", "3.9", "20.1", "30"), ("bird", 1, 2, 3, 4),
    ]).replace("</annotation>", "<object><name>cat</name></object><object/></annotation>"))
    # int(3.9) - 1, 2 - 1, 30 - 1, int(20.1) - 1
    assert records[0].pixel_boxes.tolist() == [[2, 1, 29, 19, 2]]
    assert dict(report.counts) == {BAD_BOX: 3, UNKNOWN_CLASS: 2}


def test_missing_annotation_of_a_split_and_wrong_file_name(tmp_path):
    make_standard(tmp_path, [])
    (tmp_path / "ImageSets" / "Main" / "train.txt").write_text("a\nb\na\n")
    (tmp_path / "JPEGImages" / "a.jpg").write_bytes(b"")
    (tmp_path / "Annotations" / "a.xml").write_text(voc_xml([("cat", 1, 2, 3, 4)], "other.jpg"))
    report = Report()
    record, = read_voc(find_layout(tmp_path, True, ""), CLASSES, report)
    assert file_name(record) == "a.jpg"
    assert dict(report.counts) == {MISSING_ANNOTATION: 1, OTHER_NAME: 1}
    missing, split = tmp_path / "Annotations" / "b.xml", tmp_path / "ImageSets" / "Main" / "train.txt"
    assert report.examples[MISSING_ANNOTATION] == [f"{missing}, listed in {split}"]


def test_two_annotations_of_one_image_have_two_ids(tmp_path):
    (tmp_path / "7.jpg").write_bytes(b"")
    for stem in ("x", "y"):
        (tmp_path / f"{stem}.xml").write_text(voc_xml([("cat", 1, 2, 3, 4)], "7.jpg"))
    records = read_voc(VocLayout(tmp_path, tmp_path), CLASSES, Report())
    assert [file_name(record) for record in records] == ["7.jpg", "7.jpg"]
    assert [record.image_id for record in records] == [7, 1]
