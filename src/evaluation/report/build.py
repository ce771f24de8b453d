"""What the report of an evaluation shows."""
import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup

from src.config import Config
from src.dataset.exif import is_upright
from src.dataset.images import load_image
from src.dataset.sources import read_annotations
from src.evaluation import COCO_NUMBERS
from src.evaluation.error_analysis import (
    BACKGROUND_IOU,
    CORRECT,
    FOREGROUND_IOU,
    KINDS_WITHOUT_OBJECT,
    MISSED,
    OBJECT_KINDS,
    ImageAnalysis,
    analyse,
    confusion_matrix,
    count_by_size,
    count_detections,
    count_objects,
)
from src.evaluation.ground_truth import GroundTruth, read_ground_truth
from src.evaluation.report import charts, html
from src.evaluation.report.error_images import ERROR_KINDS, OUTCOME_COLOURS, error_picture, worst_first
from src.evaluation.results import EvalResult, ProtocolResult
from src.evaluation.thresholds import ALL_CLASSES, BEST_F1, CORRECT_IOU, KINDS, OperatingPoint, ScoreCurve
from src.utils.errors import UserError
from src.utils.files import whole_file
from src.visualization.draw import encode_image
from src.visualization.plot_style import figure_svg

logger = logging.getLogger(__name__)
FILE_NAME = "report.html"
# Borders of the size classes, pixels; 32 and 96 are those of small and large in the COCO numbers.
SIZE_EDGES = (0, 16, 32, 64, 96, 192, 384, np.inf)
PICTURES_OF_A_KIND = 4
MOST_CONFUSIONS = 15


def save_report(config: Config, result: EvalResult) -> Path:
    """Writes the report of an evaluation to `output_path`.

    Returns:
        Path of the file.
    """
    paths = {record.image_id: record.path for record in read_annotations(config, is_training=False)}
    text = build_report(result, config.classes, config.report_score, paths, name=config.model_name,
                        upright=is_upright(config))
    path = Path(config.output_path) / FILE_NAME
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def build_report(
    result: EvalResult, classes: Sequence[str], min_score: float, image_paths: Mapping[int, Path | str], name: str,
    upright: bool = True,
) -> str:
    """The report as HTML.

    Args:
        result: of the evaluation.
        classes: class names, index = label, index 0 is the background.
        min_score: detections of a lower score are left out of everything that is not average precision.
        image_paths: paths of the images by image id.
        name: of the model, for the title.
        upright: boxes are of images as their EXIF data turn them, see `load_image`.
    """
    settings, main = result.settings, result.protocols[result.protocol]
    ground_truth = read_ground_truth(settings["annotation_file"], classes)
    only_clean = result.protocol == "reference" and settings["drop"]
    of_protocol = ground_truth.clean_images if only_clean else list(ground_truth.images)
    analyses = analyse(ground_truth, result.detections, of_protocol, min_score)
    introduction = html.table((), [
        ("protocol", result.protocol),
        ("ground truth", settings["annotation_file"]),
        ("NMS", f"IoU above {settings['nms_threshold']}, at most {settings['max_boxes']} boxes of a class"),
        ("score", f"AP takes all detections into account; everything else those of a score of at least {min_score}"),
    ], kind="settings")
    sections = [
        _numbers(result),
        _classes(main, analyses, classes),
        _curves(main),
        _thresholds(result),
        _confusions(analyses, classes),
        _sizes(main, analyses),
        _pictures(analyses, classes, ground_truth, image_paths, upright),
    ]
    return html.page(f"{name}: evaluation", introduction, _tiles(main, analyses), sections)


def _tiles(main: ProtocolResult, analyses: Sequence[ImageAnalysis]) -> list[tuple[str, str]]:
    stats = dict(zip((key for key, *_ in COCO_NUMBERS), main.stats))
    objects = sum(len(image.object_kinds) for image in analyses)
    found = sum(image.object_kinds.count(CORRECT) for image in analyses)
    return [
        (_number(stats["AP"]), "mAP (IoU 0.50 to 0.95)"),
        (_number(stats["AP50"]), "AP at IoU 0.50"),
        (_number(stats["AP75"]), "AP at IoU 0.75"),
        (f"{main.num_images:,}", "images"),
        (f"{objects:,}", "objects"),
        (f"{100 * found / max(objects, 1):.1f}%", "of them found"),
    ]


