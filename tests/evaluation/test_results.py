"""The report and the files of an evaluation."""
import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from src.evaluation import COCO_NUMBERS, COCOMetrics, format_classes, format_result, format_stats, write_results
from src.evaluation.predictions import split_batch
from src.evaluation.results import ClassResult, require_result_places
from src.utils.errors import UserError
from tests.support.golden_data import golden_arrays, golden_file


def golden_result(protocol="reference"):
    arrays = golden_arrays("metrics.npz")
    metrics = COCOMetrics(golden_file("metrics_gt.json"), arrays["classes"].tolist(), protocol=protocol)
    metrics.update(split_batch(arrays["boxes"], arrays["scores"]), arrays["img_ids"], arrays["image_shapes"])
    return metrics.get_metrics()


def test_lines_are_those_of_pycocotools():
    evaluation = COCOeval(iouType="bbox")
    generator = np.random.default_rng(0)
    evaluation.eval = {
        "precision": generator.random((10, 101, 2, 4, 3)), "recall": generator.random((10, 2, 4, 3)),
    }
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        evaluation.summarize()
    assert format_stats(evaluation.stats) == printed.getvalue().rstrip("\n")
    assert len(COCO_NUMBERS) == 12


def test_twelve_lines_of_the_protocol_one_of_the_other_and_last_the_map():
    for protocol, other in (("reference", "coco"), ("coco", "reference")):
        result = golden_result(protocol)
        lines = format_result(result).splitlines()
        assert lines[-1] == f"mAP: {result.map}" and float(lines[-1][5:]) == result.map
        assert lines[-2].startswith(f"protocol: {protocol} (")
        assert sum("mAP: " in line for line in lines) == 1
        stats = result.stats[other]
        assert lines[0].startswith(f"protocol: {other} (")
        assert lines[0].endswith(f"): AP {stats[0]:.3f}, AP50 {stats[1]:.3f}")
        assert [line for line in lines if line.startswith(" Average ")] == format_stats(
            result.stats[protocol]).splitlines()


def test_table_of_classes():
    table = format_classes([ClassResult("cat", 0.25, 0.5, 0.125, 3), ClassResult("traffic light", None, None, None, 0)])
    assert table.splitlines() == [
        " class              AP    AP50    AP75   boxes",
        " cat             0.250   0.500   0.125       3",
        " traffic light     n/a     n/a     n/a       0",
    ]


def test_names_in_the_table_are_harmless():
    table = format_classes([ClassResult("\x1b[31mcat\nmAP: 0.99", 0.25, 0.5, 0.125, 3)])
    assert table.splitlines()[1:] == [" \\x1b[31mcat\\nmAP: 0.99   0.250   0.500   0.125       3"]


def test_files(tmp_path):
    result = golden_result()
    results_file, predictions_file = write_results(result, tmp_path / "new" / "folder")
    assert (results_file.name, predictions_file.name) == ("eval_results.json", "predictions.json")
    numbers = json.loads(results_file.read_text(encoding="utf-8"))
    assert numbers["protocol"] == "reference" and numbers["mAP"] == result.map
    assert set(numbers["protocols"]) == {"reference", "coco"}
    assert numbers["protocols"]["coco"]["stats"]["AP50"] == result.stats["coco"][1]
    assert numbers["protocols"]["reference"]["images"] == 16
    names = [c["name"] for c in numbers["protocols"]["coco"]["classes"]]
    assert names == ["alpha", "beta", "gamma", "delta", "epsilon"]
    assert numbers["settings"]["min_score"] == 0.1 and numbers["settings"]["nms_threshold"] == 0.6
    assert json.loads(predictions_file.read_text(encoding="utf-8")) == result.predictions


def test_places_that_are_taken_are_told_before_an_evaluation(tmp_path):
    require_result_places(tmp_path / "new")
    (tmp_path / "a" / "predictions.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"a/predictions\.json cannot be written: it is a folder"):
        require_result_places(tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/eval_results\.json cannot be written: .*file is no folder"):
        require_result_places(tmp_path / "file")


def test_predictions_file_gives_the_same_number_with_pycocotools(tmp_path):
    result = golden_result("coco")
    (tmp_path / ".part-2147483647-predictions.json").touch()  # of an evaluation that was killed
    _, predictions_file = write_results(result, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eval_results.json", "predictions.json"]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(golden_file("metrics_gt.json"))
        evaluation = COCOeval(truth, truth.loadRes(str(predictions_file)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    np.testing.assert_allclose(evaluation.stats, result.stats["coco"], atol=1e-12)
