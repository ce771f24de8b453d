"""`classes: auto`: the names that the annotations of one's own data give."""
import json

import cv2
import numpy as np
import pytest

from src.config import load_config
from src.dataset.class_names import with_class_names
from src.dataset.convert import FolderConfig
from src.dataset.found_data import with_found_data
from src.dataset.sources import read_annotations
from src.ssd import build_detector
from src.utils.errors import UserError
from tests.support.program_files import region, task
from tests.support.samples import voc_xml


def voc_folder(folder, objects):
    """One xml file and image for each list of names."""
    folder.mkdir(parents=True)
    for number, names in enumerate(objects):
        boxes = [(name, 2, 2, 20, 20) for name in names]
        (folder / f"{number}.xml").write_text(voc_xml(boxes, f"{number}.png", 40, 30))
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((30, 40, 3), np.uint8))
    return [f"--voc_root={folder}", "--dataset=voc", "--classes=auto"]


def test_names_of_annotations_sorted(tmp_path):
    config = load_config(voc_folder(tmp_path / "own", [["dog"], ["cat", "dog"], []]))
    named = with_class_names(config)
    assert (named.classes, named.num_classes) == (("background", "cat", "dog"), 3)
    assert with_class_names(named) is named


def test_annotations_without_a_name(tmp_path):
    with pytest.raises(UserError, match="no class is named"):
        with_class_names(load_config(voc_folder(tmp_path / "own", [[], []])))


