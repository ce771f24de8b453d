"""The names of the classes that `classes: auto` stands for."""
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from src.dataset.annotations import Report
from src.dataset.formats.label_names import names_of_labels
from src.dataset.formats.open_classes import BACKGROUND
from src.dataset.found_file import FoundFile
from src.dataset.sources import annotation_format, find_source
from src.utils.class_names import is_background
from src.utils.errors import UserError
from src.utils.safe_io import shown, shown_list


def with_class_names(config: Any, report: Report | None = None) -> Any:
    """The configuration with class names in place of `classes: auto`; without `auto`, the same configuration.

    They are the names in the training annotations, sorted; for a format that has labels only, see `names_of_labels`.

    Args:
        report: of the training annotations, where they were read already.

    Raises:
        UserError: the annotations name no class, or one that is called like the background.
    """
    if not config.is_auto("classes"):
        return config
    source = find_source(dataclasses.replace(config, classes=(BACKGROUND,), val_share=0.0), is_training=True)
    kept = FoundFile(config)
    if report is None and (found := kept.counts(source)):
        report = found[1]
    if report is None:
        report = Report()
        kept.keep_counts(source, len(source.read(report)), report)
    if annotation_format(config).names_classes:
        names = sorted(name for name in report.classes if name)
        _check_no_background(names, report, source.image_dir)
    else:
        names = names_of_labels(source.annotation_files[0], report.classes)
    if not names:
        left_out = report.summary(examples=2)
        raise UserError(f"classes: auto, but no class is named in the annotations of {source.image_dir}"
                        + (f"; left out: {left_out}" if left_out else ""))
    return dataclasses.replace(config, classes=(BACKGROUND, *names), num_classes=len(names) + 1)


def _check_no_background(names: Sequence[str], report: Report, image_dir: Path) -> None:
    for name in filter(is_background, names):
        others = ",".join(other for other in names if not is_background(other))
        raise UserError(f"classes: auto, but the annotations of {image_dir} have {report.classes[name]} boxes of a "
                        f"class called '{shown(name)}'. The background is where there is no object, and has no boxes: "
                        f"rename or delete them, or leave them out with --classes={BACKGROUND},{shown(others)}. "
                        f"Classes found: {shown_list(names)}.")
