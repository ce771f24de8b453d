"""`predict.py` with a checkpoint, and with exported files that need no configuration."""
import csv
import json
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest

from src.boxes.box_ops import tlbr_to_xywh
from src.dataset.annotations import TRAINING, Report
from src.dataset.convert import FolderConfig
from src.dataset.found_data import with_found_data
from src.dataset.images import load_image
from src.dataset.sources import find_parts
from src.evaluation.thresholds import OperatingPoint, Thresholds
from src.ssd import build_inference_net
from src.visualization.draw import save_image
from src.weights.thresholds_file import write_thresholds
from tests.support.box_sets import largest_distance
from tests.support.golden_data import golden_weight
from tests.support.samples import cut_short, in_pixels, save_video
from tests.support.small_models import SMALL_MULTIBOX, flags_for

CLASSES = {"circle", "square", "triangle", "star", "cross", "ring"}


@pytest.fixture(scope="module")
def models(cpu, shapes, tmp_path_factory):
    """Folder with `a.ckpt` of a small model with the golden weights, and its exports, of batches of 1 and 3 images."""
    import export
    from src.config import load_config

    folder = tmp_path_factory.mktemp("models")
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX)
    net = build_inference_net(load_config(flags))
    for parameter in net.get_parameters():
        parameter.set_data(ms.Tensor(golden_weight(parameter.name, parameter.shape)))
    ms.save_checkpoint(net, str(folder / "a.ckpt"))
    write_thresholds(folder / "a.ckpt", Thresholds("some images", {"best_f1": OperatingPoint(0.5, 1, 1, 1)}, {}))
    for file_format, batch_size in (("ONNX", 3), ("MINDIR", 1)):
        export.main([*flags, f"--checkpoint_file_path={folder / 'a.ckpt'}", f"--file_format={file_format}",
                     f"--file_name={folder / 'a'}", f"--batch_size={batch_size}"])
    return folder


@pytest.fixture
def predict(run, shapes, tmp_path):
    """Function: model, flags -> what was logged; the pictures are in `tmp_path / "out"`."""

    def predict(model, *flags, configured=False):
        config = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX) if configured else ()
        out, err, code = run("predict", *config, f"--checkpoint_file_path={model}", "--output=out", *flags)
        assert code == 0, err
        return out

    return predict


def detections_in(folder):
    return json.loads((folder / "out" / "detections.json").read_text(encoding="utf-8"))


def grouped(rows):
    """Boxes `(N, 4)` x, y, width, height by picture and class. Scores that differ by rounding change the order."""
    groups = {}
    for row in rows:
        groups.setdefault((row["picture"], row["class"]), []).append(row["bbox"])
    return {key: np.array(boxes) for key, boxes in groups.items()}


def test_the_same_from_all_kinds_of_models(predict, models, shapes, tmp_path, caplog):
    found, annotated = [], []
    for name, kind in (("a.ckpt", "coco"), ("a.onnx", "voc"), ("a.mindir", "yolo")):
        with caplog.at_level("INFO"):
            predict(models / name, f"--input={shapes / 'shapes' / 'val'}", "--nms_threshold=0.3", f"--format={kind}",
                    "--tiles", "--tile_size=250", "--max_images=2", configured=name == "a.ckpt")
        assert "detections have a score above 0.5" in caplog.text
        assert "in 2 images" in caplog.text and "images per second (network alone" in caplog.text
        caplog.clear()
        found.append(detections_in(tmp_path))
        config = with_found_data(FolderConfig(str(tmp_path / "out" / "dataset")))
        records = in_pixels(find_parts(config)[1][TRAINING].read(Report()))
        annotated.append({Path(record.path).stem: record.pixel_boxes for record in records})
        assert set(config.classes[1:]) <= CLASSES
    checkpoint, onnx, mindir = found
    assert len(checkpoint) > 6
    assert {row["class"] for row in checkpoint} <= CLASSES and all(row["score"] > 0.5 for row in checkpoint)
    expected = grouped(checkpoint)
    for other in map(grouped, (onnx, mindir)):
        assert {key: len(boxes) for key, boxes in other.items()} == {key: len(boxes) for key, boxes in expected.items()}
        assert all(largest_distance(other[key], boxes) < 0.1 for key, boxes in expected.items())
    # As annotations, too: the boxes of the list, rounded.
    for boxes_of in annotated:
        assert sum(map(len, boxes_of.values())) == len(checkpoint)
        for stem, boxes in boxes_of.items():
            listed = np.array([row["bbox"] for row in checkpoint if Path(row["file_name"]).stem == stem]).reshape(-1, 4)
            assert len(boxes) == len(listed) and largest_distance(tlbr_to_xywh(boxes[:, :4]), listed) < 1.1
    pictures = {path.stem for path in (tmp_path / "out").glob("*.jpg")}
    assert pictures == {path.stem for path in sorted((shapes / "shapes" / "val").iterdir())[:2]}


