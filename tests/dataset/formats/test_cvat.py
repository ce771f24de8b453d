import pytest

from src.config import load_config
from src.dataset.annotations import (
    BAD_BOX,
    EVALUATION,
    IN_OTHER_PART,
    NO_OUTLINE,
    TEST,
    TRAINING,
    UNKNOWN_CLASS,
    Report,
)
from src.dataset.formats.cvat import look_for_cvat, read_cvat
from src.dataset.sources import read_annotations
from src.utils.errors import UserError
from tests.support.program_files import cvat_box, cvat_xml
from tests.support.samples import CLASSES

IMAGE = 'id="0" name="a.png"'


def read(tmp_path, *shapes):
    (tmp_path / "annotations.xml").write_text(cvat_xml([(IMAGE, "".join(shapes))]))
    report = Report()
    image, = read_cvat(tmp_path / "annotations.xml", CLASSES, report)
    return image, report


@pytest.mark.parametrize(("shape", "expected"), [
    (cvat_box("cat", "10.50", "5.50", "30.40", "35.60"), [6, 10, 36, 30]),
    (cvat_box("cat", 10, 20, 50, 40, ' rotation="90.00"'), [10, 20, 50, 40]),  # about its centre
    (cvat_box("cat", 10, 20, 50, 40, ' rotation="315.00"'), [9, 9, 51, 51]),  # 30 +- 30 / sqrt(2)
    ('<polygon label="cat" points="1.50,2.50;10.00,4.00;3.00,20.00"/>', [2, 2, 20, 10]),
    ('<ellipse label="cat" cx="40.00" cy="30.00" rx="20.00" ry="10.00"/>', [20, 20, 40, 60]),
    ('<ellipse label="cat" cx="40.00" cy="30.00" rx="20.00" ry="10.00" rotation="90.00"/>', [10, 30, 50, 50]),
    ('<mask label="cat" rle="3, 5" left="5" top="6" width="7" height="8"/>', [6, 5, 14, 12]),
    ('<cuboid label="cat" xtl1="10" ytl1="10" xbl1="10" ybl1="30" xtr1="30" ytr1="12" xbr1="30" ybr1="32" xtl2="15" '
     'ytl2="5" xbl2="15" ybl2="25" xtr2="40" ytr2="7" xbr2="40" ybr2="27"/>', [5, 10, 32, 40])])
def test_shapes(tmp_path, shape, expected):
    image, report = read(tmp_path, shape)
    assert image.pixel_boxes.tolist() == [[*expected, 1]]
    assert image.size == (60, 80)
    assert not report.counts


def test_what_is_left_out(tmp_path):
    image, report = read(
        tmp_path, '<tag label="night"/>', '<points label="cat" points="1,1"/>',
        '<polyline label="cat" points="1,1;2,2"/>',
        '<skeleton label="cat"><points label="nose" points="1,1"/></skeleton>', cvat_box("bird", 1, 2, 3, 4),
        cvat_box("cat", 1, "nan", 3, 4), '<box label="cat" xtl="1"/>', '<polygon label="cat" points=""/>')
    assert image.pixel_boxes.shape == (0, 5)
    assert dict(report.counts) == {NO_OUTLINE: 3, UNKNOWN_CLASS: 1, BAD_BOX: 3}
    assert dict(report.classes) == {"bird": 1, "cat": 3}
    assert report.examples[BAD_BOX][0] == "annotations.xml: a.png: ytl of a box: 'nan' is no number"


def records(folder):
    """Of each purpose: path of the image below the folder, label of its box."""
    return {purpose: [(record.path[len(str(folder)) + 1:], *record.pixel_boxes[:, 4].tolist())
                      for record in source.read(Report())]
            for purpose, source in look_for_cvat(folder, CLASSES).items()}


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize("places", [
    ("images/a.png", "images/sub/b.png"), ("a.png", "sub/b.png"), ("p/a.png", "p/b.png")])
def test_where_images_are(tmp_path, places):
    touch(tmp_path, *places)
    (tmp_path / "annotations.xml").write_text(cvat_xml([
        ('id="0" name="sub/b.png"', cvat_box("dog", 1, 2, 3, 4)), (IMAGE, cvat_box("cat", 1, 2, 3, 4))]))
    assert records(tmp_path) == {TRAINING: [(places[0], 1), (places[1], 2)]}


def test_subsets_of_a_project(tmp_path):
    """Two tasks may have images of one name."""
    touch(tmp_path, "images/Train/a.png", "images/Validation/a.png", "images/default/b.png", "images/test/a.png")
    (tmp_path / "annotations.xml").write_text(cvat_xml([
        ('id="0" name="a.png" subset="Train"', cvat_box("cat", 1, 2, 3, 4)),
        ('id="0" name="a.png" subset="Validation"', cvat_box("dog", 1, 2, 3, 4)),
        ('id="0" name="b.png" subset="default"', ""), ('id="0" name="a.png" subset="test"', "")]))
    assert records(tmp_path) == {TRAINING: [("images/Train/a.png", 1), ("images/default/b.png",)],
                                 EVALUATION: [("images/Validation/a.png", 2)], TEST: [("images/test/a.png",)]}


