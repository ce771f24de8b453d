"""The report of an evaluation, also in a browser."""
import json
import re
import shutil

import numpy as np
import pytest

from src.evaluation import COCOMetrics
from src.evaluation.predictions import split_batch
from src.evaluation.report import build_report
from src.visualization.draw import save_image
from tests.support.browser import CHROMIUM, DRIVER, Browser

needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Chromium with chromedriver is not installed")


def report_of(folder, names, size, num_images=6):
    """The report of made-up detections, most of them right, in grey images of that height and width."""
    rng = np.random.default_rng(0)
    classes = ["background", *names]
    height, width = size
    images, annotations, predictions, paths = [], [], [], {}
    for image_id in range(num_images):
        paths[image_id] = folder / f"image {image_id}.png"
        save_image(paths[image_id], np.full((height, width, 3), 90 + 20 * image_id, np.uint8))
        images.append({"id": image_id, "file_name": paths[image_id].name})
        boxes, scores = np.zeros((8, 4), np.float32), np.zeros((8, len(classes)), np.float32)
        for row in range(8):
            label = int(rng.integers(1, len(classes)))
            sides = rng.uniform(0.1, 0.5, 2)
            start = rng.uniform(0, 1 - sides)
            moved = start + sides * (0, 0.02, 0.3, 3)[row % 4]
            boxes[row] = np.clip([*moved, *(moved + sides)], 0, 1)
            scores[row, label if row != 4 else label % len(names) + 1] = rng.uniform(0.2, 1)
            (y, x), (h, w) = start * size, sides * size
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, "category_id": label, "iscrowd": 0,
                                "bbox": [x, y, w, h], "area": w * h})
        predictions.append((boxes, scores))
    categories = [{"id": label, "name": name} for label, name in enumerate(names, start=1)]
    annotation_file = folder / "truth.json"
    annotation_file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    metrics = COCOMetrics(annotation_file, classes)
    boxes, scores = map(np.stack, zip(*predictions))
    metrics.update(split_batch(boxes, scores), range(num_images), [size] * num_images)
    result = metrics.get_metrics()
    return result, build_report(result, classes, 0.3, paths, name="ssd300")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return report_of(tmp_path_factory.mktemp("small"), ["cat", "<b>dog & co</b>"], (100, 100))


def test_numbers_of_the_result(small):
    result, html = small
    assert f"<b>{result.map:.3f}</b>" in html
    for one in result.per_class["reference"]:
        assert f"<td>{one.ap:.3f}</td><td>{one.ap50:.3f}</td><td>{one.ap75:.3f}</td><td>{one.num_boxes}</td>" in html
    for value in result.stats["coco"]:
        assert (f"{value:.3f}" if value >= 0 else "n/a") in html


def test_thresholds_of_the_result(small):
    result, html = small
    best = result.thresholds.all_classes["best_f1"]
    numbers = f"<td>{best.score:g}</td><td>{best.precision:.3f}</td><td>{best.recall:.3f}</td><td>{best.f1:.3f}</td>"
    assert f"<td>all classes</td><td>best F1</td>{numbers}" in html
    own = result.thresholds.classes["cat"]["best_f1"]
    assert f"<td>cat</td><td>best F1</td><td>{own.score:g}</td>" in html
    at_best = result.protocols["reference"].curves.classes["cat"].at(best.score)
    assert f"<td>cat</td><td>best F1 of all classes</td><td>{best.score:g}</td><td>{at_best.precision:.3f}</td>" in html


def test_everything_is_in_the_file(small):
    _, html = small
    assert set(re.findall(r'src="(.{11})', html)) == {"data:image/"}
    assert not re.search(r"<script|<link|url\(|@import|https?:", html)
    assert len(re.findall(r'src="data:image/svg\+xml', html)) == 5
    assert len(re.findall(r'src="data:image/jpeg', html)) > 4


def test_names_are_no_html(small):
    _, html = small
    assert "<b>dog" not in html and "&lt;b&gt;dog &amp; co&lt;/b&gt;" in html


def test_control_characters_of_names_are_shown(tmp_path):
    _, html = report_of(tmp_path, ["a\x1b[31m\u202eb"], (50, 60), num_images=2)
    assert r"<td>a\x1b[31m\u202eb</td>" in html and not {"\x1b", "\u202e"} & set(html)


def test_kinds_of_errors_have_their_pictures(small):
    titles = re.findall(r"<h3>.*?</span>(.*?)</h3>", small[1])
    kinds = ["missed", "classification error", "localisation error", "background error"]
    assert [title.split(":")[0] for title in titles] == kinds


def test_images_that_are_gone_are_left_out(tmp_path):
    result, _ = report_of(tmp_path, ["cat"], (50, 60))
    (tmp_path / "image 1.png").write_bytes(b"no image")
    paths = {1: tmp_path / "image 1.png", 2: tmp_path / "image 2.png", 3: tmp_path / "nothing.png"}
    html = build_report(result, ["background", "cat"], 0.3, paths, name="ssd300")
    assert set(re.findall(r"<figcaption>(.*?):", html)) == {"image 2.png"}


def test_nothing_found(tmp_path):
    result, _ = report_of(tmp_path, ["cat"], (50, 60))
    html = build_report(result, ["background", "cat"], 1.0, {}, name="ssd300")
    assert "0.0%</b><span>of them found" in html


LAYOUT = """
const wide = [...document.querySelectorAll("main, section, .tile, figure, h1, h2, h3, p")].filter(
    one => one.scrollWidth > one.clientWidth + 1).map(one => one.tagName);
return {wide: wide, broken: [...document.images].filter(one => !one.complete || !one.naturalWidth).length,
        images: document.images.length, page: document.documentElement.scrollWidth, window: innerWidth};
"""


@needs_browser
@pytest.mark.parametrize(("number", "size"), [(1, (100, 100)), (80, (300, 400))])
def test_in_a_browser(tmp_path, number, size):
    _, html = report_of(tmp_path, [f"class {label}" for label in range(number)], size)
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        browser.open(path)
        layout = browser.run(LAYOUT)
        assert browser.console() == []
        requested = browser.requested()
        assert requested[0] == path.as_uri()
        assert {address.split(":")[0] for address in requested[1:]} <= {"data"}
        assert layout["images"] > 5 and layout["broken"] == 0
        assert layout["wide"] == [] and layout["page"] <= layout["window"]


@needs_browser
def test_the_browser_would_tell(tmp_path):
    """A page with a missing image, an error, and an address outside: all of them are seen."""
    path = tmp_path / "page.html"
    path.write_text("<h1>x</h1><img src='http://127.0.0.1:9/a.png'><script>nothing()</script>")
    with Browser(tmp_path / "profile") as browser:
        browser.open(path)
        assert browser.run(LAYOUT)["broken"] == 1
        assert "http://127.0.0.1:9/a.png" in browser.requested()
        assert any("nothing is not defined" in message for message in browser.console())
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
