"""Collects detections image by image and compares them with the ground truth, by the COCO metrics."""
import contextlib
import io
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pycocotools.cocoeval import COCOeval

from src.boxes import NMSConfig
from src.evaluation.coco_accumulate import MAX_DETECTIONS, evaluate_category
from src.evaluation.ground_truth import Annotation, read_ground_truth
from src.evaluation.predictions import Predictions
from src.evaluation.results import ClassResult, DetectionTable, EvalResult, ProtocolResult
from src.evaluation.thresholds import Outcomes, build_score_curves
from src.utils.errors import UserError
from src.utils.safe_io import shown_list

logger = logging.getLogger(__name__)
PROTOCOLS = ("reference", "coco")
# Score threshold and number of detections of an image, all classes together, of the protocol "coco": those of the SSD
# paper (W. Liu et al. 2016, section on inference time), with which torchvision evaluates its SSD as well.
COCO_MIN_SCORE = 0.01
COCO_MAX_DETECTIONS = 200
_MAX_NAMES = 5


class COCOMetrics:
    """COCO metrics of a detector under one or several protocols, from the same predictions.

    - `reference`: images with a crowd annotation, or without a box of a known class, are left out; detections have a
      score above `nms.min_score`.
    - `coco`: all images; detections have a score above `coco_min_score`, at most `COCO_MAX_DETECTIONS` an image.

    Both compare with the boxes as they stand in the annotation file. Categories that are no class of the detector are
    left out. An image that is never given to `update` counts as one without detections.

    What is stored are detections, not the arrays of the network.

    Args:
        annotation_file: COCO json file with the ground truth.
        classes: class names, index = label, index 0 is the background.
        nms: limits of non-maximum suppression; its `min_score` is that of the protocol `reference`.
        protocol: the protocol whose number is `EvalResult.map`.
        protocols: which ones are computed; each costs the time of one COCO evaluation.
        image_ids: only these images of the file take part; None for all of them.
        drop: False if the protocol `reference` shall leave out no image.
        coco_min_score: detections of the protocol `coco` have a score above it.
        images_are: what the images are, for the results.
        target_precision, target_recall: also look for the confidence thresholds that reach them; 0 for none.

    Raises:
        UserError: the annotation file is not one, or `protocol` finds no ground truth in it.
    """

    def __init__(
        self, annotation_file: Path | str, classes: Sequence[str], nms: NMSConfig | None = None,
        protocol: str = "reference", protocols: Sequence[str] = PROTOCOLS, image_ids: Iterable[int] | None = None,
        drop: bool = True, coco_min_score: float = COCO_MIN_SCORE, images_are: str = "images",
        target_precision: float = 0.0, target_recall: float = 0.0,
    ) -> None:
        for name in (protocol, *protocols):
            if name not in PROTOCOLS:
                raise UserError(f"unknown evaluation protocol {name!r}, expected one of: {', '.join(PROTOCOLS)}")
        self._annotation_file, self._images_are = str(annotation_file), images_are
        self._classes = tuple(classes)
        self._nms = nms or NMSConfig()
        self._protocol, self._drop, self._coco_min_score = protocol, drop, float(coco_min_score)
        self._target_precision, self._target_recall = float(target_precision), float(target_recall)
        self._ground_truth = read_ground_truth(annotation_file, self._classes)
        self._absent_labels = [label for label in range(1, len(classes))
                               if label not in self._ground_truth.category_ids]
        self._images = {
            name: self._images_of(name, image_ids) for name in PROTOCOLS if name == protocol or name in protocols
        }
        self._check_any_ground_truth()
        self._tell_of_many_objects()
        # By image id: boxes, scores, labels, and whether the protocol coco counts the detection.
        self._detections: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None] = {}

    @property
    def num_classes(self) -> int:
        """Number of classes with the background: the last dimension of the scores of `AnchorPredictions`."""
        return len(self._classes)

    def clear(self) -> None:
        """Forgets all that was added."""
        self._detections.clear()

    def check_images(self, image_ids: Iterable[int]) -> None:
        """Checks, before anything is predicted, that the images of these ids can be evaluated.

        Raises:
            UserError: one of them is not in the annotation file, or `protocol` counts none of them.
        """
        given = set(image_ids)
        for image_id in given:
            self._check_known(image_id)
        self._check_any_ground_truth(given)

    def update(
        self, predictions: Sequence[Predictions], image_ids: Sequence[int] | np.ndarray,
        image_shapes: Sequence[Sequence[int]] | np.ndarray,
    ) -> None:
        """Adds the predictions for a batch of images.

        Args:
            predictions: of each image.
            image_ids: (B,) as in the annotation file.
            image_shapes: (B, 2) height and width of the original images, pixels.

        Raises:
            UserError: the shapes do not fit each other or the classes, a number is not finite, an image is not in the
                annotation file or has been added before.
        """
        ids = [int(image_id) for image_id in np.asarray(image_ids).reshape(-1)]
        shapes = np.asarray(image_shapes)
        if shapes.shape != (len(ids), 2) or len(predictions) != len(ids):
            raise UserError(f"{len(predictions)} predictions and image shapes {shapes.shape} for {len(ids)} images, "
                            f"expected {len(ids)} and ({len(ids)}, 2): height and width of each")
        for one, image_id, image_shape in zip(predictions, ids, shapes):
            self._add(one, image_id, image_shape)

    def get_metrics(self) -> EvalResult:
        """The numbers of all that was added so far, as an `EvalResult`."""
        detections = {name: self._detections_of(name) for name in self._images}
        return EvalResult(
            protocol=self._protocol,
            protocols={name: self._evaluate(name, detections[name]) for name in self._images},
            detections=detections[self._protocol],
            settings={
                "annotation_file": self._annotation_file,
                "images": self._images_are,
                **asdict(self._nms),
                "drop": self._drop,
                "coco_min_score": self._coco_min_score,
                "coco_max_detections": COCO_MAX_DETECTIONS,
                "target_precision": self._target_precision,
                "target_recall": self._target_recall,
            },
        )

    def _images_of(self, protocol: str, image_ids: Iterable[int] | None) -> dict[int, None]:
        """The ids of the images that a protocol evaluates, as a dictionary with empty values: ordered and quick."""
        images = dict.fromkeys(self._ground_truth.images)
        if image_ids is not None:
            chosen = {int(image_id) for image_id in image_ids}
            if not chosen <= images.keys():
                raise UserError(f"images {shown_list(sorted(chosen - images.keys()), _MAX_NAMES)} are not in "
                                f"{self._annotation_file}, expected ids of its images")
            images = dict.fromkeys(image_id for image_id in images if image_id in chosen)
        if protocol == "reference" and self._drop:
            images = dict.fromkeys(image_id for image_id in self._ground_truth.clean_images if image_id in images)
        return images

    def _check_any_ground_truth(self, given: Collection[int] | None = None) -> None:
        """Raises `UserError` where the protocol counts no object, in the images `given` if these are not all."""
        images = self._images[self._protocol]
        if any(box["image_id"] in images and (given is None or box["image_id"] in given) and not box["iscrowd"]
               for box in self._ground_truth.boxes):
            return
        hint = where = ""
        if self._protocol == "reference":
            hint = "; images with a crowd annotation or without a known class do not count (eval_protocol coco " \
                   "counts all images)"
        if given is not None and len(given) < len(self._ground_truth.images):
            where = f", in the {len(given)} of its {len(self._ground_truth.images)} images that can be used,"
        raise UserError(f"{self._annotation_file} has no ground truth{where} under the protocol {self._protocol!r} "
                        f"for the classes {shown_list(self._classes[1:])}{hint}")

    def _tell_of_many_objects(self) -> None:
        """Warns of images with more objects than detections are counted."""
        limits = {f"{MAX_DETECTIONS[-1]} of a class": (MAX_DETECTIONS[-1], "category_id")}
        if self._protocol == "coco":
            limits[f"{COCO_MAX_DETECTIONS} in all"] = (COCO_MAX_DETECTIONS, "image_id")
        crowded = set()
        for most, kind in limits.values():
            objects = Counter((box["image_id"], box[kind]) for box in self._ground_truth.boxes if not box["iscrowd"])
            crowded |= {image_id for (image_id, _), count in objects.items() if count > most}
        names = [self._ground_truth.images[image_id] for image_id in self._images[self._protocol]
                 if image_id in crowded]
        if names:
            logger.warning("%d images have more objects than the protocol %s counts detections of an image (%s), so AP "
                           "and recall stay low even where all are found: %s", len(names), self._protocol,
                           ", ".join(limits), shown_list(names, _MAX_NAMES))

    def _check_known(self, image_id: int) -> None:
        if image_id not in self._ground_truth.images:
            raise UserError(f"image {image_id} is not in {self._annotation_file}: the data and the annotation file "
                            "belong to different datasets; build the data again or give the right file")

    def _add(self, predictions: Predictions, image_id: int, image_shape: np.ndarray) -> None:
        predictions.check(self.num_classes, where=f" for image {image_id}")
        self._check_known(image_id)
        if image_id in self._detections:
            raise UserError(f"image {image_id} was predicted twice: the data list it twice, or two evaluations share "
                            "one COCOMetrics")
        in_reference = image_id in self._images.get("reference", ())
        in_coco = image_id in self._images.get("coco", ())
        if not in_reference and not in_coco:
            self._detections[image_id] = None
            return
        if self._absent_labels:
            predictions = predictions.without(self._absent_labels)

        # One NMS from the lowest threshold is enough: above a higher one it keeps the same as an NMS from there.
        found_boxes, found_scores, labels = predictions.select(
            image_shape,
            replace(self._nms, min_score=min([self._nms.min_score] * in_reference + [self._coco_min_score] * in_coco)),
            max_detections=COCO_MAX_DETECTIONS if in_coco else None,
            always_above=self._nms.min_score if in_reference else None,
        )
        best = np.zeros(len(found_scores), bool)
        best[np.argsort(-found_scores, kind="stable")[:COCO_MAX_DETECTIONS]] = True
        counts_for_coco = best & (found_scores > self._coco_min_score)
        self._detections[image_id] = found_boxes, found_scores, labels.astype(np.int32), counts_for_coco

    def _detections_of(self, protocol: str) -> DetectionTable:
        parts = [DetectionTable(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4), np.float32),
                                np.zeros(0, np.float32))]
        categories = np.array([self._ground_truth.category_ids.get(label, -1) for label in range(self.num_classes)])
        for image_id, found in self._detections.items():
            if found is None or image_id not in self._images[protocol]:
                continue
            boxes, scores, labels, counts_for_coco = found
            counts = counts_for_coco if protocol == "coco" else scores > self._nms.min_score
            parts.append(DetectionTable(np.full(np.count_nonzero(counts), image_id, np.int64),
                                        categories[labels[counts]], boxes[counts], scores[counts]))
        return DetectionTable.join(parts)

    def _evaluate(self, protocol: str, detections: DetectionTable) -> ProtocolResult:
        images = self._images[protocol]
        missing = [image_id for image_id in images if image_id not in self._detections]
        if missing:
            names = [f"{image_id} ({self._ground_truth.images[image_id]})" for image_id in missing]
            logger.warning("protocol %s: %d of %d images were not predicted and count as without detections: %s",
                           protocol, len(missing), len(images), shown_list(names, _MAX_NAMES))
        ground_truth = [box for box in self._ground_truth.boxes if box["image_id"] in images]
        category_ids = sorted(self._ground_truth.category_ids.values())
        numbers = coco_evaluation(ground_truth, detections, category_ids)
        outcomes = dict(zip(category_ids, numbers.outcomes))
        labels = self._ground_truth.category_ids
        precision = np.full((*numbers.precision.shape[:2], self.num_classes - 1), -1.0)
        num_boxes = np.zeros(self.num_classes - 1, int)
        counts = Counter(box["category_id"] for box in ground_truth if not box["iscrowd"])
        for label, category_id in labels.items():
            precision[:, :, label - 1] = numbers.precision[:, :, category_ids.index(category_id)]
            num_boxes[label - 1] = counts[category_id]
        return ProtocolResult(
            protocol=protocol,
            description=self._describe(protocol, len(images)),
            stats=numbers.stats,
            classes=tuple(map(_class_result, self._classes[1:], np.moveaxis(precision, 2, 0), num_boxes.tolist())),
            precision=precision,
            curves=build_score_curves([self._classes[label] for label in sorted(labels)],
                                      [outcomes[labels[label]] for label in sorted(labels)],
                                      self._coco_min_score if protocol == "coco" else self._nms.min_score),
            num_images=len(images),
            num_missing=len(missing),
            num_detections=len(detections),
        )

    def _describe(self, protocol: str, num_images: int) -> str:
        images = f"{num_images} of {len(self._ground_truth.images)} {self._images_are}"
        if protocol == "coco":
            return f"{images}, scores above {self._coco_min_score}, at most {COCO_MAX_DETECTIONS} detections an image"
        dropped = ", without those with a crowd annotation or no box of a known class" if self._drop else ""
        return f"{images}{dropped}, scores above {self._nms.min_score}"


