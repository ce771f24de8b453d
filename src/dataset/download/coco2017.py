"""COCO 2017: three archives, downloaded, checked and unpacked one after the other."""
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.dataset.download.unzip import OTHER_DISK, unpack_folder
from src.utils.errors import UserError
from src.utils.http import check_file, fetch_file, require_free_space

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Archive:
    """A zip archive with a single folder in it.

    Attributes:
        url: where it is.
        folder: name of the folder.
        size, md5: bytes and hexadecimal checksum of the archive.
        num_files: files that the unpacked folder holds at least.
        unpacked_size: bytes of all its files, rounded up.
    """

    url: str
    folder: str
    size: int
    md5: str
    num_files: int
    unpacked_size: int

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", 1)[1]


COCO_2017 = (
    Archive("http://images.cocodataset.org/annotations/annotations_trainval2017.zip", "annotations",
            252907541, "f4bbac642086de4f52a3fdda2de5fa2c", 2, 850_000_000),
    Archive("http://images.cocodataset.org/zips/val2017.zip", "val2017",
            815585330, "442b8da7639aecaf257c1dceb8ba8c80", 5000, 830_000_000),
    Archive("http://images.cocodataset.org/zips/train2017.zip", "train2017",
            19336861798, "cced6f7f71b7629ddf16f17bbcfab6b2", 118287, 19_500_000_000),
)


def download_coco(root: Path | str, archives: Sequence[Archive] = COCO_2017) -> list[Path]:
    """Downloads and unpacks what is missing of `archives` into the folder `root`; returns the folders that are new.

    Each folder appears whole or not at all. An archive that lies in `root` already, wherever it comes from, is checked
    and used; a partial download is resumed. Archives are deleted after unpacking.

    Raises:
        UserError: a folder with too few files, no space, no network, wrong size or checksum, a damaged archive.
    """
    root = Path(root)
    missing = [archive for archive in archives if not _is_unpacked(root, archive)]
    if not missing:
        logger.info("coco: %s is complete, kept", root)
        return []
    root.mkdir(parents=True, exist_ok=True)
    require_free_space(root, _space_needed(root, missing), OTHER_DISK)
    for archive in missing:
        path = root / archive.file_name
        if path.exists():
            logger.info("coco: checking %s", path)
            check_file(path, archive.size, archive.md5)
        else:
            fetch_file(archive.url, path, OTHER_DISK, size=archive.size, md5=archive.md5)
        unpack_folder(path, root / archive.folder)
        path.unlink()
    return [root / archive.folder for archive in missing]


def _is_unpacked(root: Path, archive: Archive) -> bool:
    folder = root / archive.folder
    if not folder.is_dir():
        return False
    num_files = sum(1 for _ in folder.iterdir())
    if num_files < archive.num_files:
        raise UserError(f"{folder} holds {num_files} files where at least {archive.num_files} are expected. Move or "
                        "delete this folder and start again, or set coco_root to another folder.")
    return True


def _space_needed(root: Path, archives: Sequence[Archive]) -> int:
    """The largest number of bytes that the run adds to the disk at any moment."""
    total = peak = 0
    for archive in archives:
        present = root / archive.file_name
        part = present.with_name(present.name + ".part")
        there = next((file.stat().st_size for file in (present, part) if file.exists()), 0)
        total += max(0, archive.size - there)
        peak = max(peak, total + archive.unpacked_size)
        total += archive.unpacked_size - archive.size
    return peak
