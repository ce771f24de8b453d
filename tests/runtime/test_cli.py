"""What the entry scripts share: errors as messages, colours where the terminal has them and the user wants them."""
import errno
import io
import logging
import os
import signal
import subprocess
import sys

import pytest

from src.runtime.cli import _Lines, entry_point, painted
from src.utils.errors import UserError
from tests.support.golden_data import ROOT


def end_of(error):
    """Exit code of a script that ends with an error."""

    @entry_point
    def main():
        raise error

    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


@pytest.mark.parametrize(("number", "name", "message"), [
    (errno.EACCES, "data/Annotations", "data/Annotations: Permission denied; allow it to the user that runs this, or "
                                       "give another path"),
    (errno.ENOSPC, "a.bin", "a.bin: No space left on device; make room there"),
    (errno.ENOSPC, None, "the output cannot be written: No space left on device; make room there"),
    (errno.ENOTDIR, "a/b", "a/b: Not a directory; give another path"),
    (errno.ENAMETOOLONG, "a" * 300, f"{'a' * 200}... (300 characters): File name too long; give a shorter name"),
])
def test_what_only_the_user_can_mend_is_one_message(number, name, message, capsys):
    assert end_of(OSError(number, os.strerror(number), name)) == 1
    assert capsys.readouterr().err == f"error: {message}\n"


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "Bad file descriptor", "a"), FileNotFoundError(2, "no", "a"),
                                   PermissionError(13, "Permission denied")])
def test_other_errors_keep_their_traceback(error):
    @entry_point
    def main():
        raise error

    with pytest.raises(type(error)):
        main()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_closes_what_is_open(number, code, hangup, capsys):
    closed = []

    @entry_point
    def main():
        try:
            signal.raise_signal(number)
        finally:
            closed.append(True)

    with pytest.raises(SystemExit) as stop:
        main()
    assert (stop.value.code, closed, capsys.readouterr().err) == (code, [True], "terminated\n")
    assert signal.getsignal(number) == signal.SIG_DFL


SCRIPT = """
import contextlib, logging, os, sys, time
sys.path.insert(0, {root!r})
from src.runtime.cli import entry_point
@entry_point
def main():
    with open({file!r}, "w") as stream:
        for number in (1, 2):
            with contextlib.suppress(OSError):
                os.write(number, b"of a library")
        time.sleep({seconds})
        print(sys.stderr.isatty(), flush=True)
        for _ in range(3):
            logging.warning("a line")
        stream.write(str(stream.fileno() > 2))
    sys.exit(3)
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", "| true"])
def test_streams_that_are_closed_or_full(closed, tmp_path):
    """Nothing that is printed comes into a file of the user, and the exit code stays."""
    (tmp_path / "script.py").write_text(SCRIPT.format(root=str(ROOT), file=str(tmp_path / "result"),
                                                        seconds=0.3 if "|" in closed else 0))
    command = f"({{ '{sys.executable}' script.py; echo $? > code; }} {closed}) 2> errors"
    subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    code = (tmp_path / "code").read_text().strip()
    if closed in (">/dev/full", "| true"):  # by `print`
        assert code == ("1" if closed == ">/dev/full" else "141")
    else:
        assert code == "3" and (tmp_path / "result").read_text() == "True"
    errors = (tmp_path / "errors").read_text()
    assert "Traceback" not in errors and "Exception" not in errors


def test_names_do_nothing_to_the_terminal(capsys):
    assert end_of(UserError("no class \x1b]0;title\a\x1b[2Jcat\r, but:\n  dog")) == 1
    assert capsys.readouterr().err == "error: no class \\x1b]0;title\\x07\\x1b[2Jcat\\r, but:\n  dog\n"
    record = logging.makeLogRecord({"levelno": logging.INFO, "msg": "%s\n%s", "args": ("\x1b[31mcat", "\u202edog")})
    assert _Lines("%(message)s").format(record) == "\\x1b[31mcat\n\\u202edog"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream, variables, coloured", [
    (Terminal(), {}, True),
    (Terminal(), {"NO_COLOR": ""}, True),  # no-color.org: only when it is not empty
    (Terminal(), {"NO_COLOR": "1"}, False),
    (Terminal(), {"TERM": "dumb"}, False),
    (io.StringIO(), {}, False),
])
def test_painted(stream, variables, coloured, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert painted("error", "red", stream) == ("\033[1;31merror\033[0m" if coloured else "error")
