import io
import warnings
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from src.dataset.images import decode_image, decoded_size, load_image, preprocess, read_header, read_image_size
from src.dataset.transforms import InputFormat
from src.utils.errors import UserError
from tests.hostile.image_cases import png


def rgb_squares():
    """Left half red, right half blue, with flat areas that JPEG keeps."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:, :24, 0] = 200
    image[:, 24:, 2] = 200
    return image


def encode(image, suffix):
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg", ".webp", ".tiff"])
def test_colours_are_rgb(suffix):
    image = decode_image(encode(rgb_squares()[..., ::-1], suffix))
    assert image.shape == (32, 48, 3)
    assert image.dtype == np.uint8
    assert np.abs(image[16, 8].astype(int) - (200, 0, 0)).max() < 8
    assert np.abs(image[16, 40].astype(int) - (0, 0, 200)).max() < 8


def test_grey_alpha_and_sixteen_bits():
    image = rgb_squares()[..., ::-1]
    grey = decode_image(encode(image[..., 0], ".png"))
    assert grey.shape == (32, 48, 3)
    assert (grey == grey[..., :1]).all() and grey[0, 40, 0] == 200
    assert (decode_image(encode(np.dstack([image, image[..., 0]]), ".png")) == rgb_squares()).all()
    assert (decode_image(encode(image.astype(np.uint16) * 257, ".png")) == rgb_squares()).all()


@pytest.mark.parametrize(("mode", "form"), [("CMYK", "JPEG"), ("L", "JPEG"), ("P", "PNG"), ("1", "PNG"), ("LA", "PNG")])
def test_modes_of_other_programs(mode, form):
    pillow = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    pillow.fromarray(rgb_squares()).convert(mode).save(stream, form)
    image = decode_image(stream.getvalue())
    assert image.shape == (32, 48, 3)
    assert image.dtype == np.uint8
    if mode in ("CMYK", "P"):
        assert image[16, 8].argmax() == 0 and image[16, 40].argmax() == 2


@pytest.mark.parametrize("data", [b"", b"hello", encode(rgb_squares(), ".png")[:40]])
def test_what_is_no_image(data):
    with pytest.raises(ValueError):
        decode_image(data)


JPEG_KINDS = {
    "usual": [],
    "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "restart intervals": [cv2.IMWRITE_JPEG_RST_INTERVAL, 2],
    "full colour": [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444],
}


def outcome(action, data):
    try:
        return action(data)
    except ValueError:
        return "cannot be decoded"


@pytest.mark.parametrize("kind", JPEG_KINDS)
def test_decoded_at_an_eighth_means_can_be_decoded(kind):
    """Whole files, files cut short at any place, and files with some bytes changed."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (11, 13, 3), np.uint8), (83, 61))
    done, encoded = cv2.imencode(".jpg", image, JPEG_KINDS[kind])
    assert done
    files = [encoded.tobytes(), *(encoded[:end].tobytes() for end in range(0, len(encoded), 17))]
    for _ in range(200):
        changed = encoded.copy()
        changed[rng.integers(2, len(encoded), rng.integers(1, 6))] = rng.integers(0, 256)
        files.append(changed.tobytes())
    outcomes = [outcome(lambda data: decode_image(data, upright=False).shape[:2], data) for data in files]
    assert [outcome(lambda data: decoded_size(data, read_header(io.BytesIO(data)).size), data) for data in files] == \
        outcomes
    assert outcomes[0] == (61, 83)
    assert outcomes.count("cannot be decoded") > 20 and len(set(outcomes)) > 1


def test_size_of_what_is_no_jpeg_file():
    data = encode(rgb_squares(), ".png")
    assert decoded_size(data, (1, 1)) == (32, 48)
    with pytest.raises(ValueError):
        decoded_size(data[:60], (32, 48))


def test_load_image(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode(rgb_squares()[..., ::-1], ".png"))
    assert (load_image(path) == rgb_squares()).all()
    path.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"a\.png"):
        load_image(path)
    with pytest.raises(UserError, match=r"b\.png"):
        load_image(tmp_path / "b.png")
    with pytest.raises(UserError, match="cannot be read"):
        load_image(tmp_path)


def test_preprocess():
    image = np.full((20, 30, 3), (255, 0, 124), np.uint8)
    result = preprocess(image, (8, 10))
    assert result.shape == (3, 8, 10)
    assert result.dtype == np.float32
    # (255 - 123.675) / 58.395, (0 - 116.28) / 57.12, (124 - 103.53) / 57.375
    np.testing.assert_allclose(result[:, 0, 0], (2.248908, -2.035714, 0.356776), atol=1e-5)
    out = np.empty((3, 8, 10), np.float32)
    assert preprocess(image, (8, 10), out) is out
    assert (out == result).all()


def test_resizing_with_fractions():
    image = np.array([[[0] * 3, [10] * 3]], np.uint8)  # two pixels side by side
    plain = {"mean": (0, 0, 0), "std": (1 / 255,) * 3}
    rounded = preprocess(image, (1, 8), input_format=InputFormat(**plain))
    exact = preprocess(image, (1, 8), input_format=InputFormat(**plain, float_resize=True))
    # centres at 1/8, 3/8 ... of a pixel: 10 * (0, 0, 1/8, 3/8, 5/8, 7/8, 1, 1)
    np.testing.assert_allclose(exact[0, 0], [0, 0, 1.25, 3.75, 6.25, 8.75, 10, 10], atol=1e-5)
    np.testing.assert_allclose(rounded[0, 0], [0, 0, 1, 4, 6, 9, 10, 10], atol=1e-5)


def test_resizing_with_fractions_is_that_of_torch():
    functional = pytest.importorskip("torch.nn.functional")
    torch = pytest.importorskip("torch")
    image = np.random.RandomState(0).randint(0, 256, (37, 53, 3), np.uint8)
    mean, std = (0.48235, 0.45882, 0.40784), 1 / 255
    normalised = (torch.tensor(image).permute(2, 0, 1).float() / 255 - torch.tensor(mean)[:, None, None]) / std
    for size in ((20, 30), (60, 90)):
        expected = functional.interpolate(normalised[None], size=size, mode="bilinear", align_corners=False)[0].numpy()
        found = preprocess(image, size, input_format=InputFormat(mean, (std,) * 3, float_resize=True))
        np.testing.assert_allclose(found, expected, atol=1e-2)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg", ".webp", ".tiff"])
def test_size_of_an_image(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encode(rgb_squares(), suffix))
    assert read_image_size(path) == (32, 48)


def test_size_of_what_is_no_image(tmp_path):
    (tmp_path / "a.jpg").write_text("text")
    with pytest.raises(UserError, match=r"a\.jpg"):
        read_image_size(tmp_path / "a.jpg")
    with pytest.raises(UserError, match="No such file"):
        read_image_size(tmp_path / "b.jpg")


def test_large_images_leave_the_filters_of_warnings_alone(tmp_path, recwarn):
    """Pillow warns of more than 89 million pixels, from any of the threads that read images."""
    path = tmp_path / "large.png"
    path.write_bytes(png(10_000, 10_000))
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read_image_size, [path] * 64)) == {(10_000, 10_000)}
    assert warnings.filters == before
    assert not recwarn.list
