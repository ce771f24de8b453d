"""The fuzz targets themselves, a short run of each, and what longer ones have found."""
import argparse

import pytest

from tests.fuzz import targets
from tests.fuzz.run import NAMES, run_mutations
from tests.fuzz.seeds import WHOLE, seed_inputs
from tests.hostile.annotation_cases import content

INPUTS = 150
# Inputs that once came to another end than a clear error.
FOUND = [
    ("yaml", b"img_shape: " + b"[" * 3000),
]


def arguments(target, folder, iterations=INPUTS):
    return argparse.Namespace(target=target, iterations=iterations, seconds=0, seed=7, output=folder)


@pytest.fixture
def folders(tmp_path):
    for name in ("work", "found"):
        (tmp_path / name).mkdir()
    return tmp_path / "work", tmp_path / "found"


@pytest.mark.parametrize("target", NAMES)
def test_a_short_run(target, folders, capsys):
    assert run_mutations(arguments(target, folders[1]), folders[0]) == 0
    assert f"{target}: {INPUTS} inputs" in capsys.readouterr().out
    assert list(folders[1].iterdir()) == []


@pytest.mark.parametrize("target", NAMES)
def test_it_begins_with_files_as_they_should_be(target, tmp_path, monkeypatch):
    """No error hides what is behind it."""
    monkeypatch.setattr(targets, "UserError", ZeroDivisionError)
    for make in WHOLE[target]:
        make(tmp_path / "seed")
        targets.TARGETS[target](tmp_path, (tmp_path / "seed").read_bytes())
    assert len(seed_inputs(target)) > 10


@pytest.mark.parametrize("fault", [ValueError("not for users"), AssertionError("a broken promise")])
def test_a_fault_ends_the_run_and_is_kept(fault, folders, monkeypatch, capsys):
    def faulty(folder, data):
        if b"dog" in data:
            raise fault

    monkeypatch.setitem(targets.TARGETS, "coco", faulty)
    assert run_mutations(arguments("coco", folders[1]), folders[0]) == 1
    kept, = folders[1].iterdir()
    assert kept.name.startswith("coco-crash-") and b"dog" in kept.read_bytes()
    assert str(fault) in capsys.readouterr().err


def test_the_checks_see_a_record_outside(tmp_path, monkeypatch):
    monkeypatch.setattr("src.dataset.txt.path_below", lambda folder, name: f"/elsewhere/{name}")
    content(b"a.png 1,2,3,4,1")(tmp_path / "seed")
    with pytest.raises(AssertionError):
        targets.txt(tmp_path, (tmp_path / "seed").read_bytes())


@pytest.mark.parametrize(("target", "data"), FOUND)
def test_what_was_found_stays_mended(target, data, tmp_path):
    targets.TARGETS[target](tmp_path, data)
