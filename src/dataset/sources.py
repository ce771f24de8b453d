"""The annotations that a configuration names: which files there are, and how to read them.

A format is one module with its `FORMAT`, and one entry of `FORMATS`.
"""
import contextlib
import dataclasses
import hashlib
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from src.dataset.annotations import (
    EVALUATION,
    TEST,
    TRAINING,
    TRAINING_IMAGES,
    AnnotationFormat,
    AnnotationSource,
    FormatKeys,
    ImageRecord,
    Report,
    clean_boxes,
    purpose_of_name,
    usual_parts,
)
from src.dataset.exif import is_upright
from src.dataset.formats import coco, cvat, label_studio, labelme, txt, voc, yolo
from src.dataset.formats.open_classes import OpenClasses, with_labels
from src.dataset.images import load_image, read_image_header
from src.dataset.paths import MOST_NAMES, existing_folder, resolve_path
from src.dataset.read_images import usage_of
from src.dataset.reading_once import is_kept, once
from src.dataset.unused_part import require_no_unused_part
from src.utils.errors import UserError
from src.utils.safe_io import shown, shown_list

FORMATS = {one.kind: one for one in (
    coco.FORMAT, voc.FORMAT, yolo.FORMAT, labelme.FORMAT, cvat.FORMAT, label_studio.FORMAT, txt.FORMAT,
)}
AUTO = "auto"
# Files that people, systems and archives leave beside data.
_NO_DATA = re.compile(
    r"(readme|licen[cs]e).*|.*\.(md|pdf|ipynb|py|sh|zip|tar|tgz|gz|7z|rar)|thumbs\.db|desktop\.ini", re.I)


def annotation_format(config: Any) -> AnnotationFormat:
    """The format that the configuration names, or that the folder `data` has."""
    return find_parts(config)[0] if config.dataset == AUTO else format_of_kind(config.dataset)


def format_of_kind(kind: str) -> AnnotationFormat:
    """The format of that `kind`; every value that names none means the text format."""
    return FORMATS.get(kind, txt.FORMAT)


def find_parts(config: Any) -> tuple[AnnotationFormat, dict[str, AnnotationSource]]:
    """The format of the folder `data`, and its sources by purpose: `TRAINING`, `EVALUATION`, `TEST`.

    Raises:
        UserError: the folder is not there, or its format is not clear.
    """
    if is_kept():
        form, parts = once(("parts", config.data, config.data_path, config.dataset),
                           lambda: _look(config, _open_classes()))
        once(("parts", config.data, config.data_path, form.kind), lambda: (form, parts))  # what `auto` has become
        if form.names_classes:
            return form, {purpose: _read_once(source, config.classes) for purpose, source in parts.items()}
    return _look(config, tuple(config.classes))


def _open_classes() -> OpenClasses:
    """The names of classes, as all that is read meanwhile has them."""
    return once("open classes", OpenClasses)


def _read_once(source: AnnotationSource, classes: Sequence[str]) -> AnnotationSource:
    """A source that was found with `_open_classes`, as one with these classes; it is read once."""
    def read(report: Report) -> list[ImageRecord]:
        records, found = once(("records", *source.identity), lambda: _read(source))
        report.include(found)
        # Without names, boxes are only counted.
        return with_labels(records, _open_classes(), classes, report) if len(classes) > 1 else records

    return source._replace(read=read)


def _read(source: AnnotationSource) -> tuple[list[ImageRecord], Report]:
    report = Report()
    return source.read(report), report


def _look(config: Any, classes: tuple[str, ...]) -> tuple[AnnotationFormat, dict[str, AnnotationSource]]:
    if not config.data:
        raise UserError("data is empty: set --data=DIR to the folder with your images and annotations; or name their "
                        "format and files by --dataset and the keys that belong to it.")
    path = resolve_path(config.data, config.data_path, "data")
    if path.is_file():
        raise UserError(f"data = {config.data} is a file. Set --data to the folder with the images and annotations.")
    formats = list(FORMATS.values()) if config.dataset == AUTO else [format_of_kind(config.dataset)]
    try:
        folder = _unpacked(existing_folder(path, "folder (data)"))
        found = [(form, parts) for form in formats if (parts := form.look(folder, classes))]
    except OSError as error:
        raise UserError(f"{error.filename} in data = {config.data} cannot be read: {error.strerror}.") from error
    if not found:
        reasons = "".join(f" {reason}" for form in formats if form.why_not and (reason := form.why_not(folder)))
        looked_for = "; ".join(f"{form.name} (--dataset={form.kind}): {form.looks_for}" for form in formats)
        raise UserError(f"No annotations are found in {folder}. Looked for {looked_for}. There is "
                        f"{shown_list(sorted(path.name for path in folder.iterdir()), MOST_NAMES) or 'nothing'}."
                        f"{reasons}{'' if config.dataset == AUTO else ' --dataset=auto looks for all formats.'}")
    if len(found) > 1:
        raise UserError(f"{folder} has annotations in several formats: "
                        f"{', '.join(_with_file(form, parts) for form, parts in found)}. Choose one by its --dataset; "
                        "or move the others to another folder.")
    return found[0]


