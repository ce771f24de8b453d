import math

import pytest

from src.dataset.annotations import BAD_BOX, UNKNOWN_CLASS, Report
from src.dataset.formats.outlines import (
    ellipse_extremes,
    enclosing_box,
    finite_number,
    named_boxes,
    number_pairs,
    rectangle,
    turned,
)


def test_enclosing_box_rounds_half_to_even():
    assert enclosing_box([(1.5, 40.2), (30.49, 2.5)]) == [2, 2, 40, 30]
    for points in ([], [(1.0, math.inf)], [(math.nan, 1.0)]):
        with pytest.raises(ValueError, match="no outline"):
            enclosing_box(points)


def test_turned_is_clockwise_in_an_image():
    """y grows downwards: what points to the right then points down."""
    assert turned([(12, 5)], 90, (10, 5)) == [(10, 7)]
    assert turned(rectangle(10, 20, 40, 20), 180, (30, 30)) == [(50, 40), (10, 40), (10, 20), (50, 20)]
    assert enclosing_box(turned(rectangle(10, 20, 40, 20), 45, (30, 30))) == [9, 9, 51, 51]  # 30 +- 30 / sqrt(2)


@pytest.mark.parametrize(("degrees", "expected"), [
    (0, [(20, 20), (60, 40)]), (90, [(30, 10), (50, 50)]), (180, [(20, 20), (60, 40)]),
    (30, [(40 - math.sqrt(325), 30 - math.sqrt(175)), (40 + math.sqrt(325), 30 + math.sqrt(175))])])
def test_ellipse_extremes(degrees, expected):
    found = ellipse_extremes((40, 30), (20, 10), degrees)
    assert [value for point in found for value in point] == pytest.approx([value for one in expected for value in one])


@pytest.mark.parametrize("value", ["", "one", "nan", "1e400", math.inf, 10**400, None, True, [1], {}])
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match="number"):
        finite_number(value)


def test_numbers():
    assert [finite_number(value) for value in ("1.5", 2, -0.25, " 3 ")] == [1.5, 2, -0.25, 3]
    assert number_pairs([[1, 2.5]]) == [(1, 2.5)]
    for points in (None, [1, 2], [[1]], [[1, 2, 3]], "12", {"x": 1}):
        with pytest.raises(ValueError, match="no list of"):
            number_pairs(points)


def test_named_boxes():
    def no_box():
        raise ValueError("xmin is None")

    report = Report()
    objects = [("cat", lambda: [1, 2, 3, 4]), ("bird", no_box), ("dog", no_box), ("background", no_box)]
    assert named_boxes(objects, ("background", "cat", "dog"), report, "a.json").tolist() == [[1, 2, 3, 4, 1]]
    assert dict(report.classes) == {"cat": 1, "bird": 1, "dog": 1, "background": 1}
    assert report.examples == {UNKNOWN_CLASS: ["a.json: bird", "a.json: background"], BAD_BOX: ["a.json: xmin is None"]}
    assert named_boxes([], ("background",), report, "").shape == (0, 5)
