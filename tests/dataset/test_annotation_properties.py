"""What holds of the readers of annotations for any boxes, and for any content."""
import json
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.dataset.annotations import Report, box_array, clean_boxes
from src.dataset.formats.coco import coco_ground_truth, read_coco
from src.dataset.formats.txt import read_txt
from src.dataset.formats.voc import read_voc
from src.dataset.formats.voc_layout import VocLayout
from src.utils.errors import UserError
from tests.support.samples import CLASSES, voc_xml

HEIGHT, WIDTH = 60, 80
folders = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
coordinate = st.integers(-50, 150)
labels = st.integers(1, len(CLASSES) - 1)
box_rows = st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate, labels), max_size=6)
# ymin, xmin, ymax, xmax with an area, within the image
side = st.integers(1, 10)
whole_boxes = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 70), side, side, labels).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3], box[4])), max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("annotations")
    (folder / "a.jpg").touch()
    return folder


def read_as_coco(folder, boxes, seed=0):
    """Boxes of one image of three, written in any order."""
    annotations = [{"id": index, "image_id": 1, "category_id": 10 + label,
                    "bbox": [xmin, ymin, xmax - xmin, ymax - ymin]}
                   for index, (ymin, xmin, ymax, xmax, label) in enumerate(boxes)]
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(3)]
    categories = [{"id": 10 + label, "name": name} for label, name in enumerate(CLASSES)]
    for rows in (images, categories):
        random.Random(seed).shuffle(rows)
    (folder / "coco.json").write_text(json.dumps(
        {"images": images, "annotations": annotations, "categories": categories}))
    records = {record.image_id: record for record in read_coco(folder / "coco.json", folder, CLASSES, Report())}
    assert not len(records[0].pixel_boxes) and not len(records[2].pixel_boxes)
    return records[1].pixel_boxes


def read_as_voc(folder, boxes):
    objects = [(CLASSES[label], xmin + 1, ymin + 1, xmax + 1, ymax + 1) for ymin, xmin, ymax, xmax, label in boxes]
    (folder / "a.xml").write_text(voc_xml(objects, "a.jpg"))
    record, = read_voc(VocLayout(folder, folder), CLASSES, Report())
    return record.pixel_boxes


def read_as_txt(folder, boxes):
    tokens = [f"{xmin},{ymin},{xmax},{ymax},{label}" for ymin, xmin, ymax, xmax, label in boxes]
    (folder / "list.txt").write_text(" ".join(["a.jpg", *tokens]))
    record, = read_txt(folder / "list.txt", folder, Report())
    return record.pixel_boxes


@pytest.mark.parametrize("read", [read_as_coco, read_as_voc, read_as_txt])
@folders
@given(boxes=box_rows)
def test_boxes_are_read_as_they_were_written(folder, read, boxes):
    np.testing.assert_array_equal(read(folder, boxes), box_array(boxes))


@folders
@given(boxes=box_rows, seed=st.integers(0, 1000))
def test_the_order_of_images_and_categories_does_not_matter(folder, boxes, seed):
    np.testing.assert_array_equal(read_as_coco(folder, boxes, seed), read_as_coco(folder, boxes, seed + 1))


@folders
@given(boxes=whole_boxes)
def test_the_evaluation_truth_holds_what_was_read(folder, boxes):
    ground_truth = coco_ground_truth([(1, "1.png", HEIGHT, WIDTH, box_array(boxes))], CLASSES)
    (folder / "ground_truth.json").write_text(json.dumps(ground_truth))
    record, = read_coco(folder / "ground_truth.json", folder, CLASSES, Report())
    np.testing.assert_array_equal(record.pixel_boxes, box_array(boxes))
    assert record.size == (HEIGHT, WIDTH)


