"""Paths on command lines that are empty, as of a shell variable that is not set."""
import pytest

from src.config import load_config
from src.dataset.convert import main as convert
from src.inference.predict_args import parse_arguments
from src.utils.errors import UserError


@pytest.mark.parametrize("flag", ["--input", "--output"])
def test_predict(flag):
    given = {"--input": "photos", "--output": "found", flag: ""}
    with pytest.raises(UserError, match=f"argument {flag}: it is empty"):
        parse_arguments([f"{name}={value}" for name, value in given.items()], "")


@pytest.mark.parametrize("flag", ["--data", "--output"])
def test_convert(flag, capsys):
    given = {"--data": "images", "--output": "converted", flag: ""}
    with pytest.raises(SystemExit) as end:
        convert(["--to=coco", *(f"{name}={value}" for name, value in given.items())])
    assert end.value.code == 2
    assert f"argument {flag}: it is empty" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["output_path", "mindrecord_dir"])
def test_configuration(key):
    with pytest.raises(UserError, match=f"{key} is ''; allowed: text, not empty"):
        load_config([f"--{key}="])
