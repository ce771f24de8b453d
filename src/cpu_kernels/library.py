"""The kernels as a shared library, compiled for this machine when they are first needed.

A library is code that runs: one that another user could have written is not loaded.
"""
import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from src.runtime.environment import thread_count
from src.utils.files import whole_file
from src.utils.private import other_writer
from src.utils.safe_io import open_file
from src.utils.user_cache import user_cache_folder

logger = logging.getLogger(__name__)
SOURCES = Path(__file__).parent / "sources"
FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread")
TIMEOUT_SECONDS = 300
MOST_BYTES = 1 << 26


class BuildError(Exception):
    """The kernels cannot be compiled here; the message says why."""


class NoPlaceError(BuildError):
    """There is no folder in which a library could be kept for later runs."""


def cache_folder() -> Path:
    """Where compiled kernels are kept, in the user's cache folder; a `NoPlaceError` where there is none."""
    folder = user_cache_folder()
    if folder is None:
        raise NoPlaceError("this user has no home folder")
    return folder / "ssd_cpu_kernels"


def build_library() -> Path:
    """Compiles the kernels unless that was done before for these sources, compiler and processor.

    Several processes may do so at once: a file appears whole, under a name that depends on all three. Where nothing can
    be kept, or other users could change it, the library lies in a temporary folder of this process, and the log says
    why.

    Returns:
        Path of the library, without links.

    Raises:
        BuildError: no compiler, an error of it, or no place for the library.
    """
    if platform.system() != "Linux":
        raise BuildError(f"custom operators need Linux, not {platform.system()}")
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        raise BuildError(f"the compiler {os.environ.get('CXX', 'g++')} is not installed")
    name = f"kernels-{_fingerprint(compiler)}.so"
    try:
        return _library_in(cache_folder(), name, compiler)
    except NoPlaceError as error:
        logger.info("CPU kernels: compiled for this run alone, since %s; XDG_CACHE_HOME names another folder", error)
        return _library_in(Path(_process_folder().name), name, compiler)


def _library_in(folder: Path, name: str, compiler: str) -> Path:
    """The library of that name in a folder, compiled unless it is there and whole."""
    path = folder.resolve() / name
    try:
        _require_private(path.parent)  # before a folder of root's is made in somebody's home
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _require_private(path.parent)
        if not _is_whole(path):
            with whole_file(path) as part:
                _run([compiler, *FLAGS, *map(str, sorted(SOURCES.glob("*.cpp"))), "-o", str(part)])
                part.write_bytes(_with_digest(part.read_bytes()))
                part.chmod(0o700)
    except OSError as error:
        raise NoPlaceError(f"{error.filename or path.parent} cannot be written: {error.strerror}") from error
    return path


def _require_private(folder: Path) -> None:
    if reason := other_writer(folder):
        raise NoPlaceError(reason)


@functools.cache
def _process_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes when the process ends."""
    try:
        return tempfile.TemporaryDirectory(prefix="ssd_cpu_kernels-")
    except OSError as error:
        raise NoPlaceError(f"a temporary folder cannot be made: {error.strerror}") from error


def _with_digest(library: bytes) -> bytes:
    """What is kept: the library, which ends with a digest of what comes before, so that a damaged one is noticed.

    The loader would crash on one that was cut off, and does not look beyond the end of one that is whole.
    """
    return library + hashlib.sha256(library).digest()


def _is_whole(path: Path) -> bool:
    """Whether there is a library of this user that is as it was written."""
    try:
        with open_file(path, MOST_BYTES) as stream:
            content = stream.read()
    except OSError:
        return False
    return not path.is_symlink() and not other_writer(path) and _with_digest(content[:-32]) == content


def set_threads(path: Path, threads: int = 0) -> int:
    """Number of threads of the library's kernels; 0: as `OMP_NUM_THREADS` says, or the cores that there are."""
    threads = thread_count(threads)
    try:
        ctypes.CDLL(str(path)).set_threads(threads)  # the same instance that MindSpore's operators will use
    except OSError as error:  # a folder from which nothing may be executed
        raise BuildError(f"{path} cannot be loaded: {error}") from error
    return threads


def _fingerprint(compiler: str) -> str:
    parts = [" ".join(FLAGS), compiler, _run([compiler, "--version"]), platform.machine(), _processor()]
    parts += [source.name + source.read_text(encoding="utf-8") for source in sorted(SOURCES.iterdir())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """What decides on `-march=native`: model and features of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    wanted = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.split(":")[0].strip() in wanted}))


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{command[0]} took more than {TIMEOUT_SECONDS} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or ["?"]
        raise BuildError(f"{command[0]} failed: {lines[0]}")
    return done.stdout