@settings(deadline=None)
@given(boxes=box_rows, seed=st.integers(0, 1000))
def test_cleaned_boxes_lie_inside_and_stay_when_cleaned_again(boxes, seed):
    boxes, report = box_array(boxes), Report()
    cleaned = clean_boxes(boxes, HEIGHT, WIDTH, len(CLASSES), report, "a.jpg")
    assert (cleaned[:, :4] >= 0).all() and (cleaned[:, :4] <= (HEIGHT, WIDTH) * 2).all()
    assert (cleaned[:, :2] < cleaned[:, 2:4]).all()
    dropped = sum(count for reason, count in report.counts.items() if "clipped" not in reason)
    assert len(cleaned) + dropped == len(boxes)
    again = Report()
    np.testing.assert_array_equal(clean_boxes(cleaned, HEIGHT, WIDTH, len(CLASSES), again, "a.jpg"), cleaned)
    assert not again.counts
    order = np.random.default_rng(seed).permutation(len(boxes))
    in_other_order = clean_boxes(boxes[order], HEIGHT, WIDTH, len(CLASSES), Report(), "a.jpg")
    assert sorted(in_other_order.tolist()) == sorted(cleaned.tolist())


numbers = st.one_of(st.integers(), st.floats(), st.integers(-10**40, 10**40), st.sampled_from([10**400, 2**63, True]))
anything = st.recursive(st.one_of(st.none(), numbers, st.text(max_size=8)), lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)), max_leaves=8)


def entries(**fields):
    """Lists of objects whose fields are mostly right."""
    whole, some = st.fixed_dictionaries(fields), st.fixed_dictionaries({}, optional=fields)
    return st.lists(st.one_of(whole, some, anything), max_size=4)


ids = st.one_of(st.integers(0, 3), anything)
coco_contents = st.one_of(anything, st.fixed_dictionaries({
    "images": entries(id=ids, file_name=st.one_of(st.text(max_size=8), anything), height=anything, width=anything),
    "annotations": entries(id=ids, image_id=ids, category_id=ids,
                           bbox=st.one_of(st.lists(numbers, min_size=4, max_size=4), anything)),
    "categories": entries(id=ids, name=st.one_of(st.sampled_from(["cat", "dog"]), anything)),
}))


def only_user_errors(read):
    report = Report()
    try:
        for record in read(report):
            clean_boxes(record.pixel_boxes, HEIGHT, WIDTH, len(CLASSES), report, record.path)
    except UserError:
        return
    json.dumps(report.to_dict())


@settings(folders, max_examples=120)
@given(content=coco_contents)
def test_any_json_is_read_or_refused(folder, content):
    (folder / "any.json").write_text(json.dumps(content))
    only_user_errors(lambda report: read_coco(folder / "any.json", folder, CLASSES, report))


fields = st.one_of(st.integers().map(str), st.floats().map(str), st.text(max_size=5))
tokens = st.lists(st.lists(fields, min_size=4, max_size=6).map(",".join), max_size=3)
lines = st.lists(st.tuples(st.text(max_size=10), tokens).map(lambda line: " ".join([line[0], *line[1]])), max_size=4)


@settings(folders, max_examples=100)
@given(content=st.one_of(lines.map("\n".join), st.text()).map(lambda text: text.encode("utf-8", "surrogatepass"))
       | st.binary())
def test_any_text_is_read_or_refused(folder, content):
    (folder / "any.txt").write_bytes(content)
    only_user_errors(lambda report: read_txt(folder / "any.txt", folder, report))


@settings(folders, max_examples=100)
@given(objects=st.lists(st.tuples(st.sampled_from(["cat", "", "bird"]), fields, fields, fields, fields), max_size=4),
       name=st.text(max_size=10), cut=st.integers(0, 400))
def test_any_xml_is_read_or_counted(folder, objects, name, cut):
    (folder / "xml").mkdir(exist_ok=True)
    text = voc_xml(objects, name)
    (folder / "xml" / "a.xml").write_bytes((text[:-cut] if cut > 200 else text).encode("utf-8", "surrogatepass"))
    only_user_errors(lambda report: read_voc(VocLayout(folder, folder / "xml"), CLASSES, report))
