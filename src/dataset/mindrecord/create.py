"""Images and boxes to MindRecord: whole files or none, with a record of what they were made from."""
import functools
import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.dataset.annotations import TRAINING_IMAGES, TURNED_WITH_BOXES, AnnotationSource, Report
from src.dataset.epoch_order import read_labels
from src.dataset.exif import is_upright
from src.dataset.formats.coco import coco_ground_truth
from src.dataset.formats.voc import voc_json_path
from src.dataset.mindrecord import manifest as manifests
from src.dataset.mindrecord.brought_ground_truth import write_shared_ground_truth, write_turned_ground_truth
from src.dataset.mindrecord.files_in_use import FilesInUse, replacing, require_unused
from src.dataset.mindrecord.model_zoo import read_model_zoo_files, x_comes_first
from src.dataset.mindrecord.voc_json import save_voc_json
from src.dataset.mindrecord.writer import write_records
from src.dataset.paths import mindrecord_folder
from src.dataset.sources import annotation_format, find_source, format_of_kind, source_name
from src.utils.errors import UserError
from src.utils.file_lock import folder_lock
from src.utils.files import reason_of, remove_parts, write_json
from src.utils.safe_io import shown_list

logger = logging.getLogger(__name__)
TRAINING_PREFIX = "ssd.mindrecord"
EVALUATION_PREFIX = "ssd_eval.mindrecord"
TEMPORARY_PREFIX = ".writing-"
DEFAULT_GROUND_TRUTH_NAME, SHARED_GROUND_TRUTH_NAME = "instances_eval.json", "instances_held_out.json"


@dataclass(frozen=True)
class MindRecordSet:
    """MindRecord files that are ready for use. As long as this lives, other runs do not replace them.

    Attributes:
        path: the first file, as `create_ssd_dataset` takes it.
        num_images: images in it.
        annotation_file: COCO json with the ground truth of evaluation; None for training.
        report: what was left out or changed, see `Report.to_dict`.
        files: the MindRecord files and what belongs to them.
        part: what the images are, as words, where training and evaluation share some or all; else empty.
        x_first: boxes are xmin, ymin, xmax, ymax; else ymin, xmin, ymax, xmax.
        upright: they are to be decoded as their EXIF data turn them, see `decode_image`.
        num_empty: images without objects.
    """

    path: str
    num_images: int
    annotation_file: str | None
    report: dict[str, Any]
    files: FilesInUse = field(compare=False, repr=False)
    part: str = ""
    x_first: bool = False
    upright: bool = False
    num_empty: int = 0

    @property
    def num_with_objects(self) -> int:
        return self.num_images - self.num_empty

    @functools.cached_property
    def labels(self) -> list[np.ndarray]:
        """Labels of the boxes of each image, in the order of the files."""
        return read_labels(self.path)


class _Target(NamedTuple):
    """What is to be made: folder, prefix of the file names, and what the content depends on."""

    folder: Path
    prefix: str
    is_training: bool
    kind: str
    classes: tuple[str, ...]
    options: dict[str, bool]
    ground_truth_name: str | None = None

    @property
    def first_file(self) -> Path:
        return self.folder / f"{self.prefix}0"

    @property
    def manifest_file(self) -> Path:
        return manifests.manifest_path(self.folder, self.prefix)

    def needed(self) -> dict[str, Any]:
        """What a manifest has to say of these files, whatever they were made from."""
        return {"dataset": self.kind, "classes": list(self.classes), "options": self.options,
                "truth": self.ground_truth_name}

    @property
    def purpose(self) -> str:
        return "training" if self.is_training else "evaluation"


