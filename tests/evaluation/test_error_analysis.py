"""What became of detections and objects, by hand."""
import numpy as np
import pytest

from src.evaluation.error_analysis import analyse, confusion_matrix, count_by_size, count_detections, count_objects
from src.evaluation.ground_truth import GroundTruth
from src.evaluation.results import DetectionTable

CAT, DOG = 7, 3  # category ids; labels 1 and 2


def ground_truth_of(*boxes):
    """Ground truth of two images from (image id, category id, x, y, width, height[, crowd])."""
    annotations = tuple(
        {"id": number, "image_id": image_id, "category_id": category_id, "bbox": list(bbox[:4]),
         "area": bbox[2] * bbox[3], "iscrowd": int(len(bbox) > 4)}
        for number, (image_id, category_id, *bbox) in enumerate(boxes, start=1)
    )
    return GroundTruth({10: "a.jpg", 20: "b.jpg"}, annotations, {1: CAT, 2: DOG}, frozenset())


def detections_of(*rows):
    """From (image id, category id, score, x, y, width, height)."""
    rows = np.array(rows, np.float64).reshape(-1, 7)
    return DetectionTable(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 3:].astype(np.float32),
                          rows[:, 2].astype(np.float32))


def only(ground_truth, detections, min_score=0.3):
    return analyse(ground_truth, detections, [10], min_score)[0]


@pytest.mark.parametrize(("found", "kinds", "object_kind"), [
    ([(10, CAT, 0.9, 0, 0, 100, 100)], ("correct",), "correct"),
    ([(10, CAT, 0.9, 0, 0, 100, 50)], ("correct",), "correct"),  # IoU is exactly 0.5
    ([(10, CAT, 0.9, 0, 0, 100, 49)], ("localisation error",), "localisation error"),
    ([(10, CAT, 0.9, 0, 0, 100, 9)], ("background error",), "missed"),
    ([(10, DOG, 0.9, 0, 0, 100, 60)], ("classification error",), "classification error"),
    ([(10, DOG, 0.9, 0, 0, 100, 49)], ("background error",), "missed"),
    ([(10, CAT, 0.9, 300, 0, 100, 100)], ("background error",), "missed"),
    ([(10, CAT, 0.2, 0, 0, 100, 100)], (), "missed"),  # below the score
    ([(10, CAT, 0.3, 0, 0, 100, 100)], ("correct",), "correct"),
    ([(20, CAT, 0.9, 0, 0, 100, 100)], (), "missed"),  # in another image
    # The surer one takes the object, also where the other lies better.
    ([(10, CAT, 0.5, 0, 0, 100, 100), (10, CAT, 0.8, 0, 0, 100, 70)], ("correct", "duplicate"), "correct"),
    # The right class comes before a surer one of the wrong class.
    ([(10, DOG, 0.9, 0, 0, 100, 100), (10, CAT, 0.4, 0, 0, 100, 80)], ("duplicate", "correct"), "correct"),
    ([(10, DOG, 0.5, 0, 0, 100, 80), (10, CAT, 0.9, 0, 0, 100, 40)],
     ("background error", "classification error"), "classification error"),
    ([], (), "missed"),
])
def test_one_object(found, kinds, object_kind):
    image = only(ground_truth_of((10, CAT, 0, 0, 100, 100)), detections_of(*found))
    assert image.kinds == kinds
    assert image.object_kinds == (object_kind,)
    assert (np.diff(image.scores) <= 0).all()


def test_partners_and_overlaps():
    ground_truth = ground_truth_of((10, CAT, 0, 0, 100, 100), (10, CAT, 200, 0, 100, 100))
    image = only(ground_truth, detections_of((10, CAT, 0.5, 0, 0, 100, 80), (10, CAT, 0.9, 200, 0, 100, 100),
                                      (10, DOG, 0.4, 500, 0, 9, 9)))
    assert image.objects.tolist() == [1, 0, -1]
    np.testing.assert_allclose(image.ious, [1, 0.8, 0])
    assert image.count("correct") == 2 and image.count("background error") == 1 and image.count("missed") == 0


def test_crowds():
    """Detections inside a crowd of their class count as nothing; a crowd is no object."""
    ground_truth = ground_truth_of((10, CAT, 0, 0, 1000, 1000, "crowd"))
    image = only(ground_truth, detections_of((10, CAT, 0.9, 0, 0, 10, 10), (10, DOG, 0.8, 0, 0, 10, 10),
                                      (10, CAT, 0.7, 995, 0, 100, 10)))
    assert image.kinds == ("background error", "background error")
    assert image.labels.tolist() == [2, 1]
    assert image.object_kinds == ()


def test_counts():
    ground_truth = ground_truth_of((10, CAT, 0, 0, 100, 100), (10, DOG, 200, 0, 20, 20), (20, DOG, 0, 0, 30, 30))
    found = detections_of((10, CAT, 0.9, 0, 0, 100, 90), (10, CAT, 0.8, 200, 0, 20, 19), (10, CAT, 0.7, 0, 0, 100, 95),
                          (10, DOG, 0.6, 700, 0, 9, 9))
    analyses = analyse(ground_truth, found, [10, 20], 0.3)
    assert confusion_matrix(analyses, 3).tolist() == [[0, 1, 1], [0, 1, 0], [1, 1, 0]]
    assert count_objects(analyses, 3).tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 1]]
    assert count_detections(analyses, 3).tolist() == [[0] * 5, [1, 1, 0, 1, 0], [0, 0, 0, 0, 1]]
    assert count_by_size(analyses, (0, 30, 64, np.inf)).tolist() == [[0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]


def test_the_matrix_holds_every_object_and_detection_once():
    rng = np.random.default_rng(3)
    ground_truth = ground_truth_of(*((10, rng.choice([CAT, DOG]), *rng.uniform(0, 90, 2), *rng.uniform(5, 60, 2))
                                     for _ in range(40)))
    found = detections_of(*((10, rng.choice([CAT, DOG]), rng.uniform(), *rng.uniform(0, 90, 2), *rng.uniform(5, 60, 2))
                            for _ in range(60)))
    (image,) = analyse(ground_truth, found, [10], 0.2)
    matrix = confusion_matrix([image], 3)
    assert matrix[1:].sum() == 40 and matrix[:, 1:].sum() == (found.scores >= 0.2).sum()
    assert set(image.kinds) == {"correct", "classification error", "localisation error", "duplicate",
                                "background error"}
    partners = image.objects[image.objects >= 0]
    assert len(set(partners.tolist())) == len(partners)
