import cv2
import numpy as np
import pytest
from PIL import Image

from src.dataset.annotations import OTHER_SIZE, ROTATED_IMAGE, TURNED_SIZE
from src.dataset.images import ImageHeader
from src.dataset.mindrecord.convert import create_mindrecord
from src.dataset.read_images import other_size
from src.utils.errors import UserError
from tests.support.samples import make_config, read_records, voc_xml


@pytest.mark.parametrize(("orientation", "annotated", "reason"), [
    (1, None, None), (1, (60, 80), None), (6, (60, 80), None), (3, (60, 80), None),
    (1, (0, 0), None), (1, (80, 0), None), (1, (80, 60), OTHER_SIZE), (3, (80, 60), OTHER_SIZE),
    (6, (80, 60), TURNED_SIZE), (5, (80, 60), TURNED_SIZE), (8, (80, 60), TURNED_SIZE), (8, (120, 160), OTHER_SIZE),
])
def test_other_size(orientation, annotated, reason):
    assert other_size(ImageHeader((60, 80), orientation), annotated) == reason


@pytest.fixture
def images(tmp_path):
    """Annotations of 60 x 80 for: the image as it is, stored on its side, half as large; and a size of 0 x 0."""
    content = np.zeros((60, 80, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, image, note, size in (("1", content, None, (80, 60)), ("2", cv2.rotate(content, 0), exif, (80, 60)),
                                    ("3", content[::2, ::2], None, (80, 60)), ("4", content, None, (0, 0))):
        (tmp_path / "voc" / "train").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "voc" / "train" / f"{name}.jpg", **({"exif": note} if note else {}))
        (tmp_path / "voc" / "train" / f"{name}.xml").write_text(voc_xml([("cat", 1, 1, 20, 30)], f"{name}.jpg", *size))
    return tmp_path


def test_images_of_another_size_are_left_out_unless_they_are_allowed(images):
    config = make_config(images, dataset="voc")
    records = create_mindrecord(config, True)
    assert sorted(read_records(records.path)) == [1, 4]
    left_out = records.report["left_out"]
    assert {reason: entry["count"] for reason, entry in left_out.items()} == {TURNED_SIZE: 1, OTHER_SIZE: 1}
    assert left_out[OTHER_SIZE]["examples"] == [f"{images / 'voc' / 'train' / '3.jpg'}: 40 x 30, annotated 80 x 60"]
    del records
    # Another setting makes other records.
    config.keep_other_sizes = True
    records = create_mindrecord(config, True)
    assert sorted(read_records(records.path)) == [1, 2, 3, 4]
    assert {reason: entry["count"] for reason, entry in records.report["left_out"].items()} == {
        TURNED_SIZE: 1, OTHER_SIZE: 1, ROTATED_IMAGE: 1}


def test_nothing_left_says_why_and_names_images(images):
    for name in "14":
        (images / "voc" / "train" / f"{name}.xml").unlink()
    with pytest.raises(UserError, match=r"1 images annotated upright.*keep_other_sizes\) \[.*2\.jpg: 60 x 80, annot"):
        create_mindrecord(make_config(images, dataset="voc"), True)
