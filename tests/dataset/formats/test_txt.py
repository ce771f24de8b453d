import numpy as np
import pytest

from src.dataset.annotations import TRAINING, Report
from src.dataset.formats.txt import look_for_txt, parse_box, read_txt, split_line
from src.utils.errors import UserError
from tests.support.golden_data import golden_json
from tests.support.samples import CLASSES


def in_our_order(boxes):
    """The reference took the numbers `xmin ymin xmax ymax` for `ymin xmin ymax xmax`: swapped here."""
    return [[ymin, xmin, ymax, xmax, label] for xmin, ymin, xmax, ymax, label in boxes]


def test_golden_tokens():
    cases = golden_json("txt_annotation.json")["anno_parser"]
    for case in cases:
        # Deviation: the number of fields is checked.
        wrong_length = any(len(token.split(",")) != 5 for token in case["tokens"])
        if "error" in case or wrong_length:
            with pytest.raises(ValueError):
                [parse_box(token) for token in case["tokens"]]
        else:
            assert [parse_box(token) for token in case["tokens"]] == in_our_order(case["result"])
    assert len(cases) == 15


def test_golden_file(tmp_path):
    golden = golden_json("txt_annotation.json")["txt_file"]
    path = tmp_path / "list.txt"
    path.write_text("\n".join(golden["lines"]))
    records = {record.image_id: record for record in read_txt(path, "", Report())}
    # Images that do not exist are left out later, when they are opened.
    existing = [image_id for image_id, record in records.items() if record.path in golden["existing_images"]]
    assert existing == golden["image_ids"]
    for image_id in existing:
        assert records[image_id].path == golden["paths"][str(image_id)]
        assert records[image_id].pixel_boxes.tolist() == in_our_order(golden["annotations"][str(image_id)])


def test_columns_are_xmin_ymin_xmax_ymax():
    assert parse_box("1,2,30,40,5") == [2, 1, 40, 30, 5]


@pytest.mark.parametrize("line", ["e.jpg  122,36,162,80,1", "e.jpg\t122,36,162,80,1", "\te.jpg \t 122,36,162,80,1 "])
def test_any_blank_separates(tmp_path, line):
    path = tmp_path / "list.txt"
    path.write_text(f"# a comment\n\n{line}\n")
    record, = read_txt(path, tmp_path, Report())
    assert record.image_id == 2
    assert record.pixel_boxes.tolist() == [[36, 122, 80, 162, 1]]
    assert record.path == str(tmp_path / "e.jpg")


@pytest.mark.parametrize("token", ["1,2,3,4", "1,2,3,4,5,6", "1.5,2,3,4,5", "a,b,c,d,e", "1,2,3,4,5,", "word"])
def test_errors_name_file_line_and_token(tmp_path, token):
    path = tmp_path / "list.txt"
    path.write_text(f"a.jpg 1,2,3,4,5\nb.jpg 1,2,3,4,5 {token}\n")
    with pytest.raises(UserError, match=r"list\.txt, line 2") as error:
        read_txt(path, tmp_path, Report())
    assert f"'{token}'" in str(error.value)


def test_empty_file_and_missing_file(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf\n")
    assert read_txt(path, tmp_path, Report()) == []
    with pytest.raises(UserError, match=r"none\.txt cannot be read"):
        read_txt(tmp_path / "none.txt", tmp_path, Report())
    path.write_bytes(b"a.jpg \xff\xfe")
    with pytest.raises(UserError, match="line 1 is not UTF-8 text; save the file as UTF-8"):
        read_txt(path, tmp_path, Report())


def test_image_without_boxes_is_a_record(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("a.jpg")
    record, = read_txt(path, tmp_path, Report())
    assert record.pixel_boxes.shape == (0, 5)
    assert record.pixel_boxes.dtype == np.int32


@pytest.mark.parametrize(("line", "name", "boxes"), [
    ("my own picture.JPG 1,2,3,4,5", "my own picture.JPG", ["1,2,3,4,5"]),
    ("a.jpg b.png 1,2,3,4,5", "a.jpg b.png", ["1,2,3,4,5"]),
    ("my  picture.jfif", "my  picture.jfif", []),
    ("Smith, John.jpg\t1,2,3,4,5 6,7,8,9,1", "Smith, John.jpg", ["1,2,3,4,5", "6,7,8,9,1"]),
    ("picture 1,2,3,4,5", "picture", ["1,2,3,4,5"]),
    ("a.jpg.5 1,2,3,4,5", "a.jpg.5", ["1,2,3,4,5"]),
])
def test_names_may_hold_blanks(line, name, boxes):
    assert split_line(line) == (name, boxes)


@pytest.mark.parametrize("line", ["a.jpg,1,2,3,4,5", "a.jpg,1,2,3,4,5 6,7,8,9,1", "a.jpg, 1,2,3,4,5",
                                  "a.jpg;1;2;3;4;5"])
def test_commas_behind_the_name_are_no_silent_loss(tmp_path, line):
    path = tmp_path / "list.txt"
    path.write_text(f"b.jpg 1,2,3,4,5\n{line}\n")
    with pytest.raises(UserError, match=r"list\.txt, line 2: .*has no blank behind the name.*blanks between the parts"):
        read_txt(path, tmp_path, Report())
    (tmp_path / line.split()[0]).touch()
    assert len(read_txt(path, tmp_path, Report())) == 2  # an odd name of a file, but there it is


def test_a_list_that_names_no_part(tmp_path, caplog):
    for name in ("all", "train"):
        (tmp_path / f"{name}.txt").write_text("a.png 1,2,30,40,1\n")
    assert look_for_txt(tmp_path, CLASSES)[TRAINING].annotation_files == [tmp_path / "train.txt"]
    assert f"{tmp_path / 'all.txt'} is not used: its name tells no part, and {tmp_path / 'train.txt'} is for" \
        in caplog.text
    (tmp_path / "train.txt").unlink()
    assert look_for_txt(tmp_path, CLASSES)[TRAINING].annotation_files == [tmp_path / "all.txt"]
