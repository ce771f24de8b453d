"""Where a folder that was made for a YOLO program keeps names, images and label files.

- Ultralytics, Roboflow, CVAT: `data.yaml` has the names, and folders or lists of images for training, evaluation, test.
- darknet, CVAT's YOLO 1.1: `obj.data` states the file with the names, `obj.names`, and the lists; without it, they are
  `train.txt` and so on.
- Roboflow's YOLO Darknet: `_darknet.labels` beside the images of each part has the names.
- LabelImg, Label Studio: `classes.txt` has the names; images lie beside their label files, or in `images`.
"""
from pathlib import Path

from src.dataset.formats.yolo_darknet import find_named_parts
from src.dataset.formats.yolo_files import YoloPart
from src.dataset.formats.yolo_yaml import find_yaml_parts, require_whole_yaml


def find_yolo_parts(folder: Path) -> dict[str, YoloPart]:
    """The parts of a YOLO dataset, by purpose; empty where the folder is none.

    Raises:
        UserError: it is one without doubt, and cannot be used.
    """
    parts = find_yaml_parts(folder) or find_named_parts(folder)
    if not parts:
        require_whole_yaml(folder)
    return parts