def create_mindrecord(config: Any, is_training: bool) -> MindRecordSet:
    """Makes the MindRecord files of training or evaluation, or finds them made.

    Files are used again only when dataset, classes, annotations, and images are what they were made from; otherwise
    they are made anew, and the log says why. Of several processes that need the same files, one makes them and the
    others wait. A conversion that is killed leaves no files that a later start would use.

    MindRecord files without a manifest, which the Model Zoo's SSD wrote, are used as they are.

    Training leaves out images without boxes, unless `keep_empty` says otherwise. Both leave out images that cannot be
    read, and those whose size is not the annotated one, unless `keep_other_sizes` says otherwise.

    Raises:
        UserError: annotations or images are not there, no box of a known class is left, the folder holds files of
            another origin, or they would be made anew while another run uses them.
    """
    target = _build_target(config, is_training)
    if manifests.lacks_manifest(target.folder, target.prefix):
        return _use_model_zoo_files(config, target)
    found = manifests.read_manifest(target.folder, target.prefix)
    try:
        source = find_source(config, is_training)
    except UserError as error:
        return _use_without_source(found, target, source_name(config, is_training), error)
    if source.part not in ("", TRAINING_IMAGES) and manifests.lacks_manifest(target.folder, TRAINING_PREFIX):
        raise UserError(f"{target.folder / TRAINING_PREFIX}0 has no manifest: it is trained on as the Model Zoo's SSD "
                        "wrote it, with all images, so that none can be held out. Set --val_share=0, or "
                        "--mindrecord_dir to another folder.")
    target = target._replace(ground_truth_name=_ground_truth_name(config, target, source))
    manifest = _if_usable(found, target, source) or _convert_alone(target, source)
    result = _result(target, manifest, source.ground_truth_file)
    if result.annotation_file and target.kind == "voc" and config.voc_json and not config.data:
        save_voc_json(result.annotation_file, voc_json_path(config))
    return result


def _build_target(config: Any, is_training: bool) -> _Target:
    kind = annotation_format(config).kind
    return _Target(mindrecord_folder(config.mindrecord_dir, config.data_path),
                   TRAINING_PREFIX if is_training else EVALUATION_PREFIX, is_training, kind, tuple(config.classes),
                   {"keep_other_sizes": config.keep_other_sizes, "upright": is_upright(config),
                    **({"keep_empty": config.keep_empty} if is_training else {})})


def _ground_truth_name(config: Any, target: _Target, source: AnnotationSource) -> str | None:
    """Name of the ground truth that is made; None where nothing is evaluated, and where the dataset brings it."""
    if target.is_training or source.ground_truth_file:
        return None
    if source.shared_ground_truth_file:
        return SHARED_GROUND_TRUTH_NAME
    return (Path(config.voc_json or "").name if target.kind == "voc" else "") or DEFAULT_GROUND_TRUTH_NAME


def _if_usable(manifest: dict[str, Any] | None, target: _Target, source: AnnotationSource, log_reason: bool = False
               ) -> dict[str, Any] | None:
    """The manifest, or None if there is none or its files are not what is needed."""
    if manifest is None:
        return None
    reason = manifests.find_damage(manifest, target.folder) or manifests.find_difference(
        manifest, target.needed(), source)
    if not reason:
        logger.info("%s: %d images, made before from the same sources", target.first_file, manifest["num_images"])
        return manifest
    if log_reason:
        logger.info("%s is made anew: %s", target.folder / target.prefix, reason)
    return None


def _convert_alone(target: _Target, source: AnnotationSource) -> dict[str, Any]:
    """Converts, unless another process has done so while this one waited for it; returns the manifest."""
    try:
        target.folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(target.folder) as locked:
            if manifests.lacks_manifest(target.folder, target.prefix):
                raise UserError(f"{target.first_file} and others have appeared meanwhile, without a manifest. Start "
                                "again to use them, or set --mindrecord_dir to another folder.")
            found = manifests.read_manifest(target.folder, target.prefix)
            manifest = _if_usable(found, target, source, log_reason=True)
            if manifest is None:
                if locked:
                    _remove_leftovers(target.folder)
                require_unused(target.manifest_file)  # told before the conversion, not only after it
                manifest = _convert(target, source)
            return manifest
    except OSError as error:
        raise UserError(f"MindRecord files cannot be written to {target.folder}: "
                        f"{reason_of(target.first_file, error)}. Set --mindrecord_dir to a folder with enough space "
                        "that can be written to.") from error


