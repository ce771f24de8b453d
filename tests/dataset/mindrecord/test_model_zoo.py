"""Files as the Model Zoo's SSD wrote them: eight of them, ids of int32, and nothing beside them."""
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from src.dataset import BatchSettings, create_ssd_dataset
from src.dataset.augmentation import Augmentation
from src.dataset.mindrecord.create import create_mindrecord
from src.dataset.mindrecord.opening import readable
from src.utils.errors import UserError
from tests.support.batches import epochs, training_dataset
from tests.support.samples import make_coco, make_config, read_records, voc_xml, write_image

SCHEMA = {"img_id": {"type": "int32", "shape": [1]}, "image": {"type": "bytes"},
          "annotation": {"type": "int32", "shape": [-1, 5]}}


def write_model_zoo(folder, prefix, image_paths, schema=SCHEMA, ends=(35, 30)):
    from mindspore.mindrecord import FileWriter

    folder.mkdir(exist_ok=True)
    writer = FileWriter(str(folder / prefix), 8)
    writer.add_schema(schema, "ssd_json")
    for number, path in enumerate(image_paths, start=1):
        row = {"img_id": np.array([number], np.int32), "image": path.read_bytes(),
               "annotation": np.array([[5, 10, ends[0], ends[1] + number, 1]], np.int32)}
        writer.write_raw_data([{name: row[name] for name in schema}])
    writer.commit()


def images_of(config, part):
    return [config_path(config, "coco", part, f"{number}.png") for number in range(1, 7)]


def config_path(config, *parts):
    return Path(config.data_path).joinpath(*parts)


@pytest.fixture
def config(tmp_path):
    """COCO's annotations of training and evaluation, both sets as the Model Zoo wrote them, and no image any more."""
    config = make_coco(tmp_path)
    for prefix, part in (("ssd.mindrecord", "train2017"), ("ssd_eval.mindrecord", "val2017")):
        write_model_zoo(tmp_path / "mindrecord", prefix, images_of(config, part))
        shutil.rmtree(tmp_path / "coco" / part)
    return config


def test_training_and_evaluation_without_images(config, caplog):
    before = sorted(path.name for path in config_path(config, "mindrecord").iterdir())
    training, evaluation = create_mindrecord(config, True), create_mindrecord(config, False)
    assert (training.num_images, training.annotation_file) == (6, None)
    assert {number: boxes for number, (_, boxes) in read_records(training.path).items()} == {
        number: [[5, 10, 35, 30 + number, 1]] for number in range(1, 7)}
    assert evaluation.annotation_file == str(config_path(config, "coco", "annotations", "instances_val2017.json"))
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2 and all("no manifest" in text and "6 images" in text for text in warnings)
    batches = create_ssd_dataset(evaluation.path, BatchSettings(4, (32, 32)))
    rows = list(batches.create_dict_iterator(num_epochs=1, output_numpy=True))
    assert sorted(np.concatenate([row["img_id"] for row in rows]).tolist()) == [1, 2, 3, 4, 5, 6]
    assert rows[0]["image_shape"].tolist() == [[60, 80]] * 4
    # Nothing was added, changed, or locked for others.
    assert sorted(path.name for path in config_path(config, "mindrecord").iterdir()) == before


def test_evaluation_of_voc_takes_the_json_that_the_model_zoo_made(tmp_path):
    write_image(tmp_path / "voc" / "eval" / "1.jpg")
    (tmp_path / "voc" / "eval" / "1.xml").write_text(voc_xml([("cat", 10, 5, 30, 35)], "1.jpg"))
    config = make_config(tmp_path, dataset="voc", voc_json="made.json")
    write_model_zoo(tmp_path / "mindrecord", "ssd_eval.mindrecord", [tmp_path / "voc" / "eval" / "1.jpg"])
    with pytest.raises(UserError, match=r"made\.json"):
        create_mindrecord(config, False)
    (tmp_path / "voc" / "made.json").write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    assert create_mindrecord(config, False).annotation_file == str(tmp_path / "voc" / "made.json")


def test_what_does_not_fit_is_refused(config):
    config.classes = ("background",)
    with pytest.raises(UserError, match=r"labels 1 to 1.*Set classes") as error:
        create_mindrecord(config, True)
    assert "delete" not in str(error.value).lower()


