"""Images and boxes to MindRecord: whole files or none, with a record of what they were made from."""
import logging
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from src.dataset.annotations import Report
from src.dataset.coco import coco_truth
from src.dataset.mindrecord import manifest as manifests
from src.dataset.mindrecord.writer import write_records
from src.dataset.paths import mindrecord_folder
from src.dataset.sources import create_source, create_source_name, dataset_kind
from src.utils.errors import UserError
from src.utils.file_lock import folder_lock
from src.utils.files import remove_parts, write_json
from src.utils.safe_io import shown_list

logger = logging.getLogger(__name__)
TRAINING_PREFIX = "ssd.mindrecord"
EVALUATION_PREFIX = "ssd_eval.mindrecord"
TEMPORARY_PREFIX = ".writing-"
DEFAULT_TRUTH_NAME = "instances_eval.json"


class MindRecordSet(NamedTuple):
    """MindRecord files that are ready for use.

    Attributes:
        path: the first file, as `create_ssd_dataset` takes it.
        num_images: images in it.
        annotation_file: COCO json of the evaluation truth; None for training.
        report: what was left out or changed, see `Report.to_dict`.
    """

    path: str
    num_images: int
    annotation_file: str | None
    report: dict


class _Target(NamedTuple):
    """What is to be made: folder, prefix of the file names, and the things that the content depends on."""

    folder: Path
    prefix: str
    is_training: bool
    kind: str
    classes: tuple
    truth_name: str | None


def create_mindrecord(config, is_training):
    """Makes the MindRecord files of training or evaluation, or finds them made.

    Files are used again only when dataset, classes, annotations, and images are what they were made from; otherwise
    they are made anew, and the log says why. Two processes that want the same files wait for each other. A conversion
    that is killed leaves no files that a later start would use.

    Training leaves out images without boxes; evaluation keeps every image that can be read.

    Returns:
        MindRecordSet.

    Raises:
        UserError: annotations or images are not there, no box of a known class is left, or the folder holds MindRecord
            files of another origin.
    """
    kind = dataset_kind(config.dataset)
    truth_name = None
    if not is_training and (kind != "coco" or config.val_share):
        truth_name = Path(config.voc_json or "").name if kind == "voc" else ""
        truth_name = truth_name or DEFAULT_TRUTH_NAME
    target = _Target(mindrecord_folder(config.mindrecord_dir, config.data_path),
                     TRAINING_PREFIX if is_training else EVALUATION_PREFIX, is_training, kind, tuple(config.classes),
                     truth_name)
    manifest = manifests.read_manifest(target.folder, target.prefix)
    try:
        source = create_source(config, is_training)
    except UserError as error:
        return _use_without_source(manifest, target, create_source_name(config, is_training), error)
    truth_file = None if is_training else source.truth_file or target.folder / target.truth_name
    ready = _usable(manifest, target, source)
    if not ready:
        try:
            target.folder.mkdir(parents=True, exist_ok=True)
            with folder_lock(target.folder) as locked:
                # Another process may have done the work while this one waited.
                manifest = manifests.read_manifest(target.folder, target.prefix)
                ready = _usable(manifest, target, source, log_reason=True)
                if not ready:
                    if locked:
                        _remove_leftovers(target.folder)
                    manifest = _convert(target, source)
        except OSError as error:
            raise UserError(f"MindRecord files cannot be written to {target.folder}: {error}. Set --mindrecord_dir to "
                            "a folder with enough space that can be written to.") from error
    if ready:
        logger.info("%s: %d images, made before from the same sources", _first_file(target),
                    manifest["num_images"])
    return _result(target, manifest, truth_file)


def _usable(manifest, target, source, log_reason=False):
    if manifest is None:
        return False
    reason = manifests.damage(manifest, target.folder) or manifests.difference(
        manifest, target.kind, target.classes, target.truth_name, source)
    if reason and log_reason:
        logger.info("%s is made anew: %s", target.folder / target.prefix, reason)
    return not reason


