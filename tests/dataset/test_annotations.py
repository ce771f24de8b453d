import numpy as np

from src.dataset.annotations import CLIPPED, MAX_EXAMPLES, NO_AREA, UNKNOWN_CLASS, Report, box_array, clean_boxes


def test_clean_boxes_clips_and_drops_and_counts():
    boxes = box_array([
        [5, 6, 20, 30, 1],       # inside
        [-4, 10, 12, 200, 2],    # partly outside
        [10, 10, 10, 30, 1],     # no height
        [20, 40, 10, 50, 1],     # corners in the wrong order
        [10, 100, 20, 120, 1],   # wholly outside
        [5, 6, 20, 30, 0],       # background
        [5, 6, 20, 30, 3],       # beyond the classes
        [0, 0, 60, 80, 2],       # whole image
    ])
    report = Report()
    result = clean_boxes(boxes, 60, 80, 3, report, "a.jpg")
    assert result.tolist() == [[5, 6, 20, 30, 1], [0, 10, 12, 80, 2], [0, 0, 60, 80, 2]]
    assert result.dtype == np.int32
    assert dict(report.counts) == {UNKNOWN_CLASS: 2, NO_AREA: 3, CLIPPED: 1}
    assert report.examples[CLIPPED] == ["a.jpg: [[-4, 10, 12, 200]]"]


def test_clean_boxes_of_an_image_without_boxes():
    report = Report()
    assert clean_boxes(box_array([]), 60, 80, 3, report, "a.jpg").shape == (0, 5)
    assert not report.counts


def test_box_array_bounds_absurd_coordinates():
    assert box_array([[0, 0, 10**15, -10**15, 1]]).tolist() == [[0, 0, 2**31 - 1, -2**31, 1]]


def test_report_counts_all_and_lists_some():
    report = Report()
    for index in range(MAX_EXAMPLES + 5):
        report.add("reason", index)
    report.add("other", "x", count=0)
    content = report.to_dict()["left_out"]
    assert content["reason"]["count"] == MAX_EXAMPLES + 5
    assert content["reason"]["examples"] == [str(index) for index in range(MAX_EXAMPLES)]
    assert "other" not in content
    assert report.summary() == f"{MAX_EXAMPLES + 5} reason"
