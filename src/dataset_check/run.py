"""The check as a whole: reads the dataset, writes plots and pictures, and returns the text of the report."""
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from src.boxes.anchor_fit import best_overlaps, sample_boxes, share_below
from src.boxes.default_boxes import build_default_boxes
from src.config import Config
from src.dataset.annotations import TRAINING_IMAGES
from src.dataset.exif import is_upright
from src.dataset.sources import annotation_format, find_source
from src.dataset_check.better_anchors import suggest_anchors
from src.dataset_check.content import (
    DataPart,
    choose_samples,
    find_duplicates,
    names_that_differ_in_case,
    read_part,
)
from src.dataset_check.plots import box_sizes_plot, class_bars, sample_sheet
from src.dataset_check.rare_classes import find_rare_classes
from src.dataset_check.text import Findings, report_text
from src.evaluation.evaluator import build_metrics
from src.ssd import build_detector
from src.ssd.complexity import measure_network
from src.training.auto_settings import fitting_batch_size, total_memory
from src.utils.class_names import is_background
from src.utils.errors import UserError
from src.utils.files import whole_file
from src.utils.safe_io import printable, shown
from src.visualization.draw import save_image
from src.visualization.plot_style import save_plot

FOLDER = "dataset_check"
CLASSES, BOX_SIZES, IMAGES, REPORT = "classes.png", "box_sizes.png", "samples.jpg", "report.txt"
SAMPLES = 16
MOST_BOXES = 20_000  # that are compared: enough for a share in percent


def check_dataset(config: Config) -> str:
    """Checks the dataset of the configuration and writes report, plots and pictures below `output_path`.

    Returns:
        The text of the report, which `report.txt` in that folder holds too.

    Raises:
        UserError: there are no training data.
    """
    parts, missing_part = _read_parts(config)
    names_classes = annotation_format(config).names_classes
    names_found = {name for part in parts for name in part.report.classes} if names_classes else set()
    unknown = sorted(name for name in names_found - set(config.classes)
                     if name.strip() and shown(name) == name and not is_background(name))
    if not any(part.count_boxes(1).sum() for part in parts) and unknown:
        # Nothing is known yet: the check is more useful with what the annotations name.
        config = dataclasses.replace(config, classes=("background", *unknown), num_classes=len(unknown) + 1)
        parts, missing_part = _read_parts(config)
    training = parts[0]
    boxes = sample_boxes(training.all_boxes(), MOST_BOXES, config.seed)
    default_boxes = build_default_boxes(config)
    anchors = default_boxes.anchors()
    overlaps = best_overlaps(boxes, anchors)
    size = measure_network(build_detector(config), config.img_shape)
    batch_size: int | str
    try:
        batch_size = fitting_batch_size(size, len(training.images), total_memory())
    except UserError as error:
        batch_size = str(error)
    is_auto = config.is_auto("batch_size")
    findings = Findings(
        parts=parts,
        missing_part=missing_part,
        refused_part=None if missing_part else _why_refused(config, parts[-1]),
        classes=config.classes,
        unknown_classes=unknown,
        bad_labels=[] if names_classes else _bad_labels(parts, len(config.classes)),
        same_but_for_case=names_that_differ_in_case(names_found | set(config.classes)),
        duplicates=find_duplicates(parts),
        sides=(boxes[:, 2:] - boxes[:, :2]) * config.img_shape,
        image_size=config.img_shape,
        badly_fitting=share_below(overlaps),
        anchors=suggest_anchors(default_boxes, boxes, config.seed),
        batch_size=batch_size,
        rarity=find_rare_classes([image.pixel_boxes[:, 4] for image in training.images], len(config.classes)),
        keep_empty=config.keep_empty,
        repeat_threshold=config.repeat_threshold,
        configured_batch=None if is_auto else (config.batch_size, size.training_bytes(config.batch_size)),
    )
    folder = Path(config.output_path) / FOLDER
    files = []
    if len(boxes):
        save_plot(box_sizes_plot(boxes, overlaps, anchors, config.img_shape), folder / BOX_SIZES)
        _save_pictures(folder, parts, config.classes, config.seed, is_upright(config))
        files = [CLASSES, BOX_SIZES, IMAGES]
    text = printable(report_text(findings))
    with whole_file(folder / REPORT) as part:
        part.write_text(text + "\n", encoding="utf-8")
    return f"{text}\n\nIn {folder}: {', '.join([*files, REPORT])}"


def _save_pictures(folder: Path, parts: Sequence[DataPart], classes: Sequence[str], seed: int, upright: bool) -> None:
    """The bars of the classes, and annotated images of the first part."""
    counts = {part.name: part.count_boxes(len(classes))[1:] for part in parts}
    save_plot(class_bars(classes[1:], counts), folder / CLASSES)
    save_image(folder / IMAGES, sample_sheet(choose_samples(parts[0].images, SAMPLES, seed), classes, upright=upright))


def _read_parts(config: Config) -> tuple[list[DataPart], str | None]:
    """The parts of the dataset, and why there is none to evaluate with, if so."""
    how = (len(config.classes), config.keep_other_sizes, is_upright(config))
    parts = [read_part("training", find_source(config, is_training=True), *how)]
    try:
        source = find_source(config, is_training=False)
        if source.part == TRAINING_IMAGES:
            return parts, f"it would be on the {TRAINING_IMAGES}"
        return [*parts, read_part("evaluation", source, *how)], None
    except UserError as error:
        return parts, str(error)


def _why_refused(config: Config, evaluation: DataPart) -> str | None:
    """Why train.py and eval.py refuse to evaluate with the evaluation part; None if they do not."""
    if not evaluation.all_boxes().size:
        return "no image with a box of a known class is left"
    ground_truth_file = find_source(config, is_training=False).ground_truth_file
    if ground_truth_file:
        try:
            metrics = build_metrics(config, ground_truth_file)
            metrics.check_images(image.image_id for image in evaluation.images)
        except UserError as error:
            return str(error)
    return None


def _bad_labels(parts: Sequence[DataPart], num_classes: int) -> list[int]:
    """Labels in the annotations that no class belongs to."""
    labels = {int(label) for part in parts for label in part.report.classes}
    return sorted(label for label in labels if not 0 < label < num_classes)