def _number(value: float | None) -> str:
    return "n/a" if value is None or value < 0 else f"{value:.3f}"


def _numbers(result: EvalResult) -> html.Section:
    names = [result.protocol, *(name for name in result.protocols if name != result.protocol)]
    rows = [(f"Average {kind.lower()} ({key})", iou, area, most,
             *(_number(result.stats[name][index]) for name in names))
            for index, (key, kind, iou, area, most) in enumerate(COCO_NUMBERS)]
    explained = Markup().join(html.paragraph(f"{name}: {result.protocols[name].description}") for name in names)
    return html.Section("Numbers", html.table(("", "IoU", "area", "detections", *names), rows) + explained)


def _classes(main: ProtocolResult, analyses: Sequence[ImageAnalysis], classes: Sequence[str]) -> html.Section:
    objects, detections = count_objects(analyses, len(classes)), count_detections(analyses, len(classes))
    kinds = [*OBJECT_KINDS, *KINDS_WITHOUT_OBJECT]
    rows = [
        (one.name, _number(one.ap), _number(one.ap50), _number(one.ap75), one.num_boxes, *objects[label],
         *detections[label, -len(KINDS_WITHOUT_OBJECT):])
        for label, one in enumerate(main.classes, start=1)
    ]
    header = ("class", "AP", "AP50", "AP75", "objects", *(html.colour_key(OUTCOME_COLOURS[k], k) for k in kinds))
    text = (f"Correct: a detection of the class with an IoU of at least {FOREGROUND_IOU}. Classification error: one of "
            f"another class there. Localisation error: one of the class with an IoU of at least {BACKGROUND_IOU}. "
            "Missed: none of these. Detections without an object of their own: duplicates cover one that another "
            "detection has found, background errors cover none.")
    plot = html.plot_image(figure_svg(charts.ap_bars(main.classes)), "bar plot of the average precision of each class")
    return html.Section("Classes", plot + html.table(header, rows) + html.paragraph(text))


def _curves(main: ProtocolResult) -> html.Section:
    figure = charts.precision_recall_curves([one.name for one in main.classes], main.precision)
    return html.Section("Precision and recall", html.plot_image(figure_svg(figure), "precision over recall"))


def _thresholds(result: EvalResult) -> html.Section:
    curves, chosen = result.protocols[result.protocol].curves, result.thresholds
    best = chosen.all_classes.get(BEST_F1)
    plot = html.plot_image(figure_svg(charts.threshold_curves(curves, best)),
                           "precision, recall and F1 over the confidence threshold")
    kinds = [kind for kind in KINDS if kind == BEST_F1 or result.settings[kind]]
    names = {BEST_F1: "best F1", **{kind: f"{kind.removeprefix('target_')} of {result.settings[kind]:g}"
                                    for kind in kinds if kind != BEST_F1}}

    def rows_of(name: str, curve: ScoreCurve | None, points: Mapping[str, OperatingPoint]) -> Iterator[list[str]]:
        for kind in kinds:
            yield [name, names[kind], *_operating_point(points.get(kind))]
        if best and curve:
            yield [name, "best F1 of all classes", *_operating_point(curve.at(best.score))]

    rows = list(rows_of(ALL_CLASSES, None, chosen.all_classes))
    if result.at_model_score:
        rows.append([ALL_CLASSES, "the model's own", *_operating_point(result.at_model_score)])
    for name, curve in curves.classes.items():
        rows += rows_of(name, curve, chosen.classes[name])
    text = (f"A detection is correct at an IoU of at least {CORRECT_IOU} with an object of its class that no better "
            "detection has. F1 is the harmonic mean of precision and recall. The detections of all classes are counted "
            "together.")
    return html.Section("Confidence threshold", plot + html.paragraph(text) + html.table(
        ("class", "threshold for", "score", "precision", "recall", "F1"), rows))


