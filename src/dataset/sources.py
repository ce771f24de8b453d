"""One view of the three annotation formats: which files there are, and how to read them."""
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from src.dataset import voc
from src.dataset.annotations import Report
from src.dataset.coco import read_coco
from src.dataset.paths import existing_file, existing_folder, resolve_path
from src.dataset.txt import read_txt
from src.model_utils.errors import UserError

TXT = "other"


class AnnotationSource(NamedTuple):
    """Annotations that were found but not read yet.

    Attributes:
        kind: "coco", "voc" or "other" (text file).
        image_dir: folder that holds the images.
        annotation_files: files that the annotations consist of.
        read: called with a `Report`, gives the list of `ImageRecord`.
        truth_file: COCO json of the evaluation truth if the dataset brings one.
    """

    kind: str
    image_dir: Path
    annotation_files: list
    read: Callable
    truth_file: Path | None = None


def dataset_kind(dataset):
    """"coco", "voc", or "other" for everything else, which is the text format."""
    return dataset if dataset in ("coco", "voc") else TXT


def create_source_name(config, is_training):
    """Last part of the path that the configuration gives for the annotations or their dataset."""
    anno_path = config.anno_path if is_training else config.val_anno_path or config.anno_path
    root = {"coco": config.coco_root, "voc": config.voc_root, TXT: anno_path}[dataset_kind(config.dataset)]
    return Path(root).name


def create_source(config, is_training):
    """Finds the annotations that the configuration names.

    Raises:
        UserError: a folder or file is not there; the message names the key and the places that were looked at.
    """
    if config.dataset == "shapes":
        raise UserError("dataset: the demo data `shapes` are a COCO dataset once they are drawn; use them with "
                        "--config_path=config/ssd300_shapes_config.yaml, which says dataset: coco")
    makers = {"coco": _create_coco, "voc": _create_voc, TXT: _create_txt}
    return makers[dataset_kind(config.dataset)](config, is_training)


def create_records(config, is_training):
    """Images and boxes of the dataset that the configuration names, a list of `ImageRecord`; as `create_source`."""
    return create_source(config, is_training).read(Report())


def _create_coco(config, is_training):
    root = resolve_path(config.coco_root, config.data_path, "coco_root")
    data_type = config.train_data_type if is_training else config.val_data_type
    image_dir = existing_folder(root / data_type, "image folder (coco_root with train_data_type or val_data_type)")
    annotation_file = existing_file(root / config.instances_set.replace("{}", data_type),
                                    "annotation file (coco_root with instances_set)")
    classes = tuple(config.classes)
    return AnnotationSource("coco", image_dir, [annotation_file],
                            lambda report: read_coco(annotation_file, image_dir, classes, report), annotation_file)


def _create_voc(config, is_training):
    root = resolve_path(config.voc_root, config.data_path, "voc_root")
    layout = voc.find_layout(root, is_training, config.train_data_type if is_training else config.val_data_type)
    files = layout.annotation_files()
    if layout.split_file is not None:
        files.append(layout.split_file)
    classes = tuple(config.classes)
    return AnnotationSource("voc", layout.image_dir, files, lambda report: voc.read_voc(layout, classes, report))


def _create_txt(config, is_training):
    image_dir, image_key = config.image_dir, "image_dir"
    anno_path, anno_key = config.anno_path, "anno_path"
    if not is_training and config.val_image_dir:
        image_dir, image_key = config.val_image_dir, "val_image_dir"
    if not is_training and config.val_anno_path:
        anno_path, anno_key = config.val_anno_path, "val_anno_path"
    folder = existing_folder(resolve_path(image_dir, config.data_path, image_key), f"image folder ({image_key})")
    annotation_file = existing_file(resolve_path(anno_path, config.data_path, anno_key), f"text file ({anno_key})")
    return AnnotationSource(TXT, folder, [annotation_file], lambda report: read_txt(annotation_file, folder, report))
