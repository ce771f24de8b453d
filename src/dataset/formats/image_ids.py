"""Image ids of file names, for formats that have none."""
import itertools
from collections.abc import Sequence
from pathlib import Path

MAX_IMAGE_ID = 2**31 - 1


def assign_ids(names: Sequence[str]) -> list[int]:
    """Image ids of file names (the same order): a unique integer each, whatever the order.

    A stem that is a number keeps it; every other name, and a number that is taken already, gets in sorted order the
    smallest number from 1 that is free.
    """
    ids: dict[str, int] = {}
    others: list[str] = []
    taken: set[int] = set()
    for name in sorted(set(names)):
        stem = Path(name).stem
        number = int(stem) if stem.isascii() and stem.isdigit() and len(stem) <= 10 else -1
        if 0 <= number <= MAX_IMAGE_ID and number not in taken:
            ids[name] = number
            taken.add(number)
        else:
            others.append(name)
    candidate = 1
    for name in others:
        while candidate in taken:
            candidate += 1
        ids[name] = candidate
        taken.add(candidate)
    return [ids[name] for name in names]


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, repeated ones with a mark that keeps them apart (and keeps them from being numbers)."""
    taken, numbers = set(names), {name: itertools.count(1) for name in names}
    result: list[str] = []
    seen: set[str] = set()
    for name in names:
        unique, path = name, Path(name)
        while unique in seen or (unique != name and unique in taken):
            unique = path.with_name(f"{path.stem}#{next(numbers[name])}{path.suffix}").as_posix()
        seen.add(unique)
        result.append(unique)
    return result
