import numpy as np

from src.dataset.annotations import FOREIGN_IMAGE, Report
from src.dataset.formats.annotated_images import AnnotatedImage, records_of

NOTHING = np.zeros((0, 5), np.int32)


def test_records_are_sorted_and_numbered_by_file(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("sub/7.png", "b.png", "notes.txt"):
        (tmp_path / name).touch()
    report = Report()
    images = [AnnotatedImage((name,), NOTHING, (60, 80)) for name in
              ("x/7.png", "b.png", "b.png", "sub\0.png", "../c.png", "gone/d.png", "notes.txt")]
    records = records_of(images, tmp_path, report)
    assert [(record.image_id, record.path) for record in records] == [
        (2, str(tmp_path / "b.png")), (1, str(tmp_path / "b.png")), (3, str(tmp_path / "gone/d.png")),
        (4, str(tmp_path / "notes.txt")), (7, str(tmp_path / "sub/7.png"))]
    assert dict(report.counts) == {FOREIGN_IMAGE: 2}
