import ctypes

import pytest

from src.cpu_kernels.library import BuildError, build_library, set_threads


@pytest.fixture(scope="session")
def library():
    """The kernels, on three threads."""
    try:
        path = build_library()
    except BuildError as error:
        pytest.skip(str(error))
    set_threads(path, 3)
    return ctypes.CDLL(str(path))
