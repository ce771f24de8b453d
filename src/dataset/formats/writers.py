"""Writers of annotation formats: images with their boxes as the files of a program.

Each writes one part of a dataset below a folder. What it writes is read by the reader of its format.
"""
import itertools
import re
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np
import yaml

from src.dataset.annotations import PART_NAMES
from src.dataset.formats.coco import coco_ground_truth
from src.utils.errors import UserError
from src.utils.files import write_json
from src.utils.safe_io import shown

LABELME_VERSION = "5.5.0"  # of the fields that are written
# How Label Studio names a file of the folder that LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT names.
LOCAL_FILES = "/data/local-files/?d="
# Folders that YOLO programs would exchange for `labels` in the place of the one above them.
_LIKE_IMAGES = re.compile(r"(?<![^/])((?:jpeg)?images_*)(?=/)", re.IGNORECASE)
# Folders that would be taken for parts.
_LIKE_PARTS = re.compile(rf"(?<![^/])((?:{'|'.join(itertools.chain(*PART_NAMES.values()))})_*)(?=/)", re.IGNORECASE)


class Image(NamedTuple):
    """An image to be written.

    Attributes:
        name: of its file below the images of its part, with `/`.
        data: content of its file.
        size: (height, width).
        boxes: int32 `(N, 5)`: ymin, xmin, ymax, xmax in pixels, label; inside the image, with an area.
        scores: of the boxes `(N,)`, where a detector has found them; None for annotations.
    """

    name: str
    data: bytes
    size: tuple[int, int]
    boxes: np.ndarray
    scores: np.ndarray | None = None

    @property
    def stem(self) -> str:
        return str(PurePosixPath(self.name).with_suffix(""))


