"""What differs between the releases of MindSpore that this project runs on, with the release in which it changed.

`scripts/test_versions.sh` runs the project on all of them. Private names of MindSpore are used here only, each with
what happens without it; tests/runtime/test_releases.py notices when one goes.
"""
import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import psutil
from mindspore.train import serialization

# A function of `serialization`, see `page_cache_counted_as_free`.
AVAILABLE_MEMORY = "_get_available_memory"


def release() -> tuple[int, int]:
    """The first two numbers of the release of MindSpore, such as `(2, 10)`."""
    major, minor = re.findall(r"\d+", ms.__version__)[:2]
    return int(major), int(minor)


def onednn_files() -> list[Path]:
    """The shared libraries of MindSpore's own oneDNN, if it is oneDNN 3, whose AVX-512 is slow for plain layouts.

    2.9 came with oneDNN 3 (`libdnnl.so.3`); before there was oneDNN 2.
    """
    return sorted((Path(ms.__file__).parent / "lib").glob("libdnnl.so.3*"))


def ranks_wait_on_cpu() -> bool:
    """Whether ranks on a CPU wait as long for each other as MS_CPU_COMM_OP_TIMEOUT says.

    2.10 came with this variable; before, a rank on a CPU gave up after 30 seconds.
    """
    return release() >= (2, 10)


def add_user_info(model: Any, texts: Mapping[str, str]) -> None:
    """Adds texts by name to the message of a MindIR file, to its field `user_info`.

    In 2.10 it is a map, before it was a list of pairs; the bytes of the file are the same.
    """
    if hasattr(model.user_info, "update"):
        model.user_info.update(texts)
    else:
        for key, value in texts.items():
            model.user_info.add(key=key, value=value)


@contextlib.contextmanager
def page_cache_counted_as_free() -> Iterator[None]:
    """Context manager: what MindSpore takes for the free memory includes the page cache, which a long run fills.

    2.10 came with the check, and refuses a checkpoint that is larger than this memory; before there was none. Without
    the private function that it asks, MindSpore decides by itself.
    """
    original = getattr(serialization, AVAILABLE_MEMORY, None)
    if original is None:
        yield
        return
    setattr(serialization, AVAILABLE_MEMORY, lambda: psutil.virtual_memory().available)
    try:
        yield
    finally:
        setattr(serialization, AVAILABLE_MEMORY, original)
