"""What the entry scripts share: errors as messages, colours where the terminal has them and the user wants them."""
import io

import pytest

from src.runtime.cli import entry_point, painted


def test_a_file_that_must_not_be_read_is_one_message(capsys):
    @entry_point
    def main():
        raise PermissionError(13, "Permission denied", "data/Annotations")

    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert capsys.readouterr().err == ("error: data/Annotations: Permission denied; allow it to the user that runs "
                                       "this, or give another path\n")


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