def _use_without_source(manifest, target, source_name, error):
    """MindRecord files whose sources are gone: good enough for training, and for evaluation if the truth is there.

    Not if they were made from something of another name: then the path is wrong, and the sources are not gone.
    """
    if manifest is None or manifests.damage(manifest, target.folder) or manifests.difference(
            manifest, target.kind, target.classes, target.truth_name):
        raise error
    if source_name not in Path(manifest["annotations"]["path"]).parts:
        raise error
    truth_file = None
    if not target.is_training:
        truth_file = target.folder / target.truth_name if target.truth_name else Path(manifest["annotations"]["path"])
        if not truth_file.is_file():
            raise error
    logger.warning("%s is used although its sources cannot be compared: %s", _first_file(target), error)
    return _result(target, manifest, truth_file)


def _first_file(target):
    return target.folder / f"{target.prefix}0"


def _result(target, manifest, truth_file):
    return MindRecordSet(str(_first_file(target)), manifest["num_images"],
                         None if truth_file is None else str(truth_file), manifest["report"])


def _remove_leftovers(folder):
    """Temporary folders and files of processes that were killed. The lock is held, so none of them is alive."""
    for path in folder.glob(TEMPORARY_PREFIX + "*"):
        shutil.rmtree(path, ignore_errors=True)
    for prefix in (TRAINING_PREFIX, EVALUATION_PREFIX):
        remove_parts(folder, f"{prefix}*.json")


def _convert(target, source):
    """Reads, checks, and writes everything; returns the manifest."""
    report = Report()
    records = source.read(report)
    # Taken before the images are read: one that changes meanwhile is noticed at the next start.
    origin = {"annotations": manifests.describe_annotations(source),
              "images": manifests.describe_images(source.image_dir, [record.path for record in records])}
    temporary = target.folder / f"{TEMPORARY_PREFIX}{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        num_images, num_boxes, truth_entries = write_records(
            temporary, target.prefix, records, len(target.classes), report,
            leave_out_empty=target.is_training, collect_truth=target.truth_name is not None)
        if num_images == 0 or num_boxes == 0:
            raise UserError(_nothing_left(target, source, len(records), report))
        if target.truth_name:
            write_json(temporary / target.truth_name, coco_truth(truth_entries, target.classes), indent=None)
        sizes = {path.name: path.stat().st_size for path in sorted(temporary.iterdir())}
        manifest = {"format": manifests.FORMAT, "version": manifests.VERSION, "complete": True,
                    "purpose": "training" if target.is_training else "evaluation", "dataset": target.kind,
                    "classes": list(target.classes), "truth": target.truth_name, "num_images": num_images,
                    "num_boxes": num_boxes, "files": sizes, "report": report.to_dict(), **origin}
        _move_into_place(temporary, target, manifest)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _log_summary(target, manifest, report)
    return manifest


def _move_into_place(temporary, target, manifest):
    """Puts finished files beside the manifest. Killed at any point, the next start sees that it was not finished."""
    path = manifests.manifest_path(target.folder, target.prefix)
    write_json(path, {"format": manifests.FORMAT, "version": manifests.VERSION, "complete": False})
    for old in manifests.record_files(target.folder, target.prefix):
        old.unlink()
    for new in sorted(temporary.iterdir()):
        with open(new, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(new, target.folder / new.name)
    write_json(target.folder / f"{target.prefix}_report.json", manifest["report"])
    write_json(path, manifest)


def _nothing_left(target, source, num_records, report):
    found = shown_list(f"{name} ({count} boxes)" for name, count in report.to_dict()["classes"].items()) or "none"
    left_out = report.summary() or "nothing"
    purpose = "training" if target.is_training else "evaluation"
    return (f"No image with a box of a known class is left for {purpose}. Annotations: "
            f"{source.annotation_files[0] if source.annotation_files else 'no files'}"
            f"{' and others' if len(source.annotation_files) > 1 else ''}, {num_records} images; images in "
            f"{source.image_dir}. Left out: {left_out}. Classes found: {found}; classes expected (key classes): "
            f"{', '.join(target.classes)}. Correct the paths, or classes.")


def _log_summary(target, manifest, report):
    logger.info("%s: %d images, %d boxes", _first_file(target), manifest["num_images"],
                manifest["num_boxes"])
    if report.counts:
        logger.info("Left out or changed: %s; see %s", report.summary(),
                    target.folder / f"{target.prefix}_report.json")
