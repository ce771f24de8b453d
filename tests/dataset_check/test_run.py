"""`train.py --check_dataset` on small datasets."""
import json

import pytest

from tests.support.samples import make_coco, write_image

SMALL = ("--img_shape=64,64", "--feature_size=4,2,1,1,1,1", "--steps=16,32,64,64,64,64")


def test_check_of_a_dataset_with_faults(run, tmp_path, caplog):
    """The classes are not told, and the names of the annotations are taken."""
    caplog.set_level("INFO")
    make_coco(tmp_path)
    path = tmp_path / "coco" / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["categories"][2]["name"] = "Cat"
    content["annotations"] += [{"id": 99, "image_id": 1, "category_id": 9, "bbox": [50, 40, 6, 4]}]
    path.write_text(json.dumps(content))
    (tmp_path / "coco" / "train2017" / "2.png").unlink()
    path = path.with_name("instances_val2017.json")
    content = json.loads(path.read_text())
    content["annotations"][6]["bbox"] = None
    path.write_text(json.dumps(content))
    _, err, code = run("train", "--config_path=config/ssd300_shapes_config.yaml", f"--data_path={tmp_path}", *SMALL,
                       "--coco_root=coco", "--train_data_type=train2017", "--val_data_type=val2017", "--check_dataset")
    assert code == 0, err
    folder = tmp_path / "output" / "shapes" / "dataset_check"
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["box_sizes.png", "classes.png", "report.txt", "samples.jpg"]
    text = (folder / "report.txt").read_text()
    assert text in caplog.records[-1].getMessage()
    assert "training: 5 images that can be used, 80 x 60 pixels, 0 of them without boxes; 7 boxes" in text
    assert "training: 1 images that do not exist: " in text
    assert f"evaluation: cannot be used: {path}: annotations[6] has bbox None, expected four numbers" in text
    assert "differ only in capital letters or blanks: 'Cat', 'cat'" in text
    assert "5 images that are in training and evaluation" in text
    assert "num_classes: 4\n   classes: [background, Cat, cat, dog]" in text
    assert "batch_size: 1, which fits" in text and "the 4 of the configuration would take about" in text
    assert not (tmp_path / "mindrecord").exists()


def test_check_where_the_batch_size_is_left_open(run, shapes, tmp_path):
    _, err, code = run("train", "--config_path=config/ssd300_shapes_config.yaml", f"--data_path={shapes}", *SMALL,
                       "--batch_size=auto", "--epoch_size=auto", "--classes=auto", "--check_dataset")
    assert code == 0, err
    text = (tmp_path / "output" / "shapes" / "dataset_check" / "report.txt").read_text()
    assert "keep_empty: True would also train on" in text
    assert "batch_size: 2, which fits" in text and "auto, as in the configuration, lets train.py choose it" in text


@pytest.mark.parametrize(("share", "expected"), [
    (0, "evaluation: none (it would be on the training images)"),
    (0.25, "evaluation: 2 images that can be used, 80 x 60 pixels, 0 of them without boxes; 2 boxes")])
def test_check_of_a_text_file_that_trains_and_evaluates(run, tmp_path, share, expected):
    lines = []
    for number in range(8):
        write_image(tmp_path / "images" / f"{number}.png", seed=number)
        lines.append(f"{number}.png 5,5,40,45,1")
    (tmp_path / "list.txt").write_text("\n".join(lines))
    _, err, code = run("train", "--config_path=config/ssd300_shapes_config.yaml", f"--data_path={tmp_path}", *SMALL,
                       "--dataset=other", "--image_dir=images", "--anno_path=list.txt", f"--val_share={share}",
                       "--classes=background,cat", "--num_classes=2", "--output_path=output", "--check_dataset")
    assert code == 0, err
    assert expected in (tmp_path / "output" / "dataset_check" / "report.txt").read_text()
