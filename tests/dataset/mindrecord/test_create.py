import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from src.dataset.annotations import MISSING_IMAGE, NO_AREA, NO_BOXES, UNKNOWN_CLASS, UNREADABLE_IMAGE
from src.dataset.mindrecord import create, writer
from src.dataset.mindrecord import manifest as manifests
from src.dataset.mindrecord.create import create_mindrecord
from src.utils.errors import UserError
from src.utils.file_lock import folder_lock
from tests.support.samples import make_coco, make_config, read_records, voc_xml, write_coco, write_image

ROOT = Path(__file__).resolve().parents[2]


def counts(result):
    return {reason: entry["count"] for reason, entry in result.report["left_out"].items()}


def folder_of(config):
    return Path(config.data_path) / config.mindrecord_dir


@pytest.fixture
def written(monkeypatch):
    """List that grows by one with every conversion."""
    calls = []
    original = create._convert

    def counted(*args):
        calls.append(args)
        return original(*args)

    monkeypatch.setattr(create, "_convert", counted)
    return calls


def test_training_records_of_coco(tmp_path):
    write_coco(tmp_path / "coco", "train2017", [5, 2, 9, 4, 6], [
        (5, 7, [10, 5, 20, 30]), (5, 9, [1, 1, 5, 5]), (2, 3, [70, 50, 20, 20]), (9, 7, [3, 3, 0.2, 9]),
        (6, 7, [1, 2, 3, 4])])
    (tmp_path / "coco" / "train2017" / "6.png").write_bytes(b"no image")
    config = make_config(tmp_path)
    result = create_mindrecord(config, True)
    assert result.path == str(tmp_path / "mindrecord" / "ssd.mindrecord0")
    assert result.num_images == 2
    assert result.annotation_file is None
    assert counts(result) == {UNKNOWN_CLASS: 1, NO_AREA: 1, NO_BOXES: 2, UNREADABLE_IMAGE: 1,
                              "boxes partly outside the image, clipped": 1}
    records = read_records(result.path)
    assert {image_id: boxes for image_id, (_, boxes) in records.items()} == {
        5: [[5, 10, 35, 30, 1]], 2: [[50, 70, 60, 80, 2]]}
    # The images are the files as they are.
    assert records[5][0] == (tmp_path / "coco" / "train2017" / "5.png").read_bytes()
    report = json.loads((tmp_path / "mindrecord" / "ssd.mindrecord_report.json").read_text())
    assert report == result.report
    assert not list(folder_of(config).glob(".writing-*"))


def test_evaluation_keeps_all_readable_images(tmp_path):
    annotation_file = write_coco(tmp_path / "coco", "val2017", [5, 2, 9], [(5, 7, [10, 5, 20, 30])])
    (tmp_path / "coco" / "val2017" / "9.png").unlink()
    result = create_mindrecord(make_config(tmp_path), False)
    assert result.annotation_file == str(annotation_file)
    assert {image_id: boxes for image_id, (_, boxes) in read_records(result.path).items()} == {
        5: [[5, 10, 35, 30, 1]], 2: []}
    assert counts(result) == {MISSING_IMAGE: 1}


def make_voc(tmp_path, part="eval"):
    for name, objects in (("3", [("cat", 1, 1, 200, 31)]), ("b", []), ("c", [("dog", 5, 5, 5, 9)])):
        write_image(tmp_path / "voc" / part / f"{name}.jpg", seed=len(name))
        (tmp_path / "voc" / part / f"{name}.xml").write_text(voc_xml(objects, f"{name}.jpg"))
    return make_config(tmp_path, dataset="voc")


def test_ground_truth_of_voc(tmp_path, written):
    config = make_voc(tmp_path)
    result = create_mindrecord(config, False)
    assert result.annotation_file == str(tmp_path / "mindrecord" / "voc_instances_val.json")
    ground_truth = json.loads(Path(result.annotation_file).read_text())
    assert [(image["id"], image["file_name"], image["height"], image["width"]) for image in ground_truth["images"]] == [
        (3, "3.jpg", 60, 80), (1, "b.jpg", 60, 80), (2, "c.jpg", 60, 80)]
    # The record is clipped to the image, the ground truth is not.
    assert [(item["image_id"], item["bbox"]) for item in ground_truth["annotations"]] == [(3, [0, 0, 199, 30])]
    assert read_records(result.path)[3][1] == [[0, 0, 30, 80, 1]]
    copy = json.loads((tmp_path / "voc" / "annotations" / "voc_instances_val.json").read_text())
    assert {**copy, "info": 0} == {**ground_truth, "info": 0}
    Path(result.annotation_file).unlink()
    del result
    assert Path(create_mindrecord(config, False).annotation_file).is_file()
    assert len(written) == 2