def test_images_a_video_crops_and_one_class(predict, models, shapes, tmp_path):
    save_video(tmp_path / "clip.avi", size=(60, 80))
    predict(models / "a.onnx", "--input", str(shapes / "shapes" / "val" / "*.jpg"), "clip.avi", "--score=0.4",
            "--crops", "--only=ring,star", "--format=csv", "--max_images=8")
    with open(tmp_path / "out" / "detections.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["class"] for row in rows} == {path.name for path in (tmp_path / "out" / "crops").iterdir()}
    assert {row["class"] for row in rows} <= {"ring", "star"} and rows
    assert len(list((tmp_path / "out" / "crops").rglob("*.jpg"))) == len(rows)
    assert {row["frame"] for row in rows} <= {"", "0", "1"}  # six images before
    assert (tmp_path / "out" / "clip.mp4").is_file()


def test_truth_beside(predict, models, shapes, tmp_path):
    image = next((shapes / "shapes" / "val").iterdir())
    predict(models / "a.onnx", f"--input={image}", f"--show_gt={shapes}/shapes/annotations/instances_val.json")
    assert load_image(tmp_path / "out" / f"{image.stem}.jpg").shape[1] > 2 * load_image(image).shape[1]


def test_report_of_an_evaluation(run, models, shapes, tmp_path):
    flags = flags_for("ssd300_config.yaml", shapes, *SMALL_MULTIBOX, "--batch_size=3")
    _, err, code = run("eval_onnx", *flags, f"--file_name={models / 'a.onnx'}", "--report=True", "--report_score=0.5")
    assert code == 0, err
    html = (tmp_path / "output" / "report.html").read_text(encoding="utf-8")
    results = json.loads((tmp_path / "output" / "eval_results.json").read_text(encoding="utf-8"))
    assert f"<b>{results['mAP']:.3f}</b>" in html
    assert html.count("data:image/svg+xml") == 5 and "data:image/jpeg" in html
    # Of images that are no larger than a tile, the same comes out.
    _, err, code = run("eval_onnx", *flags, f"--file_name={models / 'a.onnx'}", "--tiles", "--tile_size=1000")
    assert code == 0, err
    tiled = json.loads((tmp_path / "output" / "eval_results.json").read_text(encoding="utf-8"))
    assert tiled["protocols"]["coco"]["stats"] == pytest.approx(results["protocols"]["coco"]["stats"], abs=1e-6)
    assert tiled["settings"]["tiles"] == {"size": 1000, "overlap": 0.2} and results["mAP"] > 0


def test_unreadable_inputs_do_not_stop_the_others(run, models, tmp_path):
    (tmp_path / "images").mkdir()
    save_image(tmp_path / "images" / "b.png", np.zeros((50, 60, 3), np.uint8))
    save_video(tmp_path / "images" / "cut.avi", num_frames=20)
    cut_short(tmp_path / "images" / "cut.avi")
    for name in ("a.png", "broken.mp4"):
        (tmp_path / "images" / name).write_bytes(b"no image")
    flags = ("--output=out", f"--checkpoint_file_path={models / 'a.onnx'}")
    _, err, code = run("predict", "--input=images", *flags)
    assert code == 1
    assert err == "error: 3 of 4 inputs could not be read, or not to their end, such as images/a.png\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.jpg", "cut.mp4", "detections.json"]
    assert isinstance(detections_in(tmp_path), list)

    _, err, code = run("predict", "--input=images/cut.avi", *flags)  # what can be read of it is done
    assert code == 1 and "1 of 1 inputs could not be read, or not to their end" in err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cut.mp4", "detections.json"]
    assert sorted(path.name for path in (tmp_path / "out-1").iterdir()) == ["b.jpg", "cut.mp4", "detections.json"]


@pytest.mark.parametrize(("flags", "message"), [
    (["--input=nothing.jpg"], "no image, video or folder nothing.jpg"),
    (["--input=a.png"], "The image a.png cannot be decoded"),
    (["--input=a.png", "--only=ring,cat"], "the model has no class 'cat'; it has: circle, square"),
    (["--input=a.png", "--score=2"], "--score is 2.0; allowed: from 0 to 1"),
    (["--input=a.png", "--score=most"], "'most' is no number, nor one of best, best_f1"),
    (["--input=a.png", "--score=target_recall"], "no confidence threshold target_recall (it has: best_f1 0.5)"),
    (["--input=a.png", "--max_images=0"], "--max_images is 0"),
    (["--input=a.png", "--format=xml"], "--format"),
    (["--input=a.png", "--show_gt"], "--show_gt=FILE"),
    (["--input=a.png", "--scroe=0.5"], "unknown option --scroe"),
    ([], "--input"),
])
def test_one_clear_message(run, models, tmp_path, flags, message):
    (tmp_path / "a.png").write_bytes(b"no image")
    _, err, code = run("predict", *flags, "--output=out", f"--checkpoint_file_path={models / 'a.onnx'}")
    assert code == 1
    assert err.count("error: ") == 1 and message in err
    assert not list(tmp_path.glob("out/*"))
