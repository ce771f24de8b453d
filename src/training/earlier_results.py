"""Results of an earlier run in the same output folder, which a run keeps under a number."""
from collections.abc import Callable
from pathlib import Path
from typing import Any

from src.training.resume import RUN_FILE
from src.utils.files import write_json
from src.utils.safe_io import read_json

OWN_FILES = "own files"


def keep_earlier_once(path: Path, keep: Callable[[Path], Any], checkpoints: Path) -> None:
    """Calls `keep(path)`, unless the run has a file of its own there. To be called before the run writes it.

    The note `run.json` says which files are its own, also to the process that resumes it.

    Args:
        path: a result of the run.
        keep: renames the file of an earlier run, if there is one.
        checkpoints: folder of the checkpoints, with the note.
    """
    note = _read_note(checkpoints / RUN_FILE)
    own = note.get(OWN_FILES, [])
    if path.name in own:
        return
    keep(path)
    # After the renaming, and before the run writes: a kill in between renames no file of the run itself.
    write_json(checkpoints / RUN_FILE, {**note, OWN_FILES: [*own, path.name]})


def _read_note(path: Path) -> dict[str, Any]:
    """The note of a run; empty where there is none that can be read."""
    try:
        note = read_json(path)
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) and isinstance(note.get(OWN_FILES, []), list) else {}
