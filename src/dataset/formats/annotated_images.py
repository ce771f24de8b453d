"""Exports of annotation programs: which files of a folder are theirs, and the images that these name."""
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from src.dataset.annotations import (
    FOREIGN_IMAGE,
    IN_OTHER_PART,
    SEVERAL_FILES,
    TRAINING,
    AnnotationSource,
    ImageRecord,
    Report,
)
from src.dataset.file_names import readable_files_below
from src.dataset.formats.image_ids import assign_ids, unique_names
from src.dataset.formats.image_matching import Claim, exact_files, match_files
from src.dataset.formats.part_names import purpose_of_export
from src.dataset.paths import path_below
from src.utils.errors import UserError
from src.utils.safe_io import decoded_head, open_file

# Files of a folder that are looked at to tell their format, and bytes of each.
MOST_FILES, MOST_BYTES = 10, 1 << 16
MOST_SIZE = 1 << 40
NOT_IMAGES = (".json", ".xml", ".txt")


class AnnotatedImage(NamedTuple):
    """An image as its annotations describe it.

    Attributes:
        names: what its file may be called, relative to the image folder, with `/`; the likeliest first.
        pixel_boxes: as in `ImageRecord`.
        size: (height, width) as annotated, or None.
        annotation_file: that it is from, where there are several.
        place: folder of that file, as in `Claim`.
        purpose: of the part that names the image, as in `Claim`.
    """

    names: tuple[str, ...]
    pixel_boxes: np.ndarray
    size: tuple[int, int] | None = None
    annotation_file: str = ""
    place: str = ""
    purpose: str = ""

    @property
    def claim(self) -> Claim:
        return Claim(self.names, self.place, self.purpose)


class Export(NamedTuple):
    """A file with annotations of many images, or those of its images that are in one part.

    Attributes:
        name: of the file, relative to the folder of the dataset.
        purpose: of the part that the file or its images name; empty where there is none.
        read: gives the images.
    """

    name: str
    purpose: str
    read: Callable[[Report], list[AnnotatedImage]]

    def images(self, report: Report) -> list[AnnotatedImage]:
        """The images; their names are looked for beside the file first."""
        place = self.name.rpartition("/")[0]
        return [image._replace(names=(*(f"{place}/{one}" for one in image.names if place), *image.names),
                               annotation_file=self.name, place=place, purpose=self.purpose)
                for image in self.read(report)]

    def claims(self) -> list[Claim]:
        """What the images are called; none where the file cannot be read, as the reader of its part says."""
        try:
            return [image.claim for image in self.images(Report())]
        except UserError:
            return []


def head(path: Path) -> bytes:
    """The beginning of a file that may be in some format, in UTF-8; empty where it cannot be read."""
    try:
        with open_file(path, MOST_SIZE) as stream:
            return decoded_head(stream.read(MOST_BYTES)).encode()
    except OSError:
        return b""


def export_files(folder: Path, suffix: str, is_one: Callable[[Path], bool]) -> list[str]:
    """Names of the files of a format in a folder and its sub-folders, relative to it.

    Args:
        suffix: of the files.
        is_one: whether a file has the format. Folders without one among their first files are left out; in others, all
            files are taken.

    Raises:
        UserError: a folder cannot be read.
    """
    names = sorted((PurePosixPath(name) for name in readable_files_below(folder) if name.lower().endswith(suffix)),
                   key=lambda name: (name.parent, name))
    found = []
    for _, group in itertools.groupby(names, key=lambda name: name.parent):
        beside = list(group)
        if any(is_one(folder / name) for name in beside[:MOST_FILES]):
            found += [str(name) for name in beside]
    return found


def file_sources(kind: str, folder: Path, names: Sequence[str],
                 read: Callable[[Path, Report], list[AnnotatedImage]]) -> dict[str, AnnotationSource]:
    """The sources of a format with many images in a file, by purpose. Names of files and folders say what they are for.

    Args:
        names: of the annotation files, relative to the folder; of those of one purpose, the newest last.
        read: gives the images of a file.
    """
    return export_sources(kind, folder, [Export(name, purpose_of_export(name), functools.partial(read, folder / name))
                                         for name in names])


