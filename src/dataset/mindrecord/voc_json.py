"""The ground truth that was made of VOC annotations, as a COCO json in the dataset (key `voc_json`)."""
import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any

from src.utils.errors import UserError
from src.utils.files import write_json
from src.utils.safe_io import read_json

logger = logging.getLogger(__name__)
DIGEST = "sha256"
# The first bytes of a copy.
BEGINS_AS_COPY = re.compile(rb'\s*\{\s*"info"\s*:\s*\{\s*"sha256"')


def save_voc_json(ground_truth_file: Path | str, path: Path) -> None:
    """Copies the ground truth to `path`. A file that is no such copy stays as it is; nothing depends on it.

    In `info`, the copy has a digest of the rest: what was changed since is no copy either.
    """
    content = read_json(ground_truth_file)
    if path.exists():
        found = _read(path)
        if found is None:
            logger.warning("voc_json: %s was not made by this program, or changed since, and stays as it is; the "
                           "ground truth is %s", path, ground_truth_file)
        if found is None or found == content:
            return
    try:
        write_json(path, {"info": {DIGEST: _digest(content)}, **content}, indent=None)
    except UserError as error:
        logger.info("voc_json: %s; the ground truth is %s", error, ground_truth_file)


def _read(path: Path) -> dict[str, Any] | None:
    """What was copied to `path`; None if the file is no copy as it was made."""
    try:
        content = read_json(path)
        digest = content.pop("info")[DIGEST]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None
    return content if digest == _digest(content) else None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