def test_text_list_for_training_and_evaluation(tmp_path):
    for index, name in enumerate(("a", "sub/b", "c")):
        write_image(tmp_path / "images" / f"{name}.png", seed=index)
    (tmp_path / "list.txt").write_text("a.png 10,5,30,35,1\nsub/b.png\nnone.png 1,2,3,4,1\nc.png 1,2,9,9,2 1,2,9,9,5\n")
    config = make_config(tmp_path, dataset="other", image_dir="images", anno_path="list.txt", voc_json="")
    training = create_mindrecord(config, True)
    assert {image_id: boxes for image_id, (_, boxes) in read_records(training.path).items()} == {
        0: [[5, 10, 35, 30, 1]], 3: [[2, 1, 9, 9, 2]]}
    assert counts(training) == {NO_BOXES: 1, MISSING_IMAGE: 1, UNKNOWN_CLASS: 1}
    evaluation = create_mindrecord(config, False)
    assert list(read_records(evaluation.path)) == [0, 1, 3]
    ground_truth = json.loads(Path(evaluation.annotation_file).read_text())
    assert Path(evaluation.annotation_file).name == "instances_eval.json"
    assert [(item["image_id"], item["category_id"], item["bbox"]) for item in ground_truth["annotations"]] == [
        (0, 1, [10, 5, 20, 30]), (3, 2, [1, 2, 8, 7])]
    # A list of its own for evaluation.
    del evaluation
    (tmp_path / "val.txt").write_text("c.png 1,2,9,9,2\n")
    config.val_anno_path = "val.txt"
    assert create_mindrecord(config, False).num_images == 1


def test_made_once_and_used_again(tmp_path, written):
    config = make_coco(tmp_path)
    first = create_mindrecord(config, True)
    assert create_mindrecord(config, True) == first
    assert len(written) == 1
    # Evaluation files of the same folder are another set.
    create_mindrecord(config, False)
    assert create_mindrecord(config, True) == first
    assert len(written) == 2


def change_classes(config):
    config.classes = ("background", "cat", "bird")


def annotations_of(config):
    return Path(config.data_path) / "coco" / "annotations" / "instances_train2017.json"


def change_annotations(config):
    """Size and times stay, as `tar`, `rsync -t` and others keep them."""
    path = annotations_of(config)
    status = path.stat()
    path.write_text(path.read_text().replace("[10, 5, 21, 30]", "[10, 5, 22, 30]"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


def damage_index(config):
    with open(folder_of(config) / "ssd.mindrecord0.db", "rb+") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * 4096)


def replace_image(config):
    write_image(Path(config.data_path) / "coco" / "train2017" / "3.png", seed=99)


def remove_shard(config):
    (folder_of(config) / "ssd.mindrecord0").unlink()


def cut_shard(config):
    path = folder_of(config) / "ssd.mindrecord0"
    os.truncate(path, path.stat().st_size - 1)


def raise_version(config):
    path = folder_of(config) / "ssd.mindrecord.json"
    manifest = json.loads(path.read_text())
    manifest["version"] -= 1
    path.write_text(json.dumps(manifest))


def move_dataset(config):
    shutil.copytree(Path(config.data_path) / "coco", Path(config.data_path) / "copy")
    config.coco_root = "copy"


@pytest.mark.parametrize(("change", "reason"), [
    (change_classes, "with the classes"), (change_annotations, "annotations in"), (damage_index, "is damaged"),
    (replace_image, "images in"), (remove_shard, "is missing"), (cut_shard, "bytes instead of"),
    (raise_version, "made by version 2 of the readers, now 3"), (move_dataset, "made from annotations in"),
])
def test_stale_files_are_made_anew(tmp_path, written, caplog, change, reason):
    caplog.set_level(logging.INFO)
    config = make_coco(tmp_path)
    create_mindrecord(config, True)
    change(config)
    result = create_mindrecord(config, True)
    assert len(written) == 2
    assert any("made anew" in message and reason in message for message in caplog.messages)
    assert len(read_records(result.path)) == 6
    create_mindrecord(config, True)
    assert len(written) == 2


def test_files_of_earlier_readers_are_used_where_their_sources_are_gone(tmp_path, written, caplog):
    config = make_coco(tmp_path)
    path = create_mindrecord(config, True).path
    raise_version(config)
    shutil.rmtree(Path(config.data_path) / "coco")
    assert create_mindrecord(config, True).path == path
    assert len(written) == 1
    assert "is used although its sources cannot be compared" in caplog.text


def test_annotations_that_are_touched_only_are_the_same(tmp_path, written):
    config = make_coco(tmp_path)
    first = create_mindrecord(config, True)
    os.utime(annotations_of(config), (1, 1))
    assert create_mindrecord(config, True) == first
    assert len(written) == 1


def test_files_in_use_are_not_replaced_and_are_watched(tmp_path, written):
    config = make_coco(tmp_path)
    training, evaluation = create_mindrecord(config, True), create_mindrecord(config, False)
    change_annotations(config)
    before = read_records(training.path)
    with pytest.raises(UserError, match=r"in use by another run.*--mindrecord_dir"):
        create_mindrecord(config, True)
    assert read_records(training.path) == before
    for records in (training, evaluation):
        records.files.require_unchanged()
    del training, records
    create_mindrecord(config, True)
    assert len(written) == 3
    # Something else replaces files of the same size in their place.
    os.utime(evaluation.path, (1, 1))
    with pytest.raises(UserError, match=r"ssd_eval\.mindrecord0 was replaced"):
        evaluation.files.require_unchanged()
    os.unlink(evaluation.path)
    with pytest.raises(UserError, match=r"ssd_eval\.mindrecord0 was replaced or removed"):
        evaluation.files.require_unchanged()


def test_files_have_the_rights_of_the_umask(tmp_path):
    config = make_coco(tmp_path)
    before = os.umask(0o027)
    try:
        create_mindrecord(config, True)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in folder_of(config).iterdir()} == {0o640}


