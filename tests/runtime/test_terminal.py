"""Colours: on a terminal that has them, unless the user does not want them."""
import io

import pytest

from src.runtime.cli import painted


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
