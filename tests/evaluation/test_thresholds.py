"""Confidence thresholds against a computation of its own, and against optima that are known."""
import json

import numpy as np
import pytest

from src.boxes import NMSConfig
from src.evaluation import COCOMetrics, format_result, write_results
from src.evaluation.predictions import AnchorPredictions
from src.evaluation.thresholds import Outcomes, ScoreCurve, Thresholds, choose_score
from src.utils.errors import UserError

CLASSES = ("background", "cat", "dog")
SIDE = 100  # pixels of the images


def place(number):
    """A box `ymin xmin ymax xmax` of 10 x 10 pixels, away from those of other numbers."""
    top, left = 20 * (number // 5), 20 * (number % 5)
    return [top, left, top + 10, left + 10]


def evaluate(folder, objects, found, protocol="coco", crowds=(), **arguments):
    """Evaluates `found`, (image, label, place, score) each, against `objects`, (image, label, place) each."""
    images = sorted({1, *(row[0] for row in (*objects, *found))})
    annotations = [{"id": number, "image_id": image, "category_id": label, "area": 100, "iscrowd": int(is_crowd),
                    "bbox": [where[1], where[0], where[3] - where[1], where[2] - where[0]]}
                   for number, (image, label, where, is_crowd) in enumerate(
                       [*((*row, False) for row in objects), *((*row, True) for row in crowds)], start=1)]
    content = {"images": [{"id": image, "file_name": f"{image}.jpg"} for image in images], "annotations": annotations,
               "categories": [{"id": label, "name": name} for label, name in enumerate(CLASSES) if label]}
    (folder / "truth.json").write_text(json.dumps(content), encoding="utf-8")
    metrics = COCOMetrics(folder / "truth.json", CLASSES, NMSConfig(0.1), protocol, protocols=(), **arguments)
    for image in images:
        rows = [row for row in found if row[0] == image]
        boxes = np.array([row[2] for row in rows], np.float32).reshape(-1, 4) / SIDE
        scores = np.zeros((len(rows), len(CLASSES)), np.float32)
        for index, (_, label, _, score) in enumerate(rows):
            scores[index, label] = score
        metrics.update([AnchorPredictions(boxes, scores)], [image], [(SIDE, SIDE)])
    return metrics.get_metrics()


CATS = [(1, 1, place(number)) for number in range(4)]
# Found: two, a wrong one, another; then wrong ones. The best F1 has three of four objects with one error.
CAT_SCORES = [(0.9, 0), (0.8, 1), (0.7, 9), (0.6, 2), (0.3, 10), (0.2, 11)]
FOUND_CATS = [(1, 1, place(number), score) for score, number in CAT_SCORES]


def test_a_known_optimum(tmp_path):
    result = evaluate(tmp_path, CATS, FOUND_CATS, target_precision=0.9, target_recall=0.5)
    best = result.thresholds.all_classes["best_f1"]
    assert best == (0.45, 0.75, 0.75, 0.75)
    assert result.thresholds.all_classes["target_precision"] == (0.75, 1.0, 0.5, pytest.approx(2 / 3))
    assert result.thresholds.all_classes["target_recall"] == (0.75, 1.0, 0.5, pytest.approx(2 / 3))
    assert set(result.thresholds.classes) == {"cat"}
    assert result.thresholds.classes["cat"] == result.thresholds.all_classes


def test_classes_have_thresholds_of_their_own(tmp_path):
    dogs = [(2, 2, place(number)) for number in range(3)]
    found = [(2, 2, place(0), 0.3), (2, 2, place(1), 0.25), (2, 2, place(2), 0.2), (2, 2, place(7), 0.12)]
    thresholds = evaluate(tmp_path, CATS + dogs, FOUND_CATS + found).thresholds
    assert thresholds.classes["cat"]["best_f1"].score == 0.45
    assert thresholds.classes["dog"]["best_f1"] == (0.16, 1, 1, 1)
    # Together: 6 of 7 objects, with the wrong cats at 0.7, 0.3, 0.2.
    assert thresholds.all_classes["best_f1"] == (0.16, pytest.approx(6 / 9), pytest.approx(6 / 7), 0.75)


def independent(objects, found, score):
    """Precision and recall of the detections above a score, matched anew for this score."""
    def iou(one, other):
        height = min(one[2], other[2]) - max(one[0], other[0])
        width = min(one[3], other[3]) - max(one[1], other[1])
        shared = max(height, 0) * max(width, 0)
        areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
        return shared / (areas - shared)

    kept = sorted((row for row in found if np.float32(row[3]) > np.float32(score)), key=lambda row: -row[3])
    free, correct = list(objects), 0
    for image, label, box, _ in kept:
        candidates = [one for one in free if one[:2] == (image, label) and iou(box, one[2]) >= 0.5]
        if candidates:
            free.remove(max(candidates, key=lambda one: iou(box, one[2])))
            correct += 1
    return (correct / len(kept) if kept else 1.0), correct / len(objects), 2 * correct / (len(kept) + len(objects))


@pytest.mark.parametrize("seed", range(2))
def test_against_a_computation_of_its_own(tmp_path, seed):
    generator = np.random.default_rng(seed)
    objects, found = [], []
    for image in range(1, 9):
        for number in generator.permutation(25)[: generator.integers(1, 12)].tolist():
            label = int(generator.integers(1, 3))
            objects.append((image, label, place(number)))
            shift = int(generator.integers(0, 6))  # from 4 pixels on, the IoU is below 0.5
            box = [side + shift * (index % 2) for index, side in enumerate(place(number))]
            is_right = generator.random() < 0.8
            score = generator.beta(5, 2) if is_right and shift < 4 else generator.beta(2, 3)
            found.append((image, label if is_right else 3 - label, box, float(np.float32(0.02 + 0.97 * score))))
    result = evaluate(tmp_path, objects, found, target_precision=0.8)
    curve = result.protocols["coco"].curves.all_classes
    scores = [row[3] for row in found]
    thresholds = [0.01, *scores, *(score - 1e-4 for score in scores)]
    expected = {score: independent(objects, found, score) for score in thresholds}
    for score, numbers in expected.items():
        assert curve.at(score)[1:] == pytest.approx(numbers)
    best = result.thresholds.all_classes["best_f1"]
    assert best[1:] == pytest.approx(independent(objects, found, best.score))
    assert result.highest_f1 == pytest.approx(max(numbers[2] for numbers in expected.values()))

    error = np.sqrt(result.highest_f1 * (1 - result.highest_f1) / len(objects))
    good = [score for score in np.linspace(0.02, 0.98, 241)
            if independent(objects, found, score)[2] >= result.highest_f1 - error]
    middle = (good[0] + good[-1]) / 2
    assert best.f1 >= result.highest_f1 - error
    assert best.score == pytest.approx(min(good, key=lambda score: abs(score - middle)), abs=0.03)
    wanted = result.thresholds.all_classes["target_precision"]
    assert wanted.precision >= 0.8 and wanted[1:] == pytest.approx(independent(objects, found, wanted.score))
    for score in (score for score in scores if score < wanted.score):
        assert independent(objects, found, np.nextafter(np.float32(score), np.float32(0)))[0] < 0.8


def test_crowds_and_classes_without_objects(tmp_path):
    found = [*FOUND_CATS[:2], (1, 1, place(20), 0.75), (1, 2, place(21), 0.7)]
    result = evaluate(tmp_path, CATS, found, crowds=[(1, 1, place(20))])
    curve = result.protocols["coco"].curves.all_classes
    # The cat inside the crowd counts as nothing, the dog as an error; both lie below the two that are right.
    assert curve.at(0.72) == (0.72, 1, 0.5, pytest.approx(2 / 3))
    assert curve.at(0.1) == (0.1, pytest.approx(2 / 3), 0.5, pytest.approx(4 / 7))
    assert set(result.thresholds.classes) == {"cat"}


def test_nothing_is_correct(tmp_path):
    result = evaluate(tmp_path, CATS, FOUND_CATS[2:3], target_precision=0.9)
    assert result.thresholds.all_classes == {} and result.thresholds.best_score is None
    assert "confidence threshold, precision of at least 0.9: no score has it" in format_result(result)
    write_results(result, tmp_path)
    result = evaluate(tmp_path, CATS, [])
    assert result.thresholds.all_classes == {}
    assert result.protocols["coco"].curves.all_classes.at(0.5) == (0.5, 1, 0, 0)


def test_equal_scores_are_kept_or_left_out_together():
    outcomes = Outcomes(np.array([0.5, 0.5, 0.5]), np.array([True, False, False]), 1)
    best = ScoreCurve(outcomes, 0.1).best_f1()
    assert best == (0.3, pytest.approx(1 / 3), 1, 0.5)


def test_a_few_detections_do_not_decide():
    """Of thresholds with almost the best F1, one in the middle."""
    correct = np.arange(120) < 100
    scores = np.where(correct, np.linspace(0.9, 0.6, 120), np.linspace(0.35, 0.2, 120))
    scores[98:100] = 0.21, 0.2  # two objects that are hardly found, just above wrong ones
    order = np.argsort(-scores, kind="stable")
    curve = ScoreCurve(Outcomes(scores[order], correct[order], 100), 0.1)
    assert 0.33 < curve.best_f1().score < 0.65 and curve.best_f1().f1 == pytest.approx(98 / 99)


def test_a_threshold_between_neighbours():
    """It keeps one and leaves out the other, however near they are, also as float32."""
    upper = np.float32(0.7)
    lower = np.nextafter(upper, np.float32(0))
    curve = ScoreCurve(Outcomes(np.array([upper, lower], np.float64), np.array([True, False]), 1), 0.1)
    score = curve.best_f1().score
    assert upper > np.float32(score) and not lower > np.float32(score)


def test_what_is_written_and_told(tmp_path):
    from dataclasses import replace

    result = replace(evaluate(tmp_path, CATS, FOUND_CATS, target_recall=0.9), model_score=0.65)
    lines = [line for line in format_result(result).splitlines() if line.startswith("confidence threshold")]
    assert lines == [
        "confidence threshold, best F1 (here at most 0.750): 0.45 (IoU 0.50: precision 0.750, recall 0.750, F1 0.750)",
        "confidence threshold, the model's own (best possible F1: 0.750): 0.65 (IoU 0.50: precision 0.667, recall "
        "0.500, F1 0.571)",
        "confidence threshold, recall of at least 0.9: no score has it",
    ]
    results_file, _ = write_results(result, tmp_path)
    numbers = json.loads(results_file.read_text(encoding="utf-8"))
    assert numbers["thresholds"]["classes"]["cat"]["best_f1"]["score"] == 0.45
    assert numbers["threshold_of_the_model"] == {"score": 0.65, "precision": 0.666667, "recall": 0.5, "f1": 0.571429,
                                                 "highest_f1": 0.75}
    curve = numbers["curves"]["all_classes"]
    assert (curve["score"][0], curve["score"][-1], len(curve["f1"])) == (0.01, 0.99, 99)
    assert curve["precision"][curve["score"].index(0.65)] == 0.6667
    assert Thresholds.from_json(numbers["thresholds"]) == result.thresholds


def test_the_choice_of_the_user(tmp_path):
    thresholds = evaluate(tmp_path, CATS, FOUND_CATS, target_precision=0.9).thresholds
    assert [choose_score(score, thresholds) for score in (0.2, None, "best", "best_f1", "target_precision")] == [
        0.2, 0.45, 0.45, 0.45, 0.75]
    assert [choose_score(score, None) for score in (0.2, None)] == [0.2, 0.3]
    with pytest.raises(UserError, match=r"no confidence threshold target_recall \(it has: best_f1 0\.45, target_prec"):
        choose_score("target_recall", thresholds)
    with pytest.raises(UserError, match="the model knows no confidence threshold best"):
        choose_score("best", None)


@pytest.mark.parametrize("value", [None, [], {}, {"measured_on": "", "all_classes": [], "classes": {}},
                                   {"measured_on": "", "all_classes": {}, "classes": []},
                                   {"measured_on": "", "all_classes": {"best_f1": {"score": 0.5}}, "classes": {}},
                                   {"measured_on": "", "classes": {}, "all_classes": {"best_f1": dict.fromkeys(
                                       ("score", "precision", "recall", "f1"), "0.5")}}])
def test_thresholds_that_are_none(value):
    with pytest.raises(ValueError, match="no thresholds of this program"):
        Thresholds.from_json(value)