def test_subsets_are_trained_on_and_evaluated_with(tmp_path):
    (tmp_path / "annotations.xml").write_text(cvat_xml([
        (f'id="0" name="a.png" subset="{subset}"', cvat_box("cat", 1, 2, 3, 4)) for subset in ("Train", "Val")]))
    flags = ["--dataset=cvat", f"--data={tmp_path}", "--classes=background,cat", "--num_classes=2", "--val_share=0.5"]
    config = load_config(flags)
    for is_training, subset in ((True, "Train"), (False, "Val")):
        record, = read_annotations(config, is_training)
        assert record.path == str(tmp_path / "images" / subset / "a.png")


def test_several_files(tmp_path):
    """Tasks that are unpacked side by side, with images of one name."""
    for name, label in (("task_1", "cat"), ("task_2", "dog"), ("task_val", "cat")):
        touch(tmp_path, f"{name}/images/a.png")
        (tmp_path / name / "annotations.xml").write_text(cvat_xml([(IMAGE, cvat_box(label, 1, 2, 3, 4))]))
    parts = records(tmp_path)
    assert parts == {EVALUATION: [("task_val/images/a.png", 1)],
                     TRAINING: [("task_1/images/a.png", 1), ("task_2/images/a.png", 2)]}


SUBSETS = [('id="0" name="a.png" subset="Train"', cvat_box("cat", 1, 2, 3, 4)),
           ('id="1" name="b.png" subset="Train"', ""),
           ('id="2" name="a.png" subset="Validation"', cvat_box("dog", 1, 2, 3, 4))]


def test_an_image_of_another_part_is_not_taken(tmp_path):
    touch(tmp_path, "subsets/images/Train/b.png", "subsets/images/Validation/a.png", "files/val/images/a.png")
    (tmp_path / "subsets" / "annotations.xml").write_text(cvat_xml(SUBSETS))
    for part in ("train", "val"):
        touch(tmp_path, f"files/{part}/annotations.xml")
        (tmp_path / "files" / part / "annotations.xml").write_text(cvat_xml([(IMAGE, cvat_box("cat", 1, 2, 3, 4))]))
    assert records(tmp_path / "subsets") == {TRAINING: [("images/Train/a.png", 1), ("images/Train/b.png",)],
                                             EVALUATION: [("images/Validation/a.png", 2)]}
    assert records(tmp_path / "files") == {TRAINING: [("train/images/a.png", 1)],
                                           EVALUATION: [("val/images/a.png", 1)]}


@pytest.mark.parametrize(("place", "more"), [("task_7", ""), ("task_7", ' subset="default"'), ("train/task_7", "")])
def test_what_names_no_part_is_for_training(tmp_path, place, more):
    touch(tmp_path, "project_1/images/Train/a.png", "project_1/images/Train/b.png",
          "project_1/images/Validation/a.png", "project_1/images/c.png", f"{place}/images/d.png")
    (tmp_path / "project_1" / "annotations.xml").write_text(cvat_xml([*SUBSETS, ('id="3" name="c.png"', "")]))
    (tmp_path / place / "annotations.xml").write_text(cvat_xml([(f'id="0" name="d.png"{more}', "")]))
    assert {purpose: sorted(path for path, *_ in found) for purpose, found in records(tmp_path).items()} == {
        TRAINING: ["project_1/images/Train/a.png", "project_1/images/Train/b.png", "project_1/images/c.png",
                   f"{place}/images/d.png"],
        EVALUATION: ["project_1/images/Validation/a.png"]}


@pytest.mark.parametrize("other", ["", "train"])
def test_tasks_in_folders_of_parts(tmp_path, other):
    places = {"train/task_1": TRAINING, "Val/task_2": EVALUATION, f"{other}/task_3".lstrip("/"): TRAINING}
    for place in places:
        touch(tmp_path, f"{place}/images/a.png", f"{place}/annotations.xml")
        (tmp_path / place / "annotations.xml").write_text(cvat_xml([(IMAGE, "")]))
    found = {path: purpose for purpose, images in records(tmp_path).items() for path, *_ in images}
    assert found == {f"{place}/images/a.png": purpose for place, purpose in places.items()}


def test_images_that_name_no_part_and_are_in_another(tmp_path):
    """An export of everything, beside those of the parts."""
    touch(tmp_path, "images/a.png", "images/b.png")
    for name, images in (("all", "ab"), ("val", "b")):
        (tmp_path / f"{name}.xml").write_text(cvat_xml([(f'id="0" name="{image}.png"', "") for image in images]))
    report = Report()
    training = look_for_cvat(tmp_path, CLASSES)[TRAINING]
    assert [record.path for record in training.read(report)] == [str(tmp_path / "images/a.png")]
    assert report.examples == {IN_OTHER_PART: ["images/b.png"]}


def test_a_project_with_nothing_for_training_is_refused(tmp_path):
    (tmp_path / "annotations.xml").write_text(cvat_xml([('id="0" name="a.png" subset="Test"', "")]))
    assert list(look_for_cvat(tmp_path, CLASSES)) == [TEST]
    with pytest.raises(UserError, match="has images for test, and none for training"):
        read_annotations(load_config([f"--data={tmp_path}", "--dataset=auto"]), True)


def test_files_of_another_kind(tmp_path):
    path = tmp_path / "annotations.xml"
    path.write_text('<annotations><version>1.1</version><track id="0" label="cat"></track></annotations>')
    with pytest.raises(UserError, match="CVAT for video, whose tracks name no images"):
        read_cvat(path, CLASSES, Report())
    path.write_text("<annotation><object/></annotation>")
    assert look_for_cvat(tmp_path, CLASSES) == {}
    with pytest.raises(UserError, match="begins with <annotation>, expected is <annotations>"):
        read_cvat(path, CLASSES, Report())
