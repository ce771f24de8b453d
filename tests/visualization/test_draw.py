"""Pictures of detections: what may be said about them without looking."""
import cv2
import numpy as np
import pytest

from src.utils.errors import UserError
from src.visualization.draw import class_colour, draw_detections, grid, resize_to_view, save_image, with_title

CLASSES = ["background", *(f"class {label}" for label in range(1, 81))]


def grey(height=200, width=300):
    return np.full((height, width, 3), 128, np.uint8)


def changed(image, drawn):
    """ymin, xmin, ymax, xmax of the pixels that differ, the last ones included."""
    rows, columns = np.nonzero((image != drawn).any(axis=2))
    return rows.min(), columns.min(), rows.max(), columns.max()


def test_box_in_the_colour_of_its_class():
    image = grey()
    drawn = draw_detections(image, [[80, 50, 150, 220]], [3], [0.876], CLASSES)
    assert (image == 128).all() and drawn.dtype == np.uint8  # a new picture
    for row, column in ((80, 210), (150, 100), (120, 50), (120, 220)):
        assert tuple(drawn[row, column]) == class_colour(3)
    assert (drawn[90:140, 60:210] == 128).all()  # nothing inside
    top, left, bottom, right = changed(image, drawn)
    assert top < 80 and (left, bottom, right) == (50, 150, 220)  # the name stands above


@pytest.mark.parametrize("box", [[0, 0, 199, 299], [-50, -50, 400, 500], [190, 290, 199, 299], [5, 250, 60, 299]])
@pytest.mark.parametrize("size", [(200, 300), (1500, 2000)])
def test_name_is_whole_and_inside_the_picture(box, size):
    image = grey(*size)
    box = np.array(box) * (size[0] / 200)
    with_name = draw_detections(image, [box], [1], [0.5], ["background", "aeroplane"])
    # Far from all borders the same name takes the same room.
    centre = [[size[0] * 0.4, size[1] * 0.4, size[0] * 0.9, size[1] * 0.9]]
    expected = draw_detections(image, centre, [1], [0.5], ["background", "aeroplane"])

    def text_pixels(drawn):
        return ((drawn != 128) & (drawn != class_colour(1))).any(axis=2).sum()

    assert text_pixels(with_name) == text_pixels(expected) > 50


def test_text_contrasts_with_its_ground():
    def luminance(colour):
        part = np.array(colour) / 255
        return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    for label in range(1, 81):
        ground = class_colour(label)
        # Large enough for strokes with pixels that are not blended with the ground.
        drawn = draw_detections(grey(900, 900), [[300, 50, 800, 800]], [label], None, CLASSES)
        name = drawn[270:300, 55:150].reshape(-1, 3)
        texts = [text for text in ((0, 0, 0), (255, 255, 255)) if (name == text).all(axis=1).any()]
        assert len(texts) == 1 and (name == ground).all(axis=1).any()
        low, high = sorted([luminance(texts[0]), luminance(ground)])
        assert (high + 0.05) / (low + 0.05) > 4.5  # WCAG 2.1 for text


def test_colours_differ():
    colours = np.array([class_colour(label) for label in range(1, 81)], int)
    distances = np.abs(colours[:, None] - colours).sum(axis=2) + 999 * np.eye(80, dtype=int)
    assert distances.min() > 15
    assert distances[:10, :10].min() > 100
    assert class_colour(5) == class_colour(5)


def test_better_boxes_lie_on_top():
    boxes = [[20, 20, 100, 100], [20, 20, 100, 100]]
    for scores, winner in (([0.9, 0.2], 1), ([0.2, 0.9], 2)):
        drawn = draw_detections(grey(), boxes, [1, 2], scores, CLASSES)
        assert tuple(drawn[100, 60]) == class_colour(winner)


