"""Annotations as a text file: one image a line, `path xmin,ymin,xmax,ymax,class ...`."""
from src.dataset.annotations import FOREIGN_IMAGE, ImageRecord, box_array
from src.dataset.paths import path_below
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_file, shown

MOST_TEXT = 1024 * MEGABYTE


def parse_box(token):
    """`"xmin,ymin,xmax,ymax,class"` -> `[ymin, xmin, ymax, xmax, class]`, all integers.

    Raises:
        ValueError: not five fields, or a field that is not an integer.
    """
    fields = token.split(",")
    if len(fields) != 5:
        raise ValueError(f"{len(fields)} fields instead of 5")
    xmin, ymin, xmax, ymax, label = (int(field) for field in fields)
    return [ymin, xmin, ymax, xmax, label]


def read_txt(annotation_file, image_dir, report):
    """Records of all lines, also of images that do not exist, without those outside `image_dir`.

    The parts of a line are separated by blanks or tabs; empty lines and lines that begin with `#` are passed over. The
    image id is the number of the line, beginning at 0 and counting every line. The class is the label: an index into
    the list of classes, where 0 is the background.

    Raises:
        UserError: the file cannot be read, or a part of a line is not five integers.
    """
    try:
        lines = read_file(annotation_file, MOST_TEXT).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{annotation_file} cannot be read as UTF-8 text: {error}") from error
    records = []
    for index, line in enumerate(lines):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        rows = []
        for token in parts[1:]:
            try:
                rows.append(parse_box(token))
            except ValueError as error:
                raise UserError(
                    f"{annotation_file}, line {index + 1}: '{shown(token)}' is not a box ({shown(error)}). Expected is "
                    "'path xmin,ymin,xmax,ymax,class ...' with integers, no blank inside a box or a path.") from error
            report.classes[rows[-1][4]] += 1
        try:
            records.append(ImageRecord(index, path_below(image_dir, parts[0]), box_array(rows)))
        except ValueError as error:
            report.add(FOREIGN_IMAGE, f"line {index + 1}: {error}")
    return records
