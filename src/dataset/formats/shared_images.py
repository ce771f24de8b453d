"""Images that the ends of stated paths lead to: each belongs to one name, of all that the parts of a dataset state."""
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from src.dataset.paths import ends_of, path_below

Place = Callable[[Path | str, str], str]


def place_of_one(place: Place, image_dir: Path, names: Iterable[str],
                 others: Callable[[], dict[str, set[str]]]) -> Callable[[str], str]:
    """A function of a name that gives the path of its image: that of `place`, unless another name leads there too.

    Then only a name has it that is its path as it stands; to the others, their images are missing.

    Args:
        place: (image_dir, name) -> path, as `path_by_end`.
        names: of the images of one part.
        others: what `claims` gives of the other parts; only called where it makes a difference.
    """
    own = claims(place, image_dir, names)
    guessed = {name for path, of_path in own.items() for name in of_path if not _leads_to(image_dir, name, path)}
    of_others = others() if guessed else {}
    path_of = {name: path for path, of_path in own.items() for name in of_path}

    def find(name: str) -> str:
        path = path_of.get(name) or place(image_dir, name)
        if name in guessed and (own[path] | of_others.get(path, set())) != {name}:
            return path_below(image_dir, next(ends_of(name)))
        return path

    return find


def claims(place: Place, image_dir: Path, names: Iterable[str]) -> dict[str, set[str]]:
    """The names that lead to a path, by the path."""
    found: dict[str, set[str]] = {}
    for name in names:
        with contextlib.suppress(ValueError):  # it is elsewhere
            found.setdefault(place(image_dir, name), set()).add(name)
    return found


def _leads_to(image_dir: Path, name: str, path: str) -> bool:
    """Whether a name is a path as it stands."""
    with contextlib.suppress(ValueError):
        return path_below(image_dir, name) == path
    return False
