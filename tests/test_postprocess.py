import json

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.samples import exif_of

CLASSES = ("--classes=background,dog,cat", "--num_classes=3")
# One level of one cell with three default boxes.
THREE_BOXES = ("--img_shape=32,32", "--feature_size=1", "--steps=32", "--num_default=3", "--aspect_ratios=[[]]",
             "--extras_in_channels=8", "--extras_out_channels=8", "--extras_strides=1", "--extras_ratio=1",
             "--num_ssd_boxes=-1")


@pytest.fixture
def dataset(tmp_path):
    """Images of 40 x 80 pixels named by words, a dog in `one`, a cat beside a crowd in `two`, nothing in `three`."""
    (tmp_path / "coco" / "val").mkdir(parents=True)
    (tmp_path / "coco" / "annotations").mkdir()
    for name in ("one", "two", "three", "unknown"):
        data = cv2.imencode(".jpg", np.zeros((40, 80, 3), np.uint8))[1]
        (tmp_path / "coco" / "val" / f"{name}.jpg").write_bytes(data.tobytes())
    boxes = [(31, 1, [20, 10, 40, 20], 0), (32, 2, [0, 0, 40, 20], 0), (32, 2, [40, 20, 40, 20], 1)]
    truth = {
        "images": [{"id": 30 + number, "file_name": f"{name}.jpg", "height": 40, "width": 80}
                   for number, name in enumerate(("one", "two", "three"), start=1)],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [{"id": number, "image_id": image, "category_id": category, "bbox": box, "iscrowd": crowd,
                         "area": box[2] * box[3]} for number, (image, category, box, crowd) in enumerate(boxes, 1)],
    }
    (tmp_path / "coco" / "annotations" / "instances_val.json").write_text(json.dumps(truth), encoding="utf-8")
    (tmp_path / "result_Files").mkdir()
    for name in ("one", "two", "three"):
        np.array([[0.25, 0.25, 0.75, 0.75], [0, 0, 0.5, 0.5], [0, 0, 1, 1]], np.float32).tofile(
            tmp_path / "result_Files" / f"{name}_0.bin")
        np.array([[0.1, 0.9, 0], [0.1, 0, 0.8], [1, 0, 0]], np.float32).tofile(
            tmp_path / "result_Files" / f"{name}_1.bin")
    return ("--dataset=coco", f"--data_path={tmp_path}", "--coco_root=coco", "--val_data_type=val",
            f"--img_path={tmp_path / 'coco' / 'val'}", f"--result_path={tmp_path / 'result_Files'}",
            "--output_path=out", *CLASSES, *THREE_BOXES)


def results(folder):
    return [json.loads((folder / "out" / name).read_text(encoding="utf-8"))
            for name in ("eval_results.json", "predictions.json")]


def test_images_need_no_numeric_names(run, dataset, tmp_path):
    _, err, code = run("postprocess", *dataset, "--drop=True")
    assert code == 0, err
    numbers, predictions = results(tmp_path)
    assert numbers["mAP"] == pytest.approx(1)  # of the image `one` alone: the others have a crowd, or no box
    assert predictions == [
        {"image_id": 31, "category_id": 1, "bbox": [20, 10, 40, 20], "score": pytest.approx(0.9)},
        {"image_id": 31, "category_id": 2, "bbox": [0, 0, 40, 20], "score": pytest.approx(0.8)},
    ]
    _, err, code = run("postprocess", *dataset)
    assert code == 0, err
    numbers, predictions = results(tmp_path)
    assert {prediction["image_id"] for prediction in predictions} == {31, 32, 33}
    assert numbers["protocols"]["reference"]["images"] == 3


def test_boxes_of_the_c_program_are_of_the_upright_image(run, dataset, tmp_path):
    """The image `one` is stored on its side, and annotated so: its boxes are turned, as the program turns the image."""
    pixels = Image.fromarray(np.zeros((40, 80, 3), np.uint8))
    pixels.save(tmp_path / "coco" / "val" / "one.jpg", exif=exif_of(6))
    _, err, code = run("postprocess", *dataset, "--drop=True")
    assert code == 0, err
    numbers, predictions = results(tmp_path)
    assert numbers["mAP"] == pytest.approx(1)
    assert [prediction["bbox"] for prediction in predictions] == [[10, 20, 20, 40], [0, 0, 20, 40]]
    _, err, code = run("postprocess", *dataset, "--drop=True", "--exif=stored")
    assert code == 0, err
    assert [prediction["bbox"] for prediction in results(tmp_path)[1]] == [[20, 10, 40, 20], [0, 0, 40, 20]]


def test_wrong_files_are_named(run, dataset, tmp_path):
    (tmp_path / "result_Files" / "two_1.bin").write_bytes(b"1234")
    (tmp_path / "result_Files" / "three_0.bin").unlink()
    _, err, code = run("postprocess", *dataset)
    assert code == 1
    assert err.count("error: ") == 1
    assert "two_1.bin has 4 bytes instead of 36" in err
    assert "three_0.bin is missing" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("flag", "message"), [
    ("--img_path=nowhere", "no image or folder nowhere"),
    ("--img_path=", "img_path is missing"),
    ("--result_path=", "result_path is missing"),
    ("--result_path=nowhere", "no folder nowhere"),
    ("--coco_root=nowhere", "nowhere"),
])
def test_wrong_folders(run, dataset, flag, message):
    key = flag.split("=")[0]
    _, err, code = run("postprocess", *(other for other in dataset if not other.startswith(key + "=")), flag)
    assert code == 1
    assert err.count("error: ") == 1
    assert message in err