def test_files_that_must_not_be_read_are_one_message(tmp_path, monkeypatch):
    config = make_coco(tmp_path)
    create_mindrecord(config, True)
    # Root may read everything, so the system is asked in its place.
    monkeypatch.setattr(manifests.os, "access", lambda path, mode: not str(path).endswith("0.db"))
    with pytest.raises(UserError, match=r"mindrecord0\.db cannot be read: permission denied.*--mindrecord_dir"):
        create_mindrecord(config, True)


def test_image_that_appears_later_is_noticed(tmp_path):
    config = make_coco(tmp_path)
    image = tmp_path / "coco" / "train2017" / "2.png"
    content = image.read_bytes()
    image.unlink()
    assert create_mindrecord(config, True).num_images == 5
    image.write_bytes(content)
    assert create_mindrecord(config, True).num_images == 6


def test_new_annotation_file_of_voc_is_noticed(tmp_path):
    config = make_voc(tmp_path)
    assert create_mindrecord(config, False).num_images == 3
    write_image(tmp_path / "voc" / "eval" / "d.jpg", seed=9)
    (tmp_path / "voc" / "eval" / "d.xml").write_text(voc_xml([]))
    assert create_mindrecord(config, False).num_images == 4


@pytest.mark.parametrize("text", [None, "{", "[]", '{"format": "other"}', "a named pipe"])
def test_foreign_files_are_refused_and_left_alone(tmp_path, text):
    config = make_coco(tmp_path)
    folder_of(config).mkdir()
    foreign = folder_of(config) / "ssd.mindrecord0"
    foreign.write_bytes(b"foreign")
    if text == "a named pipe":
        os.mkfifo(folder_of(config) / "ssd.mindrecord.json")
    elif text is not None:
        (folder_of(config) / "ssd.mindrecord.json").write_text(text)
    with pytest.raises(UserError, match="mindrecord_dir"):
        create_mindrecord(config, True)
    assert foreign.read_bytes() == b"foreign"
    # Another prefix is not concerned.
    assert create_mindrecord(config, False).num_images == 6


def test_fewer_files_leave_no_old_ones(tmp_path, monkeypatch):
    config = make_coco(tmp_path)
    monkeypatch.setattr(writer, "IMAGES_PER_SHARD", 2)
    result = create_mindrecord(config, True)
    assert (folder_of(config) / "ssd.mindrecord2").is_file()
    assert sorted(read_records(result.path)) == [1, 2, 3, 4, 5, 6]
    monkeypatch.setattr(writer, "IMAGES_PER_SHARD", 500)
    change_annotations(config)
    del result
    result = create_mindrecord(config, True)
    assert [path.name for path in manifests.record_files(folder_of(config), "ssd.mindrecord")] == [
        "ssd.mindrecord0", "ssd.mindrecord0.db"]
    assert sorted(read_records(result.path)) == [1, 2, 3, 4, 5, 6]


