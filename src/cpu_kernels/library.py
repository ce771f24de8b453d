"""The kernels as a shared library, compiled for this machine when they are first needed."""
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from src.runtime.environment import thread_count
from src.utils.files import whole_file

SOURCES = Path(__file__).parent / "sources"
FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread")
TIMEOUT_SECONDS = 300


class BuildError(Exception):
    """The kernels cannot be compiled here; the message says why."""


def cache_folder() -> Path:
    """Where compiled kernels are kept: below `XDG_CACHE_HOME`, else below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ssd_cpu_kernels"


def build_library() -> Path:
    """Compiles the kernels unless that was done before for these sources, compiler and processor.

    Several processes may do so at once: a file appears whole, under a name that depends on all three.

    Returns:
        Path of the library.

    Raises:
        BuildError: no compiler, an error of it, or the cache cannot be written.
    """
    if platform.system() != "Linux":
        raise BuildError(f"custom operators need Linux, not {platform.system()}")
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        raise BuildError(f"the compiler {os.environ.get('CXX', 'g++')} is not installed")
    path = cache_folder() / f"kernels-{_fingerprint(compiler)}.so"
    if path.is_file():
        return path
    try:
        with whole_file(path) as part:
            _run([compiler, *FLAGS, *map(str, sorted(SOURCES.glob("*.cpp"))), "-o", str(part)])
    except OSError as error:
        raise BuildError(f"{path.parent} cannot be written: {error.strerror}") from error
    return path


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
