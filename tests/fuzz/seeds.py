"""What fuzzing begins with: files as they should be, and the cases of the corpus of bad ones."""
import tempfile
from pathlib import Path

from src.config.loader import format_config, load_config
from tests.fuzz.mutations import MOST_BYTES
from tests.hostile.annotation_cases import COCO, TXT, VOC, YAML, coco, coco_box, content

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
    "yaml": [content(b"model_name: ssd300\nimg_shape: [300, 300]\nnum_classes: 3\nclasses: [background, cat, dog]\n"
                     b"steps: [16, 32, 64, 100, 150, 300]\n"
                     b"aspect_ratios: [[], [2, 3], [2, 3], [2, 3], [2, 3], [2, 3]]\n"
                     b"lr: 5e-4\nrun_eval: true\noutput_path: './output'\n---\nlr: learning rate\n"),
             content(b"use_anchor_generator: True\nimg_shape: [640, 640]\nfeature_size: [80, 40, 20, 10, 5]\n"
                     b"steps: [8, 16, 32, 64, 128]\nnum_default: [6, 6, 6, 6, 6]\n"
                     b"extras_in_channels: [256, 512, 1024, 256, 256]\n"
                     b"extras_out_channels: [256, 256, 256, 256, 256]\n")],
}
CASES = {"coco": COCO, "voc": VOC, "txt": TXT, "yaml": YAML}


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