def _with_file(form: AnnotationFormat, parts: dict[str, AnnotationSource]) -> str:
    """A format and the first of its annotation files, as words."""
    return f"{form.name} (--dataset={form.kind}; {shown(next(iter(parts.values())).annotation_files[0])})"


def require_parts_are_used(config: Any, parts: dict[str, AnnotationSource], records: Iterable[ImageRecord] = ()
                           ) -> None:
    """Checks that no evaluation part lies in the folder `data` without being used, see `require_no_unused_part`.

    Args:
        config: names the folder.
        parts: what was found in it.
        records: images that are used, whatever their folders are called.
    """
    folder = _unpacked(resolve_path(config.data, config.data_path, "data"))
    require_no_unused_part(folder, parts, (record.path for record in records))


def _unpacked(folder: Path) -> Path:
    """The folder, or the only one in it beside files that are no data, which archives often have; not a folder of one
    part or of images."""
    entries = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))
               and not (_NO_DATA.fullmatch(path.name) and path.is_file())]
    inner = entries[0] if len(entries) == 1 else folder
    if inner == folder or inner.is_symlink() or not inner.is_dir() or inner.name.lower() in (
            "images", "annotations", "labels") or (purpose_of_name(inner.name) and not _is_whole(inner)):
        return folder
    return _unpacked(inner)


def _is_whole(folder: Path) -> bool:
    """Whether a folder holds a whole dataset, whatever it is called: its description, or several parts."""
    parts = usual_parts(lambda name: (folder / name).is_dir() or (folder / voc.SPLITS / f"{name}.txt").is_file())
    return len(parts) > 1 or any((folder / name).is_file() for name in ("data.yaml", "data.yml", "obj.data"))


def source_name(config: Any, is_training: bool) -> str:
    """Last part of the path that the configuration gives for the annotations or their dataset."""
    return Path(config.data or _keys(config).root(config, is_training)).name


def _keys(config: Any) -> FormatKeys:
    """Where the format is found without `data`."""
    form = annotation_format(config)
    if form.keys is None:
        raise UserError(f"dataset: {form.kind}, but data is empty: set --data=DIR to the folder with your images and "
                        "annotations.")
    return form.keys


def find_source(config: Any, is_training: bool) -> AnnotationSource:
    """Finds the annotations that the configuration names.

    Where there is no evaluation part, and `val_share` says so, a share of the training images is held out.

    Raises:
        UserError: a folder or file is not there; the message names the key and the places that were looked at.
    """
    if config.dataset == "shapes":
        raise UserError("dataset: the demo data `shapes` are a COCO dataset once they are drawn; use them with "
                        "--config_path=config/ssd300_shapes_config.yaml, which says dataset: coco")
    return _find_in_folder(config, is_training) if config.data else _find_by_keys(_keys(config), config, is_training)


def _find_in_folder(config: Any, is_training: bool) -> AnnotationSource:
    _, parts = find_parts(config)
    training, evaluation = parts.get(TRAINING), parts.get(EVALUATION) or parts.get(TEST)
    if training and evaluation and _same_images(training, evaluation):
        evaluation = None if config.val_share else evaluation._replace(part=TRAINING_IMAGES)
    if evaluation and EVALUATION not in parts:
        require_parts_are_used(config, parts)
    if evaluation and not is_training:
        return evaluation
    if training is None:
        raise UserError(f"{config.data} has images for {' and '.join(parts)}, and none for training.")
    if evaluation:
        return training
    if config.val_share:
        def check(records: list[ImageRecord]) -> None:
            require_parts_are_used(config, parts, records)

        return _share(training, config, is_training, check)
    if not is_training:
        raise UserError(f"{config.data} has no images to evaluate with. Set --val_share=0.2, and a fifth of the "
                        "training images is held out.")
    return training


def _find_by_keys(form: FormatKeys, config: Any, is_training: bool) -> AnnotationSource:
    if config.val_share:
        with_part = _with_evaluation_part(form, config)
        if with_part is None:
            return _share(_find(form, config, True), config, is_training)
        config = with_part
    source = _find(form, config, is_training)
    if not is_training and _is_training_data(form, config, source):
        return source._replace(part=TRAINING_IMAGES)
    return source


