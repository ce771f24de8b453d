"""What MindRecord files were made from, stored beside them, and whether they are up to date.

The manifest `<prefix>.json` is the last file that a conversion writes. Without it, or with one that says otherwise, the
files are not used.
"""
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from src.dataset.annotations import AnnotationSource
from src.utils.errors import UserError

FORMAT = "ssd-mindrecord"
# Raise it whenever the same sources would give other records.
VERSION = 1
MANIFEST_KEYS = ("dataset", "classes", "truth", "files", "annotations", "images", "num_images", "report")


def relative_name(path: Path | str, folder: Path | str) -> str:
    """Name of a file relative to a folder; the whole path when there is no such name (another drive)."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return str(path)


def fingerprint(folder: Path | str, names: Iterable[str]) -> str:
    """Digest over names, sizes, and modification times of files below `folder`, which need not exist."""
    digest = hashlib.sha256()
    for name in names:
        try:
            status = os.stat(os.path.join(folder, name))
            state = f"{status.st_size} {status.st_mtime_ns}"
        except (OSError, ValueError):  # ValueError: what cannot be a name
            state = "missing"
        digest.update(f"{name}\n{state}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def describe_annotations(source: AnnotationSource) -> dict[str, Any]:
    """The annotation files of a source as plain values."""
    files = source.annotation_files
    folder = Path(files[0]).parent if files else source.image_dir
    entry: dict[str, Any] = {
        "path": str(files[0] if len(files) == 1 else folder),
        "count": len(files),
        "digest": fingerprint(folder, [relative_name(path, folder) for path in files]),
        "part": source.part,
    }
    if len(files) == 1:
        status = os.stat(files[0])
        entry.update(size=status.st_size, mtime_ns=status.st_mtime_ns)
    return entry


def describe_images(image_dir: Path, paths: Iterable[str]) -> dict[str, Any]:
    """The images of a source as plain values; `paths` are absolute or relative to `image_dir`."""
    names = [relative_name(os.path.join(image_dir, path), image_dir) for path in paths]
    return {"path": str(image_dir), "count": len(names), "names": names, "digest": fingerprint(image_dir, names)}


def manifest_path(folder: Path, prefix: str) -> Path:
    return folder / f"{prefix}.json"


def record_files(folder: Path, prefix: str) -> list[Path]:
    """MindRecord files of that prefix and their indexes, whatever made them; sorted."""
    pattern = re.compile(re.escape(prefix) + r"\d*(\.db)?$")
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if pattern.match(path.name) and path.is_file())


def read_manifest(folder: Path, prefix: str) -> dict[str, Any] | None:
    """The manifest; None when there are neither manifest nor MindRecord files.

    Raises:
        UserError: files that this program did not make, or made in a way it does not know.
    """
    path = manifest_path(folder, prefix)
    remedy = "Delete them, or set --mindrecord_dir to another folder."
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        files = record_files(folder, prefix)
        if files:
            raise UserError(f"{files[0]} and others were not made by this program, or by an old version: "
                            f"{path.name} is missing, so it is not known what they hold. {remedy}") from None
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}), so it is not known what the MindRecord files beside it "
                        f"hold. {remedy}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise UserError(f"{path} is not a manifest of this program. {remedy}")
    return manifest


def find_damage(manifest: dict[str, Any], folder: Path) -> str | None:
    """Why the files of a manifest cannot be used, whatever the sources; None when all is well."""
    if manifest.get("version") != VERSION:
        return f"format version {manifest.get('version')} instead of {VERSION}"
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
    return None


def find_difference(manifest: dict[str, Any], kind: str, classes: Sequence[str], ground_truth_name: str | None = None,
                    source: AnnotationSource | None = None) -> str | None:
    """What differs between a manifest and what is needed now, as text; None when they agree.

    Args:
        ground_truth_name: name of the ground truth file of evaluation, None for none.
        source: None leaves out the comparison of files.
    """
    if manifest["dataset"] != kind:
        return f"made from dataset {manifest['dataset']}, now {kind}"
    if manifest["classes"] != list(classes):
        return f"made with the classes {manifest['classes']}, now {list(classes)}"
    if manifest["truth"] != ground_truth_name:
        return f"the ground truth file of evaluation is called {manifest['truth']}, now {ground_truth_name}"
    if source is None:
        return None
    for entry, now in (("annotations", describe_annotations(source)),
                       ("images", describe_images(source.image_dir, manifest["images"]["names"]))):
        made_from = manifest[entry]
        if made_from["path"] != now["path"]:
            return f"made from {entry} in {made_from['path']}, now {now['path']}"
        if made_from.get("part", "") != now.get("part", ""):
            return f"made from {made_from.get('part') or 'all'} of the images, now from {now['part'] or 'all'}"
        if made_from["count"] != now["count"]:
            return f"made from {made_from['count']} files of {entry}, now {now['count']}"
        if made_from["digest"] != now["digest"]:
            return f"{entry} in {now['path']} have changed since"
    return None