def export_sources(kind: str, folder: Path, exports: Sequence[Export]) -> dict[str, AnnotationSource]:
    """Sources by purpose; what names no part is for training."""
    parts: dict[str, list[Export]] = {}
    for export in exports:
        parts.setdefault(export.purpose or TRAINING, []).append(export)
    return {purpose: _source(kind, folder, of_purpose, [one for one in exports if one not in of_purpose])
            for purpose, of_purpose in parts.items()}


def _source(kind: str, folder: Path, exports: Sequence[Export], others: Sequence[Export]) -> AnnotationSource:
    def claims_of_others() -> list[Claim]:
        return [claim for export in others for claim in export.claims()]

    def read_all(report: Report) -> list[ImageRecord]:
        images = [image for export in exports for image in export.images(report)]
        # An image of a file is in one part only.
        may_overlap = not {export.name for export in others} <= {export.name for export in exports}
        return records_of(images, folder, report, claims_of_others, may_overlap)

    files = list(dict.fromkeys(folder / export.name for export in exports))
    return AnnotationSource(kind, folder, files, read_all)


def no_claims() -> list[Claim]:
    """The claims of other parts where there is none."""
    return []


def records_of(images: Iterable[AnnotatedImage], folder: Path, report: Report,
               claims_of_others: Callable[[], list[Claim]] = no_claims, may_overlap: bool = True) -> list[ImageRecord]:
    """Records, sorted by the name of the file, also of images that do not exist, without those outside `folder`.

    Of several annotation files with the same image, such as two exports of one project, the last one counts. Images
    that name no part, and are in another one too, are left out.

    Args:
        folder: that the names are relative to.
        claims_of_others: what the other parts name; only called where it makes a difference.
        may_overlap: whether an image that names no part can be in another part.

    Raises:
        UserError: a folder cannot be read.
    """
    images = list(images)
    files = [name for name in readable_files_below(folder) if not name.lower().endswith(NOT_IMAGES)]
    found = []
    for image, file in _with_files(images, files, report, claims_of_others, may_overlap):
        try:
            found.append((image, file or _missing(folder, image.names[0])))
        except ValueError as error:
            report.add(FOREIGN_IMAGE, error)
    last_file = {name: image.annotation_file for image, name in found}
    for image, name in found:
        if image.annotation_file != last_file[name]:
            report.add(SEVERAL_FILES, f"{name}: {image.annotation_file}, {last_file[name]}")
    found = [(image, name) for image, name in found if image.annotation_file == last_file[name]]
    found.sort(key=lambda pair: pair[1])
    ids = assign_ids(unique_names([name for _, name in found]))
    return [ImageRecord(image_id, str(folder / name), image.pixel_boxes, image.size)
            for image_id, (image, name) in zip(ids, found)]


def _with_files(images: Sequence[AnnotatedImage], files: Sequence[str], report: Report,
                claims_of_others: Callable[[], list[Claim]], may_overlap: bool
                ) -> Iterator[tuple[AnnotatedImage, str | None]]:
    """The images, each with its file or None, without those that name no part and are in another one."""
    claims = [image.claim for image in images]
    found, in_parts = exact_files(claims, files), set[str | None]()
    if None in found or (may_overlap and not all(claim.purpose for claim in claims)):
        others = claims_of_others()
        found = match_files([*claims, *others], files)
        in_parts = {file for file, claim in zip(found[len(claims):], others) if claim.purpose} - {None}
    for image, file in zip(images, found):
        if file in in_parts and not image.purpose:
            report.add(IN_OTHER_PART, file)
        else:
            yield image, file


def _missing(folder: Path, name: str) -> str:
    """Where an image would be that is not there; errors as `path_below`."""
    return Path(path_below(folder, name)).relative_to(folder).as_posix()
