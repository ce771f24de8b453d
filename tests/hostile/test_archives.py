"""Untrusted archives: nothing is written outside the folder that they are for."""
import stat
import struct
import zipfile

import pytest

from src.dataset.download.unzip import unpack_folder
from src.utils.errors import UserError
from tests.hostile.special_files import content, names_below


def archive(*members, compression=zipfile.ZIP_STORED):
    """Function that writes a zip file; a member is its name or (name, mode), its content `hello`."""

    def make(path):
        with zipfile.ZipFile(path, "w", compression) as file:
            for member in members:
                name, mode = member if isinstance(member, tuple) else (member, stat.S_IFREG | 0o644)
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                info.compress_type = compression
                file.writestr(info, b"hello" * 100)

    return make


def changed(make, change):
    """Function that writes what `make` does, its bytes changed by a function."""

    def make_changed(path):
        make(path)
        path.write_bytes(change(bytearray(path.read_bytes())))

    return make_changed


def damage_content(data):
    data[60:100] = bytes(40)
    return data


def say_ten_bytes(data):
    """In the directory, the size of the unpacked file."""
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = struct.pack("<I", 10)
    return data


def encrypt(data):
    data[data.index(b"PK\1\2") + 8] |= 1
    return data


CASES = {
    "a folder above": (archive("data/a.txt", "../b.txt"), "leaves the folder"),
    "a folder above, in the middle": (archive("data/../../b.txt"), "leaves the folder"),
    "a folder above, as on Windows": (archive("data/..\\..\\b.txt"), "leaves the folder"),
    "an absolute path": (archive("/tmp/b.txt"), "absolute path"),
    "a drive of Windows": (archive("C:\\b.txt"), "absolute path"),
    "another machine": (archive("\\\\server\\share\\b.txt"), "absolute path"),
    "a symbolic link": (archive(("data/link", stat.S_IFLNK | 0o777), "data/link/b.txt"), "is a link"),
    "a device": (archive(("data/null", stat.S_IFCHR | 0o666)), "special file"),
    "a named pipe": (archive(("data/pipe", stat.S_IFIFO | 0o666)), "special file"),
    "no name": (archive("."), "has no name"),
    "encrypted": (changed(archive("data/a.txt"), encrypt), "is encrypted"),
    "without the folder": (archive("other/a.txt"), "has no folder 'data'"),
    "a damaged member": (changed(archive("data/a.txt"), damage_content), "not a readable zip archive"),
    "damaged, deflate": (changed(archive("data/a.txt", compression=zipfile.ZIP_DEFLATED), damage_content),
                         "not a readable zip archive"),
    "damaged, LZMA": (changed(archive("data/a.txt", compression=zipfile.ZIP_LZMA), damage_content),
                      "not a readable zip archive"),
    "more than it says": (changed(archive("data/a.txt"), say_ten_bytes), "not a readable zip archive"),
    "cut off": (changed(archive("data/a.txt"), lambda data: data[:-30]), "not a readable zip archive"),
    "empty": (content(b""), "not a readable zip archive"),
    "a web page": (content(b"<html>not found</html>"), "not a readable zip archive"),
}


@pytest.mark.parametrize("name", CASES)
def test_archives(name, tmp_path):
    make, message = CASES[name]
    (tmp_path / "datasets").mkdir()
    make(tmp_path / "datasets" / "a.zip")
    before = names_below(tmp_path)
    with pytest.raises(UserError, match=message):
        unpack_folder(tmp_path / "datasets" / "a.zip", tmp_path / "datasets" / "data")
    assert names_below(tmp_path) == before


def test_an_archive_that_the_disk_has_no_room_for(tmp_path):
    """10 PB of zeros, as the directory of 64 bits says; refused before anything is unpacked."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("data/a.txt", b"hello")
        file.filelist[0].file_size = 10**16
    before = names_below(tmp_path)
    with pytest.raises(UserError, match="free disk space"):
        unpack_folder(tmp_path / "a.zip", tmp_path / "data")
    assert names_below(tmp_path) == before


def test_an_archive_as_it_should_be(tmp_path):
    archive("data/a.txt", "data/sub/b.txt")(tmp_path / "a.zip")
    unpack_folder(tmp_path / "a.zip", tmp_path / "data")
    assert names_below(tmp_path) == ["a.zip", "data", "data/a.txt", "data/sub", "data/sub/b.txt"]
