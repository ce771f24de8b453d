"""A disk that becomes full."""
import contextlib

import pytest


@contextlib.contextmanager
def full_disk(size=30_000):
    """Context manager: no file can become larger than so many bytes. What comes then is what a full disk gives."""
    resource = pytest.importorskip("resource", reason="limits of file sizes are for POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
