"""What MindRecord files were made from, stored beside them, and whether they are up to date.

The manifest `<prefix>.json` is the last file that a conversion writes. Without it, or with one that says otherwise, the
files are not used.
"""
import contextlib
import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from src.dataset.annotations import (
    NO_BOXES,
    ROTATED_IMAGE,
    TURNED_SIZE,
    TURNED_UPRIGHT,
    TURNED_WITH_BOXES,
    AnnotationSource,
)
from src.utils.errors import UserError
from src.utils.files import file_digest
from src.utils.safe_io import read_json, reason_of_reading

FORMAT = "ssd-mindrecord"
# Raise it whenever the same sources would give other records. Records whose sources are gone are used whatever it is.
VERSION = 3
OTHER_FOLDER = "Set --mindrecord_dir to another folder."
MANIFEST_KEYS = ("dataset", "classes", "truth", "options", "files", "annotations", "images", "num_images", "report")


# Reasons of the report that tell of images whose EXIF data ask for a rotation.
_ROTATIONS = (ROTATED_IMAGE, TURNED_SIZE, TURNED_UPRIGHT, TURNED_WITH_BOXES)
# What earlier versions did that had no such option.
_EARLIER_OPTIONS = {"upright": False, "keep_empty": False}


def relative_names(paths: Iterable[Path | str], folder: Path | str) -> list[str]:
    """Names of files relative to a folder; the whole path where there is no such name (another drive)."""
    start = os.path.join(os.path.abspath(folder), "")
    names = []
    for path in map(os.path.abspath, paths):
        try:
            names.append(path[len(start):] if path.startswith(start) else os.path.relpath(path, start))
        except ValueError:
            names.append(path)
    return names if os.sep == "/" else [Path(name).as_posix() for name in names]


def fingerprint(folder: Path | str, names: Iterable[str], describe: Callable[[str], object]) -> str:
    """Digest over names of files below `folder`, which need not exist, and what `describe` says of each path."""
    digest = hashlib.sha256()
    for name in names:
        try:
            state = describe(os.path.join(folder, name))
        except (OSError, ValueError):  # ValueError: what cannot be a name
            state = "missing"
        digest.update(f"{name}\n{state}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _size_and_time(path: str) -> str:
    status = os.stat(path)
    return f"{status.st_size} {status.st_mtime_ns}"


def _all_times(path: str) -> str:
    """Also the time that no program can set, of the last change of content, times or rights."""
    status = os.stat(path)
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def describe_annotations(source: AnnotationSource) -> dict[str, Any]:
    """The annotation files of a source as plain values, without their content."""
    folder, names = _annotation_names(source)
    files = source.annotation_files
    return {"path": str(files[0] if len(files) == 1 else folder), "count": len(files), "part": source.part,
            "state": fingerprint(folder, names, _all_times)}


def digest_annotations(source: AnnotationSource) -> str:
    """Digest over names and contents of the annotation files of a source."""
    return fingerprint(*_annotation_names(source), file_digest)


def _annotation_names(source: AnnotationSource) -> tuple[Path, list[str]]:
    files = source.annotation_files
    folder = Path(files[0]).parent if files else source.image_dir
    return folder, relative_names(files, folder)


def describe_images(image_dir: Path, paths: Iterable[str]) -> dict[str, Any]:
    """The images of a source as plain values; `paths` are absolute or relative to `image_dir`.

    They are not read: size and time of each have to do.
    """
    names = relative_names((os.path.join(image_dir, path) for path in paths), image_dir)
    return {"path": str(image_dir), "count": len(names), "names": names,
            "digest": fingerprint(image_dir, names, _size_and_time)}


def count_common_images(manifest: dict[str, Any], other: dict[str, Any]) -> int:
    """Number of image files that two sets of MindRecord files were made from."""
    paths = ({os.path.normpath(os.path.join(one["images"]["path"], name)) for name in one["images"]["names"]}
             for one in (manifest, other))
    return len(set.intersection(*paths))


def manifest_path(folder: Path, prefix: str) -> Path:
    return folder / f"{prefix}.json"


def record_files(folder: Path, prefix: str) -> list[Path]:
    """MindRecord files of that prefix and their indexes, whatever made them; sorted."""
    pattern = re.compile(re.escape(prefix) + r"\d*(\.db)?$")
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if pattern.match(path.name) and path.is_file())


def lacks_manifest(folder: Path, prefix: str) -> bool:
    """Whether there are MindRecord files, and nothing that this program wrote with them."""
    return bool(record_files(folder, prefix)) and not os.path.lexists(manifest_path(folder, prefix))


