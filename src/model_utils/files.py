"""Files that are written whole or not at all."""
import contextlib
import json
import os
from pathlib import Path


@contextlib.contextmanager
def whole_file(path):
    """Context manager: gives a temporary path beside `path`; renames it to `path` when the block ends well.

    The temporary name has the same suffix. The file is flushed to disk before the rename, so a kill or a full disk
    leaves the previous file untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield part
        with open(part, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path, value, indent=2):
    """Writes `value` as UTF-8 json, whole or not at all."""
    with whole_file(path) as part, open(part, "w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=indent, ensure_ascii=False)
        stream.write("\n")
