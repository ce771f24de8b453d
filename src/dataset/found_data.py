"""What is found in the folder that the key `data` names, told in one line."""
import dataclasses
import logging
from collections.abc import Collection
from typing import Any

from src.dataset.annotations import EVALUATION, TEST, TRAINING, AnnotationSource, Report
from src.dataset.class_names import BACKGROUND, with_class_names
from src.dataset.found_file import FoundFile
from src.dataset.sources import find_parts
from src.utils.safe_io import shown

logger = logging.getLogger(__name__)


def with_found_data(config: Any, class_names_of: Collection[str] = (TRAINING,)) -> Any:
    """The configuration with the format in place of `dataset: auto`, and class names in place of `classes: auto`.

    Args:
        config: the configuration.
        class_names_of: purposes of the parts whose classes are named.

    Raises:
        UserError: as `find_parts` and `with_class_names`.
    """
    if not config.data:
        return with_class_names(config)
    form, parts = find_parts(dataclasses.replace(config, classes=(BACKGROUND,)))
    kept = FoundFile(config)
    reports, texts = {}, []
    for purpose in (TRAINING, EVALUATION, TEST):
        if purpose in parts:
            num_images, reports[purpose] = _count(parts[purpose], kept)
            texts.append(f"for {purpose} {num_images} images with {reports[purpose].classes.total()} boxes")
    if not {EVALUATION, TEST} & parts.keys():
        texts.append(f"val_share {config.val_share:g} holds out training images for {EVALUATION}"
                     if config.val_share else f"nothing for {EVALUATION}")
    elif {EVALUATION, TEST} <= parts.keys():
        texts[-1] += ", not used"
    logger.info("data: %s in %s: %s", form.name, shown(config.data), "; ".join(texts))
    named = [reports[purpose] for purpose in class_names_of if purpose in reports]
    together = Report()
    for report in named:
        together.include(report)
    return with_class_names(dataclasses.replace(config, dataset=form.kind), together if named else None)


def _count(source: AnnotationSource, kept: FoundFile) -> tuple[int, Report]:
    """Number of images, and a report that has counted the boxes of each class."""
    found = kept.counts(source)
    if found is None:
        report = Report()
        found = len(source.read(report)), report
        kept.keep_counts(source, *found)
    return found