def _use_without_source(manifest: dict[str, Any] | None, target: _Target, name: str, error: UserError) -> MindRecordSet:
    """MindRecord files whose sources are gone: enough for training, and for evaluation if the ground truth is there.

    Not if they were made from sources of another name: then the path is wrong, and the sources are not gone. `error`
    says what is missing, and is raised where the files cannot be used.
    """
    if manifest is None or manifests.find_damage(manifest, target.folder):
        raise error
    # Whether the dataset brings a ground truth is not to be seen: it is as it was.
    target = target._replace(ground_truth_name=manifest["truth"])
    if manifests.find_difference(manifest, target.needed()) or \
            name not in Path(manifest["annotations"]["path"]).parts:
        raise error
    brought = None if target.ground_truth_name else Path(manifest["annotations"]["path"])
    result = _result(target, manifest, brought)
    if result.annotation_file and not Path(result.annotation_file).is_file():
        raise error
    logger.warning("%s is used although its sources cannot be compared: %s", target.first_file, error)
    return result


def _result(target: _Target, manifest: dict[str, Any], brought: Path | None) -> MindRecordSet:
    """The set; its ground truth is the one that was made with the set, or else the file that the dataset brought."""
    files = FilesInUse([target.manifest_file, *(target.folder / name for name in manifest["files"])])
    if manifests.read_manifest(target.folder, target.prefix) != manifest:
        raise UserError(f"{target.first_file} was made anew by another run just now: start again.")
    made = target.ground_truth_name or DEFAULT_GROUND_TRUTH_NAME
    annotation_file = None
    if not target.is_training:
        annotation_file = str(brought if brought and made not in manifest["files"] else target.folder / made)
    part = manifest["annotations"].get("part", "")
    overlap = "" if part or target.is_training else _find_overlap(target, manifest)
    if overlap or part == TRAINING_IMAGES:
        logger.warning("evaluation uses %d %s, so its mAP does not tell how good the detector is for other images; "
                       "name others to evaluate with (val_data_type, val_anno_path), or set val_share to hold some out",
                       manifest["num_images"], overlap or part)
    elif part:
        logger.info("%s uses %d %s", target.purpose, manifest["num_images"], part)
    return MindRecordSet(str(target.first_file), manifest["num_images"], annotation_file, manifest["report"], files,
                         overlap or part, upright=manifests.options_of(manifest)["upright"],
                         num_empty=manifest.get("num_empty", 0))


def _find_overlap(target: _Target, manifest: dict[str, Any]) -> str:
    """Words for evaluation images some of which are those of the training files beside them; empty if none is."""
    try:
        training = manifests.read_manifest(target.folder, TRAINING_PREFIX)
    except UserError:
        return ""
    if training is None or manifests.find_damage(training, target.folder) or training["annotations"].get("part"):
        return ""
    common = manifests.count_common_images(manifest, training)
    return f"images, {common} of them {TRAINING_IMAGES}" if common else ""


def _use_model_zoo_files(config: Any, target: _Target) -> MindRecordSet:
    """Files that the Model Zoo's SSD wrote; evaluation takes the ground truth that it took, without the images."""
    if config.data and not target.is_training:
        raise UserError(f"{target.first_file} has no manifest: the Model Zoo's SSD wrote it, and it is evaluated with "
                        "the keys of its format, not with data. Set --mindrecord_dir to another folder.")
    files = manifests.record_files(target.folder, target.prefix)
    in_use = FilesInUse(files)
    num_images = read_model_zoo_files(files, target.kind, target.classes)
    keys = None if target.is_training else format_of_kind(target.kind).keys
    annotation_file = str(keys.ground_truth(config)) if keys and keys.ground_truth else None
    if annotation_file is None and not target.is_training:
        raise UserError(f"{target.first_file} has no manifest: the Model Zoo's SSD wrote it, which cannot evaluate "
                        "with text lists. Set --mindrecord_dir to another folder.")
    return MindRecordSet(str(files[0]), num_images, annotation_file, Report().to_dict(), in_use,
                         x_first=x_comes_first(target.kind))


def _remove_leftovers(folder: Path) -> None:
    """Removes temporary folders and files of killed processes. The lock is held, so none of them is alive."""
    for path in folder.glob(TEMPORARY_PREFIX + "*"):
        shutil.rmtree(path, ignore_errors=True)
    for prefix in (TRAINING_PREFIX, EVALUATION_PREFIX):
        remove_parts(folder, f"{prefix}*.json", locked=True)


