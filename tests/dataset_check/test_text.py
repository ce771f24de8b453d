"""The words of a check."""
import numpy as np

from src.dataset.annotations import Report
from src.dataset_check.content import CheckedImage, DataPart
from src.dataset_check.text import Findings, report_text


def findings_of(classes, boxes):
    """What is found in one training image with these boxes."""
    image = CheckedImage(1, "1.png", (60, 80), np.array(boxes, np.int32), b"")
    return Findings(
        parts=[DataPart("training", 1, [image], Report())], missing_part="there is none", refused_part=None,
        classes=classes, unknown_classes=[], bad_labels=[], same_but_for_case=[], duplicates=[],
        sides=np.zeros((0, 2)), image_size=(300, 300), badly_fitting=0.0, anchors=None,
        batch_size=1, configured_batch=None, rarity=None, keep_empty=False, repeat_threshold=0.0)


def test_names_of_classes_are_on_one_line_and_in_columns():
    text = report_text(findings_of(["background", "c\r\nat", "\x1b[31mred", "x" * 300], [[0, 0, 9, 9, 1]]))
    lines = text.split("\n")
    start = lines.index("Classes")
    head, first, second, third = lines[start + 1 : start + 5]
    width = len("x" * 200 + "... (300 characters)")
    assert head == f" {'class':<{width}}   training boxes  training images"
    assert first == " " + r"c\r\nat".ljust(width) + " " + f"{1:>16}{1:>17}"
    assert second == " " + r"\x1b[31mred".ljust(width) + " " + f"{0:>16}{0:>17}"
    assert third == f" {'x' * 200}... (300 characters) {0:>16}{0:>17}"
    assert r" training: classes with fewer than 20 boxes: c\r\nat (1), \x1b[31mred (0), xxx" in text
    assert not set(text) & {"\r", "\x1b"}