def test_boxes_of_text_lists_have_x_first(tmp_path, caplog):
    """As the Model Zoo's README has the lists; its SSD writes the numbers as they stand there."""
    write_image(tmp_path / "a.png", height=60, width=80)
    config = make_config(tmp_path, dataset="other")
    write_model_zoo(tmp_path / "mindrecord", "ssd.mindrecord", [tmp_path / "a.png"] * 8)
    records = create_mindrecord(config, True)
    assert records.x_first and "read as xmin, ymin, xmax, ymax" in caplog.text
    unchanged = Augmentation(zoom=lambda image, boxes, rng: (image, boxes))
    (batch,), = epochs(training_dataset(records.path, 8, x_first=True, augmentation=unchanged))
    boxes = np.round(batch["box"][:, 0] * [60, 80, 60, 80]).astype(int)
    assert sorted(boxes[:, [0, 2]].tolist()) == [[10, 30 + number] for number in range(1, 9)]
    assert {tuple(box) for box in boxes[:, [1, 3]].tolist()} <= {(5, 35), (45, 75)}  # the second is flipped
    shutil.rmtree(tmp_path / "mindrecord")
    write_model_zoo(tmp_path / "mindrecord", "ssd_eval.mindrecord", [tmp_path / "a.png"])
    with pytest.raises(UserError, match="cannot evaluate with text lists"):
        create_mindrecord(config, False)


def test_boxes_of_text_lists_in_another_order_are_refused(tmp_path):
    write_image(tmp_path / "a.png", height=60, width=80)
    write_model_zoo(tmp_path / "mindrecord", "ssd.mindrecord", [tmp_path / "a.png"] * 8, ends=(35, 66))
    with pytest.raises(UserError, match=r"8 with x before y .* 0 with y before x\. Set --mindrecord_dir"):
        create_mindrecord(make_config(tmp_path, dataset="other"), True)


@pytest.mark.parametrize("is_training", [True, False])
def test_a_damaged_image_is_one_message(tmp_path, is_training):
    config = make_coco(tmp_path)
    damaged = images_of(config, "train2017")
    damaged[3].write_text("no image")
    write_model_zoo(tmp_path / "mindrecord", "ssd.mindrecord", damaged)
    path = create_mindrecord(config, True).path
    settings = BatchSettings(2, (32, 32))  # of six images, so that none is left over
    batches = training_dataset(path, settings.batch_size) if is_training else create_ssd_dataset(path, settings)
    with pytest.raises(UserError) as error:
        list(readable(batches.create_dict_iterator(num_epochs=1), path))
    assert str(error.value) == (
        f"{path} and the files beside it cannot be read as MindRecord files: the image with the id 4 cannot be decoded "
        "(damaged, or no known image format). Set --mindrecord_dir to another folder.")


def test_a_fault_of_the_program_stays_one(tmp_path):
    write_image(tmp_path / "a.png")
    write_model_zoo(tmp_path, "ssd.mindrecord", [tmp_path / "a.png"])
    batches = training_dataset(tmp_path / "ssd.mindrecord0", 1, augmentation=None)
    with pytest.raises(RuntimeError, match="AttributeError"):
        list(readable(batches.create_dict_iterator(num_epochs=1)))


def test_held_out_images_are_in_the_training_files(config):
    write_image(config_path(config, "coco", "train2017", "1.png"))
    shutil.rmtree(config_path(config, "mindrecord"))
    write_model_zoo(config_path(config, "mindrecord"), "ssd.mindrecord",
                    [config_path(config, "coco", "train2017", "1.png")])
    config.val_data_type, config.val_share = config.train_data_type, 0.5
    with pytest.raises(UserError, match="val_share"):
        create_mindrecord(config, False)


@pytest.mark.parametrize("damage", ["index", "index_is_gone", "file", "schema"])
def test_damaged_files_are_one_message(tmp_path, damage):
    config = make_coco(tmp_path)
    folder = tmp_path / "mindrecord"
    schema = {name: SCHEMA[name] for name in ("img_id", "image")} if damage == "schema" else SCHEMA
    write_model_zoo(folder, "ssd.mindrecord", images_of(config, "train2017"), schema)
    if damage == "index":
        with open(folder / "ssd.mindrecord3.db", "rb+") as stream:
            stream.seek(4096)
            stream.write(b"\xff" * 4096)
    elif damage == "index_is_gone":
        (folder / "ssd.mindrecord3.db").unlink()
    elif damage == "file":
        with open(folder / "ssd.mindrecord2", "rb+") as stream:
            stream.write(b"\xff" * 100)
    with pytest.raises(UserError, match=r"ssd\.mindrecord0.*--mindrecord_dir") as error:
        create_mindrecord(config, True)
    assert "\n" not in str(error.value) and "delete" not in str(error.value).lower()