def _convert(target: _Target, source: AnnotationSource) -> dict[str, Any]:
    """Reads, checks, and writes everything; returns the manifest."""
    report = Report()
    # Taken before they are read: a file that changes meanwhile is noticed at the next start.
    annotations = {**manifests.describe_annotations(source), "digest": manifests.digest_annotations(source)}
    found = source.read(report)
    images = manifests.describe_images(source.image_dir, [record.path for record in found])
    shared = None if target.is_training else source.shared_ground_truth_file
    records = source.select(found)  # the choice may depend on all of them
    temporary = target.folder / f"{TEMPORARY_PREFIX}{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        written = write_records(
            temporary, target.prefix, records, len(target.classes), report,
            for_training=target.is_training,
            collect_ground_truth=bool(target.ground_truth_name) and not shared,
            **target.options)
        if written.num_images == 0 or written.num_boxes == 0:
            raise UserError(_nothing_left(target, source, len(records), report))
        are_turned = report.counts[TURNED_WITH_BOXES] > 0
        if shared:
            write_shared_ground_truth(temporary / SHARED_GROUND_TRUTH_NAME, shared, records, are_turned)
        elif target.ground_truth_name:
            names = manifests.relative_names((path for _, path, *_ in written.ground_truth), source.image_dir)
            entries = [(image_id, name, height, width, boxes)
                       for name, (image_id, _, height, width, boxes) in zip(names, written.ground_truth)]
            write_json(temporary / target.ground_truth_name, coco_ground_truth(entries, target.classes), indent=None)
        elif source.ground_truth_file and not target.is_training and are_turned:
            write_turned_ground_truth(temporary / DEFAULT_GROUND_TRUTH_NAME, source.ground_truth_file, records)
        sizes = {path.name: path.stat().st_size for path in sorted(temporary.iterdir())}
        manifest = {"format": manifests.FORMAT, "version": manifests.VERSION, "complete": True,
                    "purpose": target.purpose, **target.needed(),
                    "num_images": written.num_images, "num_boxes": written.num_boxes, "num_empty": written.num_empty,
                    "files": sizes,
                    "report": report.to_dict(), "annotations": annotations, "images": images}
        _move_into_place(temporary, target, manifest)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _log_summary(target, manifest, report)
    return manifest


def _move_into_place(temporary: Path, target: _Target, manifest: dict[str, Any]) -> None:
    """Puts finished files beside the manifest. When it is killed, the next start sees that it was not finished."""
    path = target.manifest_file
    rights = temporary.stat().st_mode & 0o666  # those of the umask, where MindSpore's files are for their owner alone
    with replacing(path):
        write_json(path, {"format": manifests.FORMAT, "version": manifests.VERSION, "complete": False})
        for old in manifests.record_files(target.folder, target.prefix):
            old.unlink()
        for new in sorted(temporary.iterdir()):
            new.chmod(rights)
            with open(new, "rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(new, target.folder / new.name)
        write_json(target.folder / f"{target.prefix}_report.json", manifest["report"])
        write_json(path, manifest)


def _nothing_left(target: _Target, source: AnnotationSource, num_records: int, report: Report) -> str:
    found = shown_list(f"{name} ({count} boxes)" for name, count in report.to_dict()["classes"].items()) or "none"
    left_out = report.summary(examples=3) or "nothing"
    return (f"No image with a box of a known class is left for {target.purpose}. Annotations: "
            f"{source.annotation_files[0] if source.annotation_files else 'no files'}"
            f"{' and others' if len(source.annotation_files) > 1 else ''}, {num_records} images; images in "
            f"{source.image_dir}. Left out: {left_out}. Classes found: {found}; classes expected (key classes): "
            f"{shown_list(target.classes)}. Correct the paths, the classes, or what was left out.")


def _log_summary(target: _Target, manifest: dict[str, Any], report: Report) -> None:
    empty = f", {manifest['num_empty']} images without objects" if manifest["num_empty"] else ""
    logger.info("%s: %d images, %d boxes%s", target.first_file, manifest["num_images"], manifest["num_boxes"], empty)
    if report.counts:
        logger.info("Left out or changed: %s; see %s", report.summary(examples=1),
                    target.folder / f"{target.prefix}_report.json")
