"""What fuzzing begins with: files as they should be, and the cases of the corpus of bad ones."""
import tempfile
from pathlib import Path

from src.config.loader import format_config, load_config
from tests.fuzz.mutations import MOST_BYTES
from tests.hostile.annotation_cases import (
    COCO,
    CVAT,
    LABEL_STUDIO,
    LABELME,
    TXT,
    VOC,
    YAML,
    YOLO,
    YOLO_DATA,
    coco,
    coco_box,
    content,
    cvat,
    labelme,
    tasks,
)
from tests.support.program_files import cvat_box, region, task

WHOLE = {
    "coco": [coco(
        images=[{"id": number, "file_name": f"{number}.png", "height": 60, "width": 80} for number in range(3)],
        categories=[{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}, {"id": 9, "name": "bird"}],
        annotations=[coco_box([1.5, 2, 30, 40.25], image_id=1, category_id=3, iscrowd=0, area=1207.5),
                     coco_box([0, 0, 5, 5], image_id=2, iscrowd=1)])],
    "voc": [content(
        b"<annotation><folder>f</folder><filename>a.jpg</filename><size><width>80</width><height>60</height><depth>3"
        b"</depth></size><object><name>cat</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>"
        b"<bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>")],
    "txt": [content(b"# list\na.png 0,5,40,45,1 35,28,60,50,2\n\nsub/b.png 1,2,30,40,1\n")],
    "yolo": [content(b"0 0.25 0.5 0.25 0.5\n1 0.9375 0.9 0.125 0.2\n1 0.1 0.2 0.3 0.1 0.2 0.5 0.15 0.3\n")],
    "yolo_data": [
        content(b"path: .\ntrain: images\nval: [images, list.txt]\ntest: ../test/images\nnc: 2\nnames: [cat, dog]\n"),
        content(b"names:\n  0: cat\n  1: dog\ntrain: list.txt\nval: /home/me/images\nkpt_shape: [17, 3]\n")],
    "labelme": [labelme(("cat", "rectangle", [[10.5, 5], [30, 35.25]]), ("dog", "circle", [[20, 20], [23, 24]]),
                        ("dog", "polygon", [[1, 1], [5, 1], [5, 5]], 1), ("dog", "polygon", [[9, 9], [15, 11]], 1),
                        ("cat", "point", [[1, 1]]))],
    "cvat": [cvat(cvat_box("cat", "10.50", "5.00", "30.00", "35.25", ' rotation="30.00"'),
                  '<polygon label="dog" points="1.5,2.5;10,4;3,20"/>', '<points label="cat" points="1,1"/>',
                  '<ellipse label="dog" cx="40" cy="30" rx="20" ry="10" rotation="45"/>',
                  '<mask label="cat" rle="3, 5" left="5" top="6" width="7" height="8"/>',
                  attributes='id="0" name="a.png" subset="Train" task_id="1"')],
    "label_studio": [tasks(
        task(region({"x": 12.5, "y": 10, "width": 25, "height": 50, "rotation": 30}),
             region({"points": [[12.5, 10], [37.5, 60], [20, 20]]}, "polygonlabels", "dog"),
             region({"x": 50, "y": 50, "radiusX": 25, "radiusY": 20, "rotation": 45}, "ellipselabels"),
             {"type": "choices", "value": {"choices": ["night"]}}),
        task(annotations=[{"result": [], "updated_at": "2026-01-01"}, {"result": [], "was_cancelled": True}],
             image="/data/local-files/?d=part/b.png"),
        {"image": "c.png", "label": [{"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["cat"],
                                      "original_width": 80, "original_height": 60}]})],
    "yaml": [content(b"model_name: ssd300\nimg_shape: [300, 300]\nnum_classes: 3\nclasses: [background, cat, dog]\n"
                     b"steps: [16, 32, 64, 100, 150, 300]\n"
                     b"aspect_ratios: [[], [2, 3], [2, 3], [2, 3], [2, 3], [2, 3]]\n"
                     b"lr: 5e-4\nrun_eval: true\noutput_path: './output'\n---\nlr: learning rate\n"),
             content(b"use_anchor_generator: True\nimg_shape: [640, 640]\nfeature_size: [80, 40, 20, 10, 5]\n"
                     b"steps: [8, 16, 32, 64, 128]\nnum_default: [6, 6, 6, 6, 6]\n"
                     b"extras_in_channels: [256, 512, 1024, 256, 256]\n"
                     b"extras_out_channels: [256, 256, 256, 256, 256]\n")],
}
CASES = {"coco": COCO, "voc": VOC, "txt": TXT, "yolo": YOLO, "yolo_data": YOLO_DATA, "labelme": LABELME,
         "cvat": CVAT, "label_studio": LABEL_STUDIO, "yaml": YAML}


def seed_inputs(target):
    """The inputs that a target begins with, as bytes; special and large files are left out."""
    inputs = []
    with tempfile.TemporaryDirectory() as folder:
        for number, make in enumerate([*WHOLE[target], *(case.make for case in CASES[target])]):
            path = Path(folder) / str(number)
            make(path)
            if path.is_file() and path.stat().st_size <= MOST_BYTES:
                inputs.append(path.read_bytes())
    if target == "yaml":
        inputs.append(format_config(load_config([])).encode()[:MOST_BYTES])
    return inputs