def _find(keys: FormatKeys, config: Any, is_training: bool) -> AnnotationSource:
    if is_kept() and annotation_format(config).names_classes:
        found = keys.find(dataclasses.replace(config, classes=_open_classes()), is_training)
        return _read_once(found, config.classes)
    return keys.find(config, is_training)


def _with_evaluation_part(form: FormatKeys, config: Any) -> Any | None:
    """The configuration with the name of the evaluation part; None where the dataset has none.

    Raises:
        UserError: there is one, or the configuration names one, and it cannot be read.
    """
    training_key, key = form.part_keys
    training_part, part = getattr(config, training_key), form.evaluation_part(config)
    if part in ("", training_part):
        return None
    config = dataclasses.replace(config, **{key: part})
    try:
        source = form.find(config, False)
    except UserError as error:
        raise UserError(f"{error} The evaluation part is {key} = {part}. Correct it; or set --{key}={training_part}, "
                        "and val_share holds out training images instead.") from error
    return None if _is_training_data(form, config, source) else config


def _is_training_data(form: FormatKeys, config: Any, evaluation: AnnotationSource) -> bool:
    """Whether evaluation has the annotations and images of training."""
    try:
        training = form.find(config, True)
    except UserError:  # a machine that only evaluates
        return False
    return _same_images(training, evaluation)


def _same_images(one: AnnotationSource, other: AnnotationSource) -> bool:
    return all(getattr(one, what) == getattr(other, what) for what in ("annotation_files", "image_dir", "subsets"))


def _share(source: AnnotationSource, config: Any, is_training: bool,
           check: Callable[[list[ImageRecord]], None] = lambda records: None) -> AnnotationSource:
    """A source whose images are held out for evaluation, or left for training; `check` sees all of them first."""
    share = config.val_share

    def select(records: list[ImageRecord]) -> list[ImageRecord]:
        check(records)
        how = (share, len(config.classes), config.keep_other_sizes, is_upright(config))
        chosen = once(("held out", *source.identity, *how), lambda: held_out(records, *how))
        if not chosen and not is_training:
            raise UserError(f"val_share = {share:g}: {source.image_dir} has too few images that can be used "
                            f"({len(records)} are annotated): evaluation and training need one each, with boxes of "
                            "known classes. Add images, or name others to evaluate with (--val_data_type, "
                            "--val_anno_path).")
        return [record for record in records if (record.path in chosen) != is_training]

    part = f"{TRAINING_IMAGES}, without the held-out ones" if is_training else f"held-out {TRAINING_IMAGES}"
    return source._replace(select=select, ground_truth_file=None, shared_ground_truth_file=source.ground_truth_file,
                           part=f"{part} (val_share {share:g})")


def held_out(records: Sequence[ImageRecord], share: float, num_classes: int, keep_other_sizes: bool = False,
             upright: bool = True) -> set[str]:
    """Paths of the images that are held out to evaluate with: a share of those that can be used.

    Those with boxes of known classes and those without have the same share. At least one image with boxes is on each
    side; with fewer than two of them, none is held out. The choice depends on the names of the files, not on their
    order or folder, so that images added later leave most others where they were.
    """
    with_boxes: set[str] = set()
    without: set[str] = set()
    for record in records:
        with contextlib.suppress(UserError):
            usage = usage_of(read_image_header(record.path), record, upright)
            if keep_other_sizes or not usage.reason:
                boxes = clean_boxes(usage.record.pixel_boxes, *usage.size, num_classes, Report(), record.path)
                (with_boxes if len(boxes) else without).add(record.path)
    without -= with_boxes
    count = min(max(1, round(share * len(with_boxes))), len(with_boxes) - 1)
    if count < 1:
        return set()
    return _choose(with_boxes, count) | _choose(without, round(share * len(without)))


def _choose(paths: Collection[str], count: int) -> set[str]:
    """The first `count` images that can be decoded, in an order that the names of the files give."""
    def digest(path: str) -> tuple[bytes, str]:
        return hashlib.sha256(Path(path).name.encode("utf-8", "surrogateescape")).digest(), path

    return set(itertools.islice(filter(_can_be_decoded, sorted(paths, key=digest)), max(count, 0)))


def _can_be_decoded(path: str) -> bool:
    try:
        load_image(path)
    except UserError:
        return False
    return True


def read_annotations(config: Any, is_training: bool) -> list[ImageRecord]:
    """Images and boxes of the dataset that the configuration names; errors as `find_source`."""
    source = find_source(config, is_training)
    return source.select(source.read(Report()))
