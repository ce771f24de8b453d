"""One view of the three annotation formats: which files there are, and how to read them."""
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from src.dataset import voc
from src.dataset.annotations import Report
from src.dataset.coco import read_coco
from src.dataset.paths import existing_file, existing_folder, resolve_path
from src.dataset.txt import read_txt
from src.utils.errors import UserError

TXT = "other"


class AnnotationSource(NamedTuple):
    """Annotations that were found but not read yet.

    Attributes:
        kind: "coco", "voc" or "other" (text file).
        image_dir: folder that holds the images.
        annotation_files: files that the annotations consist of.
        read: called with a `Report`, gives the list of `ImageRecord`.
        truth_file: COCO json of the evaluation truth if the dataset brings one.
        part: which of the images are meant, where it is not all of them.
    """

    kind: str
    image_dir: Path
    annotation_files: list
    read: Callable
    truth_file: Path | None = None
    part: str = ""


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

    Where there are none to evaluate with, and `val_share` says so, a share of the training images is set aside.

    Raises:
        UserError: a folder or file is not there; the message names the key and the places that were looked at.
    """
    if config.dataset == "shapes":
        raise UserError("dataset: the demo data `shapes` are a COCO dataset once they are drawn; use them with "
                        "--config_path=config/ssd300_shapes_config.yaml, which says dataset: coco")
    create = {"coco": _create_coco, "voc": _create_voc, TXT: _create_txt}[dataset_kind(config.dataset)]
    if config.val_share:
        try:
            evaluation = create(config, False)
        except UserError:
            evaluation = None
        if evaluation is None or (evaluation.kind == TXT and not config.val_anno_path):
            return _share(create(config, True), config.val_share, is_training)
    return create(config, is_training)


def _share(source, share, is_training):
    def read(report):
        records = source.read(report)
        aside = held_out([record.path for record in records], share)
        return [record for record, is_aside in zip(records, aside) if is_aside != is_training]

    part = f"all but {share:g}" if is_training else f"{share:g}"
    return source._replace(read=read, truth_file=None, part=part)


def held_out(names, share):
    """Which images are set aside to evaluate with: a list of bool, in the order of `names`.

    The choice depends on the names alone, not on their order or their folder, so that images added later leave most
    others where they were. At least one image is on each side if there are two.
    """
    keys = [hashlib.sha256(Path(name).name.encode("utf-8", "surrogateescape")).digest() for name in names]
    count = min(max(1, round(share * len(names))), len(names) - 1)
    chosen = set(sorted(range(len(names)), key=keys.__getitem__)[:max(count, 0)])
    return [index in chosen for index in range(len(names))]


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
