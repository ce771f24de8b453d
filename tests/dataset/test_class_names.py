"""`classes: auto`: the names that the annotations of one's own data give."""
import cv2
import numpy as np
import pytest

from src.config import load_config
from src.dataset import with_class_names
from src.ssd import build_detector
from src.utils.errors import UserError
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


@pytest.mark.parametrize("file, names", [
    (None, ("class_1", "class_2", "class_3")),
    ("cat\ndog\n\nbird\n", ("cat", "dog", "bird")),
])
def test_names_of_numbers(tmp_path, file, names):
    (tmp_path / "list.txt").write_text("a.jpg 0,0,5,5,3\nb.jpg 0,0,5,5,1\n")
    if file:
        (tmp_path / "classes.txt").write_text(file)
    flags = ["--dataset=other", f"--image_dir={tmp_path}", f"--anno_path={tmp_path / 'list.txt'}", "--classes=auto"]
    assert with_class_names(load_config(flags)).classes == ("background", *names)
    (tmp_path / "classes.txt").write_text("cat\ncat\n")
    with pytest.raises(UserError, match="has 2 names, 1 of them different"):
        with_class_names(load_config(flags))


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
