"""The ground truth of COCO data is their own: crowds, fractions and areas are as annotated."""
import json
from pathlib import Path

import pytest
from PIL import Image

from src.config import load_config
from src.dataset import create_mindrecord, with_found_data
from src.evaluation.evaluator import Evaluation
from tests.support.samples import exif_of, write_coco

BOX = [5.25, 5.5, 20.5, 20]


def write(folder, part, change=lambda annotations: None):
    """Images 1 to 8, each with a cat and a crowd of dogs; returns the content."""
    path = write_coco(folder, part, range(1, 9), [(number, category, BOX) for number in range(1, 9)
                                                  for category in (7, 3)])
    content = json.loads(path.read_text())
    for annotation in content["annotations"]:
        annotation.update(area=99.5, iscrowd=int(annotation["category_id"] == 3))
    change(content["annotations"])
    path.write_text(json.dumps(content))
    return content


def evaluation_records(folder, *flags):
    config = load_config(["--config_path=config/finetune.yaml", f"--mindrecord_dir={folder}/../MindRecord", *flags],
                         for_training=True)
    return create_mindrecord(with_found_data(config), is_training=False)


@pytest.mark.parametrize("flags", [["--data={}"], ["--dataset=coco", "--coco_root={}"],
                                   ["--dataset=coco", "--coco_root={}", "--val_share=0"]])
def test_an_evaluation_part_brings_it(tmp_path, flags):
    folder = tmp_path / "own"
    write(folder, "train")
    write(folder, "val")
    records = evaluation_records(folder, *(flag.format(folder) for flag in flags))
    assert records.annotation_file == str(folder / "annotations" / "instances_val.json")


@pytest.mark.parametrize("flags", [["--data={}"], ["--dataset=coco", "--coco_root={}"]])
def test_of_held_out_images_it_is_a_part(tmp_path, flags):
    folder = tmp_path / "own"

    def change(annotations):
        annotations.append({"id": 99, "image_id": 1, "category_id": 7, "bbox": None})  # which the reader leaves out

    content = write(folder, "train", change)
    records = evaluation_records(folder, *(flag.format(folder) for flag in flags), "--val_share=0.25")
    found = json.loads(Path(records.annotation_file).read_text())
    ids = [image["id"] for image in found["images"]]
    assert len(ids) == records.num_images == 2
    assert found["images"] == [image for image in content["images"] if image["id"] in ids]
    names = {category["id"]: category["name"] for category in found["categories"]}
    assert [(one["image_id"], names[one["category_id"]], one["bbox"], one["area"], one["iscrowd"])
            for one in found["annotations"]] == [(number, name, BOX, 99.5, int(name == "dog"))
                                                 for number in ids for name in ("cat", "dog")]
    again = evaluation_records(folder, *(flag.format(folder) for flag in flags), "--val_share=0.25")
    assert again.annotation_file == records.annotation_file


def test_ids_as_text_evaluate_where_images_are_held_out(tmp_path):
    """The reader takes them, and so does the evaluation."""
    folder = tmp_path / "own"
    content = write(folder, "train")
    for entry in content["categories"]:
        entry["id"] = f"c{entry['id']}"
    for entry in content["annotations"]:
        entry["category_id"] = f"c{entry['category_id']}"
    (folder / "annotations" / "instances_train.json").write_text(json.dumps(content))
    config = load_config(["--config_path=config/finetune.yaml", f"--data={folder}", "--input_size=300",
                          f"--mindrecord_dir={tmp_path}/MindRecord", "--batch_size=1"])
    assert Evaluation(with_found_data(config)).num_images == 2


def test_boxes_of_held_out_images_that_lie_on_their_side_are_turned(tmp_path):
    """The annotated size is the stored one; x is 60 - y in images of 60 rows that are turned clockwise."""
    folder = tmp_path / "own"
    write(folder, "train")
    for path in (folder / "train").iterdir():
        Image.open(path).copy().save(path, exif=exif_of(6))
    records = evaluation_records(folder, f"--data={folder}", "--val_share=0.25")
    found = json.loads(Path(records.annotation_file).read_text())
    assert [(image["height"], image["width"]) for image in found["images"]] == [(80, 60)] * 2
    assert [one["bbox"] for one in found["annotations"]] == [[60 - 5.5 - 20, 5.25, 20, 20.5]] * 4