def _save(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_coco(folder: Path, part: str, images: Iterator[Image], classes: Sequence[str]) -> None:
    """`PART/...` and `annotations/instances_PART.json`."""
    entries: list[tuple[int, str, int, int, np.ndarray]] = []
    scores: list[float | None] = []
    for number, image in enumerate(images, 1):
        _save(folder / part / image.name, image.data)
        entries.append((number, image.name, *image.size, image.boxes))
        scores += [None] * len(image.boxes) if image.scores is None else image.scores.tolist()
    content = coco_ground_truth(entries, classes)
    for annotation, score in zip(content["annotations"], scores):
        if score is not None:
            annotation["score"] = round(score, 6)
    write_json(folder / "annotations" / f"instances_{part}.json",
               {**content, "categories": content["categories"][1:]}, indent=None)


def write_voc(folder: Path, part: str, images: Iterator[Image], classes: Sequence[str]) -> None:
    """`PART/JPEGImages/...` and `PART/Annotations/....xml`; VOC counts pixels from 1."""
    for image in images:
        _save(folder / part / "JPEGImages" / image.name, image.data)
        root = Element("annotation")
        SubElement(root, "filename").text = PurePosixPath(image.name).name
        size = SubElement(root, "size")
        for tag, value in zip(("width", "height", "depth"), (*image.size[::-1], 3)):
            SubElement(size, tag).text = str(value)
        for ymin, xmin, ymax, xmax, label in image.boxes.tolist():
            element = SubElement(root, "object")
            SubElement(element, "name").text = classes[label]
            box = SubElement(element, "bndbox")
            for tag, side in zip(("xmin", "ymin", "xmax", "ymax"), (xmin, ymin, xmax, ymax)):
                SubElement(box, tag).text = str(side + 1)
        _write_xml(root, folder / part / "Annotations" / f"{image.stem}.xml")


def write_yolo(folder: Path, part: str, images: Iterator[Image], classes: Sequence[str]) -> None:
    """`images/PART/...` and `labels/PART/....txt`: class from 0, centre, width and height in fractions of the image.

    Of the path of an image, programs exchange the last folder `images` for `labels`: one below `PART` becomes
    `images_`, and a folder `images_` becomes `images__`, so that no two become one.
    """
    for image in images:
        image = image._replace(name=_LIKE_IMAGES.sub(r"\1_", image.name))
        _save(folder / "images" / part / image.name, image.data)
        height, width = image.size
        lines = [f"{label - 1} {(xmin + xmax) / 2 / width:.9g} {(ymin + ymax) / 2 / height:.9g} "
                 f"{(xmax - xmin) / width:.9g} {(ymax - ymin) / height:.9g}\n"
                 for ymin, xmin, ymax, xmax, label in image.boxes.tolist()]
        _save(folder / "labels" / part / f"{image.stem}.txt", "".join(lines).encode())


def write_labelme(folder: Path, part: str, images: Iterator[Image], classes: Sequence[str]) -> None:
    """`PART/...` and beside each image its json file; scores as descriptions. A folder below `PART` that is called as a
    part, such as `val`, becomes `val_`, as in `write_yolo`."""
    for image in images:
        image = image._replace(name=_LIKE_PARTS.sub(r"\1_", image.name))
        _save(folder / part / image.name, image.data)
        shapes: list[dict[str, Any]] = [
            {"label": classes[label], "points": [[xmin, ymin], [xmax, ymax]], "group_id": None,
             "description": "" if score is None else f"score {score:.3f}", "shape_type": "rectangle", "flags": {},
             "mask": None}
            for (ymin, xmin, ymax, xmax, label), score in _rows(image)]
        write_json(folder / part / f"{image.stem}.json",
                   {"version": LABELME_VERSION, "flags": {}, "shapes": shapes,
                    "imagePath": PurePosixPath(image.name).name, "imageData": None, "imageHeight": image.size[0],
                    "imageWidth": image.size[1]})


def write_cvat(folder: Path, part: str, images: Iterator[Image], classes: Sequence[str]) -> None:
    """`PART/images/...` and `PART/annotations.xml`, as CVAT for images 1.1 exports a task."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    for number, image in enumerate(images):
        _save(folder / part / "images" / image.name, image.data)
        entry = SubElement(root, "image", id=str(number), name=image.name, width=str(image.size[1]),
                           height=str(image.size[0]))
        for (ymin, xmin, ymax, xmax, label), score in _rows(image):
            SubElement(entry, "box", label=classes[label], source="manual" if score is None else "auto", occluded="0",
                       xtl=f"{xmin:.2f}", ytl=f"{ymin:.2f}", xbr=f"{xmax:.2f}", ybr=f"{ymax:.2f}", z_order="0")
    _write_xml(root, folder / part / "annotations.xml")


def write_label_studio(folder: Path, part: str, images: Iterator[Image], classes: Sequence[str]) -> None:
    """`PART/images/...` and `PART/tasks.json`; what a detector has found are predictions, which a person confirms."""
    tasks = []
    for number, image in enumerate(images, 1):
        _save(folder / part / "images" / image.name, image.data)
        height, width = image.size
        regions = [{"id": f"{number}-{index}", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
                    "original_width": width, "original_height": height, "image_rotation": 0,
                    "value": {"x": 100 * xmin / width, "y": 100 * ymin / height, "width": 100 * (xmax - xmin) / width,
                              "height": 100 * (ymax - ymin) / height, "rotation": 0,
                              "rectanglelabels": [classes[label]]},
                    **({} if score is None else {"score": round(score, 6)})}
                   for index, ((ymin, xmin, ymax, xmax, label), score) in enumerate(_rows(image))]
        kind = "annotations" if image.scores is None else "predictions"
        address = f"{LOCAL_FILES}{urllib.parse.quote(f'{part}/images/{image.name}')}"
        tasks.append({"id": number, kind: [{"result": regions}], "data": {"image": address}})
    write_json(folder / part / "tasks.json", tasks)


def _rows(image: Image) -> Iterator[tuple[list[int], float | None]]:
    """Boxes and label, and the score, of each object."""
    scores = [None] * len(image.boxes) if image.scores is None else image.scores.tolist()
    return zip(image.boxes.tolist(), scores)


def _write_xml(root: Element, path: Path) -> None:
    indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree(root).write(path, encoding="utf-8")


def _write_data_yaml(folder: Path, parts: Sequence[str], classes: Sequence[str]) -> None:
    content = {**{part: f"images/{part}" for part in parts}, "names": dict(enumerate(classes[1:]))}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    (folder / "data.yaml").write_text(text, encoding="utf-8")


Writer = Callable[[Path, str, Iterator[Image], Sequence[str]], None]
WRITERS: dict[str, Writer] = {"coco": write_coco, "voc": write_voc, "yolo": write_yolo, "labelme": write_labelme,
                              "cvat": write_cvat, "label_studio": write_label_studio}


def finish_dataset(kind: str, folder: Path, parts: Sequence[str], classes: Sequence[str]) -> None:
    """Writes what a dataset of that format has for all of its parts, when these are written."""
    if kind == "yolo":
        _write_data_yaml(folder, parts, classes)


def check_names(classes: Sequence[str]) -> None:
    """Raises a `UserError` where the name of a class cannot be written."""
    odd = [name for name in classes if not name.isprintable()]
    if odd:
        raise UserError(f"The name of the class '{shown(odd[0])}' has control characters. Rename it in the "
                        "annotations.")
    same = [name for name, count in Counter(map(str.strip, classes)).items() if count > 1]
    if same:
        raise UserError(f"Two classes are called '{shown(same[0])}', but for blanks around the name. Rename one in the "
                        "annotations.")
