"""The folder of the detections of one run, which holds nothing else."""
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from src.inference.inputs import Input
from src.utils.errors import UserError
from src.utils.files import PART, is_another_process, keep_earlier
from src.utils.safe_io import shown, shown_list

logger = logging.getLogger(__name__)
LIST_NAME, CROPS_FOLDER = "detections", "crops"
# Of detections as annotations.
DATASET_FOLDER, UNCERTAIN_FOLDER, UNCERTAIN_LIST = "dataset", "uncertain", "uncertain.csv"
FOLDERS = (CROPS_FOLDER, DATASET_FOLDER, UNCERTAIN_FOLDER)
_SHOWN_NAMES = 5
LIST_SUFFIXES, PICTURE_SUFFIXES = (".json", ".csv"), (".jpg", ".mp4")
# What a run of detections shows while it runs, or leaves behind when it is killed.
_UNFINISHED = re.compile(rf"{re.escape(PART)}(\d+)-{LIST_NAME}\.(json|csv)")


def free_output_folder(folder: Path | str, inputs: Sequence[Input], has_annotations: bool = False) -> None:
    """Makes a place for the files of a run, without loss of what is there.

    A folder that holds the files of an earlier run, and nothing else, is renamed to a number.

    Args:
        folder: where the files come.
        inputs: of the run.
        has_annotations: it also writes its detections as annotations.

    Raises:
        UserError: inputs lie in the folder, another run writes to it, or it has other files of the same names.
    """
    folder = Path(folder).resolve()
    for source in (item.source for item in inputs if isinstance(item.source, Path)):
        place = source.parent.resolve()
        if place == folder or any(place.is_relative_to(folder / name) for name in FOLDERS):
            raise UserError(f"--output: the input {shown(source)} lies in {shown(folder)}, where the pictures of its "
                            "detections would be written; name a folder for them alone, such as "
                            f"--output={shown(folder.name)}-found")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"--output: {shown(folder)} is a file; name a folder")
    names = [entry.name for entry in folder.iterdir()]
    unfinished = [match for match in map(_UNFINISHED.fullmatch, names) if match]
    for process in (match[1] for match in unfinished):
        if is_another_process(process):
            raise UserError(f"--output: another run, process {process}, writes to {shown(folder)}; wait for its end, "
                            "or name another folder")
    lists = [f"{LIST_NAME}{suffix}" for suffix in LIST_SUFFIXES]
    has_earlier = bool(unfinished or set(names) & set(lists))
    if has_earlier and all(map(_is_of_a_run, folder.iterdir())) and not Path.cwd().is_relative_to(folder):
        logger.info("the results of an earlier run are kept: %s", keep_earlier(folder))
        folder.mkdir()
        return
    annotations = {DATASET_FOLDER, UNCERTAIN_FOLDER, UNCERTAIN_LIST} if has_annotations else set()
    pictures = {f"{item.name}{PICTURE_SUFFIXES[not item.is_image]}" for item in inputs}
    written = {*lists, *annotations, *pictures, CROPS_FOLDER}
    if unfinished or written & set(names):
        there = ", ".join(map(shown, sorted(written & set(names)))) or "an unfinished list of detections"
        raise UserError(f"--output: {shown(folder)} already has {there}, which this run would replace or mix with its "
                        "own; name another folder")
    strange = [] if has_earlier else sorted(name for name in names if name.lower().endswith(PICTURE_SUFFIXES))
    if strange:
        raise UserError(f"--output: {shown(folder)} has pictures that no run of detections wrote, "
                        f"{shown_list(strange, _SHOWN_NAMES)}; name another folder")


def _is_of_a_run(path: Path) -> bool:
    if path.is_dir():
        return path.name in FOLDERS
    return path.name.startswith(PART) or path.suffix in PICTURE_SUFFIXES or path.name == UNCERTAIN_LIST or (
        path.stem == LIST_NAME and path.suffix in LIST_SUFFIXES)
