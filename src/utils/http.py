"""Download of one file over HTTP: resumed, checked, and in place only when complete."""
import http.client
import logging
import os
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from src.utils.errors import UserError
from src.utils.files import file_digest, reported_as
from src.utils.progress import BYTES, megabytes, progress
from src.utils.safe_io import MEGABYTE, read_file

logger = logging.getLogger(__name__)
CHUNK_BYTES = 1 << 20
RETRY_STATUS = (408, 425, 429, 500, 502, 503, 504)
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 2.0, 60.0


class DownloadError(UserError):
    """A file cannot be downloaded.

    Attributes:
        reason: why, without the address and what can be done by hand.
    """

    def __init__(self, url: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{url} cannot be downloaded: {reason}.{advice and ' '}{advice}")
        self.reason = reason


class _DroppedError(Exception):
    """The connection failed in a way that may be better next time."""


class _NothingFollowsError(Exception):
    """The server has nothing after the bytes that are there; the argument is its `Content-Range`."""


def fetch_file(url: str, path: Path | str, elsewhere: str, size: int | None = None, md5: str | None = None,
               retries: int = 5, timeout: float = 60.0, first_wait: float = FIRST_WAIT_SECONDS) -> None:
    """Downloads `url` to `path`.

    The bytes go to `path` + `.part`, which the next attempt, or the next run, resumes with an HTTP range, as long as
    the server still offers the same version (`If-Range` with the ETag or date of the first attempt, kept beside it in
    `.part.version`). Dropped connections are tried again after a growing pause.

    Args:
        elsewhere: what names another disk, for the message about one that is full.
        size: expected bytes; the length that the server states is always checked.
        md5: expected checksum, hexadecimal.
        retries: attempts in a row that brought nothing before it gives up.
        timeout: seconds without an answer.
        first_wait: seconds before the second attempt.

    Raises:
        UserError: with what can be done by hand.
        CannotWriteError: the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    with reported_as(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    logger.info("download: %s", url)
    failures = 0
    while True:
        before = _size(part)
        try:
            with reported_as(part):
                _attempt(url, part, elsewhere, size, timeout)
            break
        except _DroppedError as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures > retries:
                advice = f"Nothing is lost: start again to resume at {megabytes(_size(part))}. {_by_hand(url, path)}"
                raise DownloadError(url, str(error), advice) from error
            wait = min(first_wait * 2 ** (failures - 1), LONGEST_WAIT_SECONDS)
            logger.info("download: %s; resuming at %s in %.0f s", error, megabytes(_size(part)), wait)
            time.sleep(wait)
    try:
        check_file(part, size, md5)
    except UserError as error:
        _discard(part)
        raise UserError(f"{error} It was deleted: start again. {_by_hand(url, path)}") from error
    os.replace(part, path)
    _version_file(part).unlink(missing_ok=True)


def check_file(path: Path | str, size: int | None = None, md5: str | None = None) -> None:
    """Raises `UserError` unless the file has this size in bytes and this MD5 checksum (where given)."""
    path = Path(path)
    found = path.stat().st_size
    if size is not None and found != size:
        raise UserError(f"{path} has {found} bytes where {size} are expected: it is incomplete or another file.")
    if md5 is not None and (digest := file_digest(path, "md5")) != md5:
        raise UserError(f"{path} has the MD5 checksum {digest} where {md5} is expected: it is damaged or another file.")


def require_free_space(folder: Path, num_bytes: int, elsewhere: str) -> None:
    """Raises `UserError` unless the disk of `folder` has room for `num_bytes` more; `elsewhere` names another disk."""
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        raise UserError(f"{folder} has {megabytes(free)} of free disk space where {megabytes(num_bytes)} are needed. "
                        f"Make room, or choose another disk with {elsewhere}.")


def _attempt(url: str, part: Path, elsewhere: str, size: int | None, timeout: float) -> None:
    """One connection: appends to `part` until it is complete, or raises `_DroppedError`."""
    start = _size(part)
    if size is not None and start >= size:
        return  # a complete file is checked by the caller, which also discards one that is too long
    try:
        response = _connect(url, start, _read_version(part), timeout)
    except _NothingFollowsError as error:
        if str(error) == f"bytes */{start}":
            return  # killed between the last byte and the renaming
        _discard(part)
        raise _DroppedError("the partial file does not belong to what the server offers now") from error
    with response:
        if response.status == 206:
            begin, total = _content_range(response)
            if begin != start:
                _discard(part)
                raise _DroppedError(f"the server answered with byte {begin} where {start} was asked for")
        else:
            start, total = 0, _content_length(response)
        if size is not None and total is not None and total != size:
            reason = (f"it has {total} bytes where {size} are expected: the file on the server has changed, or "
                      "something between answers in its place")
            raise DownloadError(url, reason, _by_hand(url, part.with_suffix("")))
        if total is not None:
            require_free_space(part.parent, total - start, elsewhere)
        _write_version(part, response)
        _receive(response, part, start, total)
    if total is not None and _size(part) < total:
        raise _DroppedError(f"the connection was closed after {megabytes(_size(part))} of {megabytes(total)}")


def _connect(url: str, start: int, version: str, timeout: float) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "mindspore-ssd"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        if version:
            request.add_header("If-Range", version)
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise _NothingFollowsError(error.headers.get("Content-Range", "")) from error
        if error.code in RETRY_STATUS:
            raise _DroppedError(f"the server answered {error.code} {error.reason}") from error
        raise DownloadError(url, f"the server answered {error.code} {error.reason}") from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise _DroppedError(f"no connection ({getattr(error, 'reason', error)})") from error


def _receive(response: http.client.HTTPResponse, part: Path, start: int, total: int | None) -> None:
    shown = progress(f"download: {part.stem}", total, BYTES, start)
    with open(part, "ab" if start else "wb") as stream, shown as advance:
        while True:
            try:
                chunk = response.read(CHUNK_BYTES)
            except (http.client.HTTPException, OSError) as error:
                raise _DroppedError(f"the connection broke ({error!r})") from error
            if not chunk:
                return
            stream.write(chunk)
            advance(len(chunk))


def _content_length(response: http.client.HTTPResponse) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _content_range(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """First byte and total length of `Content-Range: bytes 100-999/1000`; the total is None when it is `*`."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    begin = span.partition("-")[0]
    if unit != "bytes" or not begin.isdigit():
        raise _DroppedError(f"the server sent a range that cannot be read: {response.headers.get('Content-Range')!r}")
    return int(begin), int(total) if total.isdigit() else None


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _read_version(part: Path) -> str:
    try:
        return read_file(_version_file(part), MEGABYTE).decode("latin-1").strip()
    except OSError:
        return ""


def _write_version(part: Path, response: http.client.HTTPResponse) -> None:
    etag = response.headers.get("ETag", "")
    # A weak ETag does not promise equal bytes, and HTTP forbids it in If-Range.
    version = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
    _version_file(part).write_text(version, encoding="latin-1")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _by_hand(url: str, path: Path) -> str:
    return (f"To do it by hand: download {url} with another program, or on another machine, put it at {path}, and run "
            "the same command again.")