def read_manifest(folder: Path, prefix: str) -> dict[str, Any] | None:
    """The manifest; None when there is none.

    Raises:
        UserError: it cannot be read, or this program did not write it.
    """
    path = manifest_path(folder, prefix)
    try:
        manifest = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise UserError(_closed(path)) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({reason_of_reading(error)}), so it is not known what the MindRecord "
                        f"files beside it hold. {OTHER_FOLDER}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise UserError(f"{path} is not a manifest of this program. {OTHER_FOLDER}")
    return manifest


def sources_of(first_file: Path | str) -> dict[str, str]:
    """Digests of the `annotations` and `images` that MindRecord files were made from; nothing where it is not known."""
    path = Path(first_file)
    manifest = read_manifest(path.parent, path.name[:-1]) or {}
    return {name: manifest[name]["digest"] for name in ("annotations", "images") if name in manifest}


def _closed(path: Path) -> str:
    return (f"{path} cannot be read: permission denied. Ask its owner for the right to read all files of "
            f"{path.parent}, or set --mindrecord_dir to another folder.")


def require_readable(paths: Iterable[Path]) -> None:
    """Raises `UserError` if a file is there and its rights do not allow to read it."""
    for path in paths:
        if path.exists() and not os.access(path, os.R_OK):
            raise UserError(_closed(path))


def find_damaged_index(files: Iterable[Path]) -> str | None:
    """What is wrong with the indexes among MindRecord files, which are SQLite databases; None when all is well."""
    for path in files:
        if path.suffix == ".db":
            try:
                with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as index:
                    found = index.execute("PRAGMA quick_check").fetchone()[0]
            except sqlite3.Error as error:
                found = str(error)
            if found != "ok":
                return f"the index {path.name} is damaged ({found})"
    return None


def find_damage(manifest: dict[str, Any], folder: Path) -> str | None:
    """Why the files of a manifest cannot be used, whatever the sources; None when all is well.

    Raises:
        UserError: a file must not be read.
    """
    if not manifest.get("complete"):
        return "an earlier conversion was not finished"
    lacking = [key for key in MANIFEST_KEYS if key not in manifest]
    if lacking:
        return f"the manifest lacks {', '.join(lacking)}"
    for name, size in manifest["files"].items():
        try:
            found = os.stat(folder / name).st_size
        except OSError:
            return f"{name} is missing"
        if found != size:
            return f"{name} has {found} bytes instead of {size}"
    require_readable(folder / name for name in manifest["files"])
    return find_damaged_index(folder / name for name in manifest["files"])


def options_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """The options that the files were made with; those of evaluation are fewer."""
    known = {name: value for name, value in _EARLIER_OPTIONS.items()
             if name != "keep_empty" or manifest.get("purpose") == "training"}
    return {**known, **manifest["options"]}


def _options_for(manifest: dict[str, Any], needed: dict[str, Any]) -> dict[str, Any]:
    """As `options_of`, with the needed value of those that make no difference to these images."""
    left_out = manifest["report"]["left_out"]
    same = set() if any(reason in left_out for reason in _ROTATIONS) else {"upright"}
    if NO_BOXES not in left_out and not manifest.get("num_empty"):
        same.add("keep_empty")
    return {**options_of(manifest), **{name: needed[name] for name in same if name in needed}}


def find_difference(manifest: dict[str, Any], needed: dict[str, Any], source: AnnotationSource | None = None
                    ) -> str | None:
    """What differs between a manifest and what is needed now, as text; None when they agree.

    Args:
        needed: `dataset`, `classes`, `truth` and `options` of the manifest that is needed.
        source: None leaves out the comparison of files.
    """
    for key, what in (("dataset", "dataset"), ("classes", "the classes"), ("options", "the options"),
                      ("truth", "a ground truth file called")):
        found = _options_for(manifest, needed[key]) if key == "options" else manifest[key]
        if found != needed[key]:
            return f"made with {what} {found}, now {needed[key]}"
    if source is None:
        return None
    if manifest.get("version") != VERSION:
        return f"made by version {manifest.get('version')} of the readers, now {VERSION}"
    for entry, now in (("annotations", describe_annotations(source)),
                       ("images", describe_images(source.image_dir, manifest["images"]["names"]))):
        made_from = manifest[entry]
        if made_from["path"] != now["path"]:
            return f"made from {entry} in {made_from['path']}, now {now['path']}"
        if made_from.get("part", "") != now.get("part", ""):
            return f"made from {made_from.get('part') or 'all images'}, now from {now['part'] or 'all images'}"
        if made_from["count"] != now["count"]:
            return f"made from {made_from['count']} files of {entry}, now {now['count']}"
        if entry == "annotations":
            # The times tell that nothing was touched; if something was, the content decides. Windows has no such time.
            untouched = os.name != "nt" and made_from["state"] == now["state"]
            changed = not untouched and made_from["digest"] != digest_annotations(source)
        else:
            changed = made_from["digest"] != now["digest"]
        if changed:
            return f"{entry} in {now['path']} have changed since"
    return None