def test_files_without_their_sources_are_used_with_a_warning(tmp_path, caplog):
    config = make_coco(tmp_path)
    training = create_mindrecord(config, True)
    create_mindrecord(config, False)
    shutil.rmtree(tmp_path / "coco" / "train2017")
    assert create_mindrecord(config, True) == training
    assert any(record.levelname == "WARNING" for record in caplog.records)
    shutil.rmtree(tmp_path / "coco")
    assert create_mindrecord(config, True) == training
    # Evaluation needs the annotation file of COCO itself, training needs files that fit.
    with pytest.raises(UserError, match="coco_root"):
        create_mindrecord(config, False)
    config.classes = ("background", "cat")
    with pytest.raises(UserError, match="coco_root"):
        create_mindrecord(config, True)


def test_evaluation_of_voc_without_its_sources(tmp_path):
    config = make_voc(tmp_path)
    result = create_mindrecord(config, False)
    shutil.rmtree(tmp_path / "voc")
    assert create_mindrecord(config, False) == result


def test_nothing_left_tells_the_classes(tmp_path):
    write_coco(tmp_path / "coco", "train2017", [1, 2], [(1, 9, [1, 1, 5, 5])])
    config = make_config(tmp_path)
    with pytest.raises(UserError) as error:
        create_mindrecord(config, True)
    for word in ("bird (1 boxes)", "background, cat, dog", "instances_train2017.json", f"1 {UNKNOWN_CLASS}"):
        assert word in str(error.value)
    assert [path.name for path in folder_of(config).iterdir()] == [".lock"]


def test_all_images_missing(tmp_path):
    config = make_coco(tmp_path)
    for path in (tmp_path / "coco" / "val2017").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=f"6 {MISSING_IMAGE}"):
        create_mindrecord(config, False)


def test_a_failed_rebuild_keeps_the_old_files(tmp_path):
    config = make_coco(tmp_path)
    before = read_records(create_mindrecord(config, True).path)
    config.classes = ("background", "zebra")
    with pytest.raises(UserError):
        create_mindrecord(config, True)
    config.classes = ("background", "cat", "dog")
    assert read_records(create_mindrecord(config, True).path) == before


@pytest.mark.parametrize("dataset", ["coco", "voc", "other"])
def test_missing_dataset(tmp_path, dataset):
    config = make_config(tmp_path, dataset=dataset, image_dir="images", anno_path="list.txt")
    with pytest.raises(UserError, match=r"coco_root|voc_root|image_dir"):
        create_mindrecord(config, True)
    assert not folder_of(config).exists()


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from src.dataset import read_images
from src.dataset.mindrecord import create
from tests.support.samples import make_config

def die():
    os.kill(os.getpid(), signal.SIGKILL)

moment = {moment!r}
if moment == "reading":
    read = read_images._read_image
    def dying_read(path):
        return die() if path.endswith("4.png") else read(path)
    read_images._read_image = dying_read
elif moment == "ground_truth":
    create._move_into_place = lambda *args: die()
elif moment == "marker":
    create.write_json = lambda *args: die()
else:
    replace, calls = os.replace, []
    def dying_replace(*args):
        calls.append(args)
        # The first is the marker, the second and third are the MindRecord file and its index.
        if len(calls) == int(moment):
            die()
        replace(*args)
    os.replace = dying_replace
create.create_mindrecord(make_config(Path({path!r})), True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("moment", ["reading", "ground_truth", "marker", "2", "3", "4", "5"])
def test_killed_and_started_again(tmp_path, moment, before):
    config = make_coco(tmp_path)
    if before:
        create_mindrecord(config, True)
        change_annotations(config)
    expected = read_records(create_mindrecord(make_config(tmp_path, mindrecord_dir="untouched"), True).path)
    script = KILLED.format(root=str(ROOT), path=str(tmp_path), moment=moment)
    code = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, timeout=300).returncode
    assert code == -signal.SIGKILL
    result = create_mindrecord(config, True)
    records = read_records(result.path)
    assert records == expected
    assert list(records) == list(expected)
    names = sorted(path.name for path in folder_of(config).iterdir())
    assert names == [".lock", "ssd.mindrecord.json", "ssd.mindrecord0", "ssd.mindrecord0.db",
                     "ssd.mindrecord_report.json"]


def test_two_at_once_convert_once(tmp_path, written):
    config = make_coco(tmp_path)
    results = []
    threads = [threading.Thread(target=lambda: results.append(create_mindrecord(config, True))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2 and results[0] == results[1]
    assert len(written) == 1


def test_lock_waits(tmp_path):
    order = []

    def second():
        with folder_lock(tmp_path, poll_seconds=0.01) as locked:
            order.append(("second", locked))

    with folder_lock(tmp_path) as locked:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        order.append(("first", locked))
    thread.join(10)
    assert order == [("first", True), ("second", True)]