def _operating_point(point: OperatingPoint | None) -> list[str]:
    return ["none reaches it", "", "", ""] if point is None else [f"{point.score:g}", *map(_number, point[1:])]


def _confusions(analyses: Sequence[ImageAnalysis], classes: Sequence[str]) -> html.Section:
    matrix = confusion_matrix(analyses, len(classes))
    plot = html.plot_image(figure_svg(charts.confusion_plot(classes[1:], matrix)), "confusion matrix", shrinks=False)
    text = (f"Each row: what the objects of a class were detected as, at an IoU of at least {FOREGROUND_IOU}. Colours "
            "are shares of the row.")
    if len(classes) <= charts.FEW_CELLS:
        text += " No object: detections at the place of no free object."
    wrong = matrix.copy()
    wrong[0], wrong[:, 0] = 0, 0
    np.fill_diagonal(wrong, 0)
    order = [index for index in np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS] if wrong.flat[index]]
    pairs = [divmod(int(index), len(classes)) for index in order]
    rows = [(classes[row], classes[column], wrong[row, column], f"{100 * wrong[row, column] / matrix[row].sum():.1f}%")
            for row, column in pairs]
    listed = html.table(("is", "detected as", "times", "of the class"), rows) if rows else Markup()
    return html.Section("Confusion matrix", plot + html.paragraph(text) + listed)


def _sizes(main: ProtocolResult, analyses: Sequence[ImageAnalysis]) -> html.Section:
    counts = count_by_size(analyses, SIZE_EDGES)
    plot = html.plot_image(figure_svg(charts.size_plot(SIZE_EDGES, counts)), "what became of objects, by their size")
    stats = dict(zip((key for key, *_ in COCO_NUMBERS), main.stats))
    # Small is below 32 x 32 pixels, large above 96 x 96.
    numbers = counts.sum(axis=1)
    rows = [
        (f"{size} ({meaning})", number, _number(stats[f"AP_{size}"]), _number(stats[f"AR_{size}"]))
        for size, meaning, number in (("small", "below 32 x 32 pixels", numbers[:2].sum()),
                                      ("medium", "up to 96 x 96", numbers[2:4].sum()),
                                      ("large", "above", numbers[4:].sum()))
    ]
    return html.Section("Sizes", plot + html.table(("objects", "number", "AP", "AR"), rows))


def _pictures(
    analyses: Sequence[ImageAnalysis], classes: Sequence[str], ground_truth: GroundTruth,
    image_paths: Mapping[int, Path | str], upright: bool,
) -> html.Section:
    parts = [html.paragraph("The images with the most errors of each kind. Blue boxes are correct detections; a red "
                            "box is an object that was missed, or one beside which a detection lies.")]
    for kind in ERROR_KINDS:
        images = worst_first(analyses, kind)
        if images:
            title = f"{kind}: {sum(image.count(kind) for image in images)} in {len(images)} images"
            drawn = _drawn(images, kind, classes, ground_truth, image_paths, upright)
            pictures = itertools.islice(drawn, PICTURES_OF_A_KIND)
            parts += [html.heading(html.colour_key(OUTCOME_COLOURS[kind], title)), html.gallery(pictures)]
    return html.Section("Worst pictures", Markup().join(parts))


def _drawn(
    images: Sequence[ImageAnalysis], kind: str, classes: Sequence[str], ground_truth: GroundTruth,
    image_paths: Mapping[int, Path | str], upright: bool,
) -> Iterator[tuple[bytes, str]]:
    """One by one the drawn images that can be read: bytes of a JPEG file, caption."""
    for image in images:
        path = Path(image_paths.get(image.image_id, ""))
        if not path.is_file():
            continue
        try:
            pixels = load_image(path, upright)
        except UserError as error:
            logger.warning("left out of the report: %s", error)
            continue
        of = f"{len(image.object_kinds)} objects" if kind == MISSED else f"{len(image.kinds)} detections"
        caption = f"{ground_truth.images[image.image_id] or image.image_id}: {image.count(kind)} of {of}"
        yield encode_image(error_picture(pixels, image, kind, classes), ".jpg"), caption
