"""Which images train and which evaluate, for data without an evaluation part."""
import json

import cv2
import numpy as np
import pytest

from src.config import load_config
from src.dataset.mindrecord.convert import create_mindrecord
from src.dataset.sources import find_source, held_out, read_annotations
from src.utils.errors import UserError
from tests.support.samples import voc_xml

NUMBER = 20


@pytest.fixture
def images(tmp_path):
    """Folder with 20 images, each with an xml file of one box."""
    folder = tmp_path / "own"
    folder.mkdir()
    for number in range(NUMBER):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((30, 40, 3), number, np.uint8))
        (folder / f"{number}.xml").write_text(voc_xml([("cat", 2, 3, 20, 25)], f"{number}.png", 40, 30))
    return folder


def flags_of(kind, folder):
    """Flags of the same data in one of the three formats, without an evaluation part."""
    common = ["--classes=background,cat", "--num_classes=2", f"--mindrecord_dir={folder.parent / 'MindRecord'}"]
    if kind == "voc":
        return [*common, "--dataset=voc", f"--voc_root={folder}"]
    if kind == "other":
        lines = [f"{number}.png 1,2,19,24,1\n" for number in range(NUMBER)]
        (folder / "list.txt").write_text("".join(lines))
        return [*common, "--dataset=other", f"--image_dir={folder}", f"--anno_path={folder / 'list.txt'}"]
    content = {"images": [{"id": number, "file_name": f"{number}.png", "height": 30, "width": 40}
                          for number in range(NUMBER)],
               "annotations": [{"id": number + 1, "image_id": number, "category_id": 5, "bbox": [1, 2, 18, 22],
                                "area": 396, "iscrowd": 0} for number in range(NUMBER)],
               "categories": [{"id": 5, "name": "cat"}]}
    (folder.parent / "all.json").write_text(json.dumps(content))
    return [*common, "--dataset=coco", f"--coco_root={folder.parent}", "--instances_set=all.json",
            "--train_data_type=own", "--val_data_type=none"]


@pytest.mark.parametrize("kind", ["voc", "other", "coco"])
def test_a_share_is_set_aside(images, kind):
    config = load_config([*flags_of(kind, images), "--val_share=0.25"])
    training, evaluation = (read_annotations(config, is_training) for is_training in (True, False))
    paths = {record.path for record in training}, {record.path for record in evaluation}
    assert (len(paths[0]), len(paths[1]), paths[0] & paths[1]) == (15, 5, set())
    made = create_mindrecord(config, is_training=True), create_mindrecord(config, is_training=False)
    assert [records.num_images for records in made] == [15, 5]
    with open(made[1].annotation_file, encoding="utf-8") as stream:
        ground_truth = json.load(stream)
    assert {image["file_name"] for image in ground_truth["images"]} == {path.rpartition("/")[2] for path in paths[1]}
    assert [annotation["bbox"] for annotation in ground_truth["annotations"]] == [[1, 2, 18, 22]] * 5

    # Another share is other data.
    del made
    more = load_config([*flags_of(kind, images), "--val_share=0.5"])
    assert create_mindrecord(more, is_training=True).num_images == 10


@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_without_a_share_an_evaluation_part_is_asked_for(images, kind):
    config = load_config(flags_of(kind, images))
    assert len(read_annotations(config, is_training=True)) == NUMBER
    with pytest.raises(UserError):
        find_source(config, is_training=False)


def test_an_evaluation_part_that_is_there_is_taken(images):
    flags = [*flags_of("other", images), "--val_share=0.5"]
    (images / "val.txt").write_text("3.png 1,2,19,24,1\n")
    config = load_config([*flags, f"--val_anno_path={images / 'val.txt'}"])
    assert [len(read_annotations(config, is_training)) for is_training in (True, False)] == [NUMBER, 1]


def test_a_standard_layout_without_its_list_is_not_taken_as_a_whole(images):
    (images / "ImageSets" / "Main").mkdir(parents=True)
    with pytest.raises(UserError, match="no VOC dataset with training images"):
        find_source(load_config([*flags_of("voc", images), "--val_share=0.5"]), is_training=True)


def test_the_choice_depends_on_names_only():
    names = [f"{number}.jpg" for number in range(50)]
    chosen = {name for name, out in zip(names, held_out(names, 0.2)) if out}
    assert len(chosen) == 10
    elsewhere = [f"/other/{name}" for name in reversed(names)]
    assert {name[7:] for name, out in zip(elsewhere, held_out(elsewhere, 0.2)) if out} == chosen
    assert (held_out([], 0.2), held_out(["a"], 0.9), sum(held_out(["a", "b"], 0.01))) == ([], [False], 1)