def test_nothing_to_draw_and_tiny_pictures():
    np.testing.assert_array_equal(draw_detections(grey(), np.zeros((0, 4)), [], [], CLASSES), grey())
    drawn = draw_detections(grey(3, 4), [[0, 0, 3, 4]], [1], [0.5], CLASSES)
    assert drawn.shape == (3, 4, 3) and tuple(drawn[0, 0]) == class_colour(1)
    with pytest.raises(ValueError, match=r"\(200, 300\)"):
        draw_detections(np.zeros((200, 300), np.uint8), [], [])


def test_save_and_read(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    path = tmp_path / "new" / "Größe.png"
    save_image(path, image)
    stored = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(stored[:, :, ::-1], image)
    assert [p.name for p in path.parent.iterdir()] == ["Größe.png"]  # no temporary file is left
    for name in ("picture.doc", "picture"):
        with pytest.raises(UserError, match=r"use \.jpg or \.png"):
            save_image(tmp_path / name, image)


def test_grid():
    images = [np.full((10, 20, 3), 10, np.uint8), np.full((6, 8, 3), 20, np.uint8), np.full((10, 20, 3), 30, np.uint8)]
    sheet = grid(images, 2, gap=4)
    assert sheet.shape == (24, 44, 3)
    assert (sheet[:10, :20] == 10).all() and (sheet[14:, :20] == 30).all()
    assert (sheet[2:8, 30:38] == 20).all() and (sheet[:2, 24:] == 255).all() and (sheet[14:, 24:] == 255).all()
    assert grid(images[:1], 5).shape == (10, 20, 3)
    with pytest.raises(ValueError, match="0 images"):
        grid([], 2)


@pytest.mark.parametrize("size", [(320, 320), (900, 1200)])
def test_names_of_boxes_in_one_place_do_not_cover_each_other(size):
    boxes = [[0.5 * size[0], 0.4 * size[1], 0.9 * size[0], 0.8 * size[1]]] * 3
    image = grey(*size)
    labels, scores = [1, 2, 3], [0.5, 0.6, 0.7]
    alone = [draw_detections(image, boxes[:1], [label], [score], CLASSES) for label, score in zip(labels, scores)]
    together = draw_detections(image, boxes, labels, scores, CLASSES)

    def ink(drawn):
        grounds = np.any([(drawn == class_colour(label)).all(axis=2) for label in labels], axis=0)
        return ((drawn != 128).any(axis=2) & ~grounds).sum()

    assert ink(together) == sum(map(ink, alone)) > 100


def test_a_name_without_room_is_left_out():
    image = grey(40, 40)
    drawn = draw_detections(image, [[0, 0, 39, 39]], [1], [0.5], ["background", "a very long name of a class"])
    assert (drawn[2:-2, 2:-2] == 128).all()


def test_letters_of_other_scripts():
    images = [draw_detections(grey(), [[80, 50, 150, 220]], [1], None, ["background", name]) for name in ("Ж", "Ψ")]
    assert (images[0] != images[1]).any()


def test_size_to_look_at():
    image, boxes = resize_to_view(grey(100, 150), [[10, 20, 30, 40]], smallest=300)
    assert image.shape == (300, 450, 3) and boxes.tolist() == [[30, 60, 90, 120]]
    image, boxes = resize_to_view(grey(300, 600), [[10, 20, 30, 40]], smallest=200, largest=300)
    assert image.shape == (150, 300, 3) and boxes.tolist() == [[5, 10, 15, 20]]
    same = grey(100, 150)
    assert resize_to_view(same, [], smallest=50, largest=200)[0] is same
    assert resize_to_view(grey(1, 4000), [], smallest=100, largest=400)[0].shape == (1, 400, 3)


def test_title():
    image = grey()
    titled = with_title(image, "annotated")
    assert titled.shape[1] == 300 and titled.shape[0] > 210
    np.testing.assert_array_equal(titled[-200:], image)
    assert (titled[:-200] == 0).any() and (titled[:-200, 200:] == 255).all()
    assert (with_title(grey(20, 20), "annotated")[:-20] == 255).all()
