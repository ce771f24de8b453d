"""Rules for lists of class names."""
import pytest

from src.utils.class_names import check_same_labels, is_background
from src.utils.errors import UserError


@pytest.mark.parametrize(("name", "expected"), [
    ("background", True), ("Background", True), ("__background__", True), ("_background_", True),
    ("backgrounds", False), ("", False), ("cat", False)])
def test_spellings_of_the_background(name, expected):
    assert is_background(name) is expected


def test_names_in_common_have_the_same_label():
    names = ("background", "cat", "dog", "bird")
    check_same_labels(names, "a", names, "b")
    check_same_labels(names, "a", ["background", "cat", "dog", "horse", "cow"], "b")
    check_same_labels(names, "a", [], "b")
    with pytest.raises(UserError, match=r"The class dog has the number 2 in a \(1 cat, 2 dog, 3 bird\), and 1 in "
                                        r"b \(1 dog, 2 cat\): .* Use one order"):
        check_same_labels(names, "a", ["background", "dog", "cat"], "b")
