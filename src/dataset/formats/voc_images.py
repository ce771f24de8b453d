"""The images of annotation files in the Pascal VOC format."""
import posixpath
from collections import Counter
from pathlib import Path

from src.dataset.file_names import FileNames, folders_of, name_key, readable_files_below, slashed
from src.dataset.formats.voc_layout import VocLayout
from src.dataset.images import IMAGE_SUFFIXES


class VocImages:
    """The images of the annotation files of a layout.

    An image that is neither in the sub-folder of the xml file nor in the one that it states is taken only if no other
    xml file leads to it, and if there is no such sub-folder.
    """

    def __init__(self, layout: VocLayout) -> None:
        self._layout = layout
        names = [name for name in readable_files_below(layout.image_dir) if not name.lower().endswith(".xml")]
        self._images, self._folders = FileNames(names), {name_key(folder) for folder in folders_of(names)}
        self._found: list[tuple[str, str | None, bool]] = []

    def add(self, xml_path: Path, stated: str) -> None:
        """An annotation file, and its `<filename>` as `slashed` gives it."""
        stem = stem_below(self._layout.annotation_dir, xml_path)
        name, folder = find_image(stated, stem, self._images), posixpath.dirname(stem)
        places = {name_key(folder), name_key(posixpath.dirname(stated) or folder)}
        is_own = name is not None and name_key(posixpath.dirname(name)) in places
        if not is_own and folder and name_key(folder) in self._folders:
            name = None
        self._found.append((stem, name, is_own))

    def found(self) -> list[str | None]:
        """The image of each annotation file, or None, in the order in which they were added."""
        guesses = Counter(name for _, name, is_own in self._found if not is_own)
        own = {name for _, name, is_own in self._found if is_own}
        claims = self._claims() if set(guesses) - {None} else Counter[str]()
        return [name if is_own or (guesses[name] == 1 and name not in own and claims[_last_part(stem)] < 2) else None
                for stem, name, is_own in self._found]

    def _claims(self) -> Counter[str]:
        """Of each name, the annotation files of all parts that are called so, without those in folders with images."""
        stems = (stem_below(self._layout.annotation_dir, path) for path in self._layout.files_of_all_parts())
        return Counter(_last_part(stem) for stem in stems
                       if name_key(posixpath.dirname(stem)) not in self._folders - {"."})


def stem_below(folder: Path, xml_path: Path) -> str:
    """Name of an xml file relative to a folder, without the suffix."""
    return xml_path.relative_to(folder).with_suffix("").as_posix()


def _last_part(stem: str) -> str:
    return name_key(posixpath.basename(stem))


def find_image(file_name: str | None, xml_stem: str, images: FileNames) -> str | None:
    """Name of the image of an annotation file, out of `images`, or None.

    The name that the xml states counts when it agrees with the name of the xml file. Otherwise an image called like
    the xml file is preferred: files are renamed more often than their content is changed. It lies in the sub-folder of
    the xml file, in the one that the xml states, or in none.

    Args:
        file_name: text of `<filename>`, which may be missing or a whole path of any system.
        xml_stem: name of the xml file relative to its folder, without the suffix.
        images: names of all images, relative to their folder.
    """
    (folder, _, stem), (stated_folder, _, stated) = xml_stem.rpartition("/"), slashed(file_name).rpartition("/")
    candidates = [stated] if Path(stated).stem == stem else []
    candidates += with_suffixes(stem)
    candidates += [stated, *with_suffixes(stated), *with_suffixes(Path(stated).stem)]
    for place in dict.fromkeys((folder, stated_folder, "")):
        for candidate in candidates:
            name = images.find(f"{place}/{candidate}" if place else candidate)
            if name is not None:
                return name
    return None


def with_suffixes(stem: str) -> list[str]:
    """Names that an image may have."""
    return [stem + suffix for suffix in IMAGE_SUFFIXES]
