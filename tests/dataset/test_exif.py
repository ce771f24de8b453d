import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from src.dataset.exif import may_have_orientation, turn_boxes, turn_upright
from src.dataset.images import decode_image, decode_untrusted, load_image, read_header, read_image_size
from tests.support.samples import exif_of

PIXELS = np.zeros((40, 60, 3), np.uint8)
PIXELS[:10, :20] = 255
PIXELS[5:15, 30:34] = (255, 0, 0)


def saved(form, orientation, **options):
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, form, exif=exif_of(orientation), **options)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_pillow_does(form, orientation, tmp_path):
    content = saved(form, orientation)
    stored = decode_image(content, upright=False)
    assert stored.shape == (40, 60, 3)
    pillow = ImageOps.exif_transpose(Image.open(io.BytesIO(content)).convert("RGB"))
    image = decode_image(np.frombuffer(content, np.uint8))
    assert image.shape == np.asarray(pillow).shape
    assert np.abs(image.astype(int) - np.asarray(pillow)).max() <= (0 if form == "PNG" else 12)
    assert (decode_untrusted(content) == image).all() and (decode_untrusted(content, upright=False) == stored).all()
    header = read_header(io.BytesIO(content))
    assert (header.size, header.orientation, header.upright_size) == ((40, 60), orientation, image.shape[:2])
    (tmp_path / "a.jpg").write_bytes(content)
    assert (load_image(tmp_path / "a.jpg") == image).all()
    assert read_image_size(tmp_path / "a.jpg") == image.shape[:2]
    assert read_image_size(tmp_path / "a.jpg", upright=False) == (40, 60)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_stay_on_their_objects(orientation):
    shown = turn_upright(PIXELS, orientation)
    boxes = turn_boxes(np.array([[0, 0, 10, 20, 1], [5, 30, 15, 34, 2]]), orientation, (40, 60))
    for (ymin, xmin, ymax, xmax, _), colour in zip(boxes.tolist(), ((255, 255, 255), (255, 0, 0))):
        rows, columns = np.nonzero((shown == colour).all(-1))
        assert (ymin, xmin, ymax, xmax) == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    assert boxes[:, 4].tolist() == [1, 2]
    assert turn_boxes(np.zeros((0, 5), np.int32), orientation, (40, 60)).shape == (0, 5)


def test_tiff_files_are_turned_by_their_decoder():
    content = saved("TIFF", 6)
    header = read_header(io.BytesIO(content))
    assert header.size == header.upright_size == decode_image(content).shape[:2] == (60, 40)
    assert (decode_image(content) == turn_upright(PIXELS, 6)).all()


def test_what_states_no_orientation():
    assert not may_have_orientation(saved("PNG", 1).replace(b"eXIf", b"text"))
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "JPEG", xmp=xmp)
    assert decode_image(stream.getvalue()).shape == (40, 60, 3)
    for damaged in (saved("JPEG", 0), saved("JPEG", 9), saved("JPEG", 6).replace(b"MM\0*", b"XXXX", 1)):
        assert read_header(io.BytesIO(damaged)).orientation == 1
        assert decode_image(damaged).shape == (40, 60, 3)