def test_what_was_left_out_is_told(tmp_path):
    """As where a detector has written predictions that nobody has looked at."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 40, 3), np.uint8))
    found = region({"x": 10, "y": 10, "width": 50, "height": 50, "rotation": 0})
    (tmp_path / "tasks.json").write_text(json.dumps([task(annotations=[], predictions=[{"result": [found]}])]))
    with pytest.raises(UserError, match=r"no class is named .*; left out: 1 images .*predictions do not count"):
        with_found_data(FolderConfig(str(tmp_path)))


@pytest.mark.parametrize("name", ["background", "__background__"])
def test_an_object_that_is_called_background(tmp_path, name):
    config = load_config(voc_folder(tmp_path / "own", [["dog"], [name, name], ["cat"]]))
    with pytest.raises(UserError, match=f"have 2 boxes of a class called '{name}'.*--classes=background,cat,dog. "
                                        "Classes found: "):
        with_class_names(config)


def text_flags(folder, lines, names=None):
    (folder / "list.txt").write_text("\n".join(lines))
    if names is not None:
        (folder / "classes.txt").write_text("\n".join(names))
    return ["--dataset=other", f"--image_dir={folder}", f"--anno_path={folder / 'list.txt'}"]


LIST = ["a.jpg 0,0,5,5,3", "b.jpg 0,0,5,5,1 0,0,5,5,2"]


@pytest.mark.parametrize(("file", "names"), [
    (None, ("class_1", "class_2", "class_3")),
    (["cat", "dog", "", "bird"], ("cat", "dog", "bird")),
])
def test_names_of_numbers(tmp_path, file, names):
    flags = [*text_flags(tmp_path, LIST, file), "--classes=auto"]
    assert with_class_names(load_config(flags)).classes == ("background", *names)


@pytest.mark.parametrize(("lines", "names", "message"), [
    (LIST, ["cat", "cat"], "has 2 names, 1 of them different; expected"),
    (LIST, ["background", "cat", "dog", "bird"],
     r"names the background.*delete the line.*begins with a.jpg 0,0,5,5,3 \| b.jpg .*; the names with 1 background"),
    (["a.jpg 0,0,5,5,0", "b.jpg 0,0,5,5,2"], ["cat", "dog", "bird"],
     "has boxes of class 0. Classes count from 1; .* begins with a.jpg 0,0,5,5,0.*; the names with 1 cat, 2 dog, 3 bi"),
    (["a.jpg 0,0,5,5,-1"], None, r"has boxes of class -1.* begins with a.jpg 0,0,5,5,-1\.$"),
])
def test_names_and_numbers_that_do_not_belong_together(tmp_path, lines, names, message):
    with pytest.raises(UserError, match=message):
        with_class_names(load_config([*text_flags(tmp_path, lines, names), "--classes=auto"]))


def test_a_class_without_a_box_is_told(tmp_path, caplog):
    flags = [*text_flags(tmp_path, ["a.jpg 0,0,5,5,1"], ["cat", "dog"]), "--classes=auto"]
    assert with_class_names(load_config(flags)).classes == ("background", "cat", "dog")
    assert "list.txt has no box of these classes of " in caplog.text and "classes.txt: dog. Is that" in caplog.text


def test_a_label_far_above_the_others(tmp_path, caplog):
    flags = [*text_flags(tmp_path, ["a.jpg 0,0,5,5,1 0,0,5,5,9000"]), "--classes=auto"]
    with pytest.raises(UserError, match=r"has a box with the label 9000, but boxes of 2 classes only. Correct the lab"):
        with_class_names(load_config(flags))
    text_flags(tmp_path, ["a.jpg 0,0,5,5,1 0,0,5,5,80"])  # as some classes of COCO may have
    assert len(with_class_names(load_config(flags)).classes) == 81
    assert "boxes of 2 classes, the last of which has the label 80: 78 classes without boxes are trained" in caplog.text
    text_flags(tmp_path, [f"a.jpg 0,0,5,5,{number}" for number in range(1, 1200)])
    assert len(with_class_names(load_config(flags)).classes) == 1200


@pytest.mark.parametrize("is_training", [True, False])
def test_the_names_of_a_list_keep_the_order_of_the_configuration(tmp_path, is_training):
    flags = text_flags(tmp_path, LIST, ["dog", "cat", "bird"])
    with pytest.raises(UserError, match=r"The class dog has the number 2 in the config.*, and 1 in .*classes.txt"):
        read_annotations(load_config([*flags, "--classes=background,cat,dog,bird", "--num_classes=4"]), is_training)
    config = load_config([*flags, "--classes=background,dog,cat,bird", "--num_classes=4"])
    for names in (["dog", "cat", "bird"], ["background", "dog", "cat", "bird"], ["hond", "kat", "vogel"]):
        text_flags(tmp_path, LIST, names)
        assert len(read_annotations(config, is_training)) == 2
    text_flags(tmp_path, ["a.jpg 0,0,5,5,0"])
    with pytest.raises(UserError, match=r"has boxes of class 0.*the names with 1 dog, 2 cat, 3 bird"):
        read_annotations(config, is_training)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings_of_the_list_of_names(tmp_path, encoding):
    (tmp_path / "list.txt").write_text("a.jpg 0,0,5,5,2\n", encoding=encoding)
    (tmp_path / "classes.txt").write_text("caf\u00e9\ndog\n", encoding=encoding)
    flags = ["--dataset=other", f"--image_dir={tmp_path}", f"--anno_path={tmp_path / 'list.txt'}", "--classes=auto"]
    if encoding == "cp1252":
        with pytest.raises(UserError, match=r"classes\.txt cannot be read: line 1 is not UTF-8 text"):
            with_class_names(load_config(flags))
    else:
        assert with_class_names(load_config(flags)).classes == ("background", "caf\u00e9", "dog")


def test_an_absurd_label_names_no_classes(tmp_path):
    (tmp_path / "list.txt").write_text(f"a.jpg 0,0,5,5,1 0,0,5,5,{10**12}\n")
    flags = ["--dataset=other", f"--image_dir={tmp_path}", f"--anno_path={tmp_path / 'list.txt'}", "--classes=auto"]
    with pytest.raises(UserError, match=r"list\.txt has a box with the label 1000000000000.*Correct the label"):
        with_class_names(load_config(flags))


def test_a_network_needs_names():
    with pytest.raises(UserError, match="in the output_path"):
        build_detector(load_config(["--classes=auto"]))
