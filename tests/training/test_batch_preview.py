import numpy as np

from src.boxes.anchors import grid_anchors
from src.boxes.box_coder import BoxCoder
from src.dataset.transforms import IMAGENET, normalise
from src.training.batch_preview import batch_sheets, boxes_of_targets
from src.visualization.draw import class_colour

CLASSES = ("background", "cat", "dog")
CODER = BoxCoder(grid_anchors((64, 64), (8, 16, 32)))
BOXES = np.array([[0.1, 0.1, 0.5, 0.6, 1], [0.4, 0.3, 0.95, 0.9, 2]], np.float32)


def test_boxes_come_back_from_targets():
    targets, labels, _ = CODER.encode(BOXES)
    boxes, box_labels = boxes_of_targets(targets, labels, CODER)
    order = np.argsort(box_labels)
    np.testing.assert_allclose(boxes[order], BOXES[:, :4], atol=1e-5)
    assert box_labels[order].tolist() == [1, 2]


def test_sheets_show_boxes_and_matches():
    image = np.full((64, 64, 3), 77, np.uint8)
    encoded = [CODER.encode(boxes) for boxes in (BOXES, BOXES[:1], BOXES[:0])]
    sheets = batch_sheets(np.stack([normalise(image)] * 3), np.stack([one[0] for one in encoded]),
                          np.stack([one[1] for one in encoded]), CODER, IMAGENET, CLASSES)
    for sheet in sheets:
        assert sheet.shape[1] == 3 * 400 + 2 * 8
        pictures = [sheet[-400:, start : start + 400] for start in (0, 408, 816)]
        seen = [[(picture == class_colour(label)).all(axis=2).any() for label in (1, 2)] for picture in pictures]
        assert seen == [[True, True], [True, False], [False, False]]
        assert (pictures[2] == 77).all()  # the colours of the image came back
    # The box itself, where no text lies: its lower edge at 0.5 of the height.
    assert tuple(sheets[0][-400 + 199, 408 + 150]) == class_colour(1)