class CocoNumbers(NamedTuple):
    """The COCO metrics of boxes; -1 where there is no ground truth.

    Attributes:
        stats: twelve numbers, see `COCO_NUMBERS`.
        precision: (10, 101, K) at IoU 0.50, 0.55, ... 0.95, recall 0, 0.01, ... 1, of the K categories; areas of all
            sizes, 100 detections.
        outcomes: of the detections of each category.
    """

    stats: tuple[float, ...]
    precision: np.ndarray
    outcomes: tuple[Outcomes, ...]


def coco_evaluation(
    ground_truth: Iterable[Annotation], detections: DetectionTable, category_ids: Sequence[int]
) -> CocoNumbers:
    """The COCO metrics of boxes, to the last digit those of pycocotools.

    Args:
        ground_truth: COCO annotations of the images to evaluate, see `GroundTruth.boxes`.
        detections: `DetectionTable` on these images.
        category_ids: the categories to evaluate, ascending; all of `ground_truth` and `detections` are among them.
    """
    boxes_of: dict[int, list[Annotation]] = {category_id: [] for category_id in category_ids}
    for box in ground_truth:
        boxes_of[box["category_id"]].append(box)
    order = np.argsort(detections.category_ids, kind="stable")
    ends = np.searchsorted(detections.category_ids[order], category_ids, side="right")
    starts = np.searchsorted(detections.category_ids[order], category_ids, side="left")

    precisions, recalls, outcomes = zip(*(
        evaluate_category(boxes_of[category_id], detections.subset(order[start:end]))
        for category_id, start, end in zip(category_ids, starts, ends)
    ))
    evaluation = COCOeval(iouType="bbox")
    evaluation.eval = {"precision": np.stack(precisions, axis=2), "recall": np.stack(recalls, axis=1)}
    with contextlib.redirect_stdout(io.StringIO()) as printed:  # summarize() prints
        evaluation.summarize()
    logger.debug("%s", printed.getvalue())
    return CocoNumbers(tuple(float(number) for number in evaluation.stats),
                       evaluation.eval["precision"][:, :, :, 0, -1], outcomes)


def _class_result(name: str, precision: np.ndarray, num_boxes: int) -> ClassResult:
    """The numbers of a class from its (10, 101) precision."""
    return ClassResult(name, _mean_precision(precision), _mean_precision(precision[0]), _mean_precision(precision[5]),
                       num_boxes)


def _mean_precision(precision: np.ndarray) -> float | None:
    """Mean of the entries that are not -1 (no ground truth), None without such entries."""
    valid = precision[precision > -1]
    return float(valid.mean()) if valid.size else None
