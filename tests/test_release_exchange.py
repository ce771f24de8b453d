"""A run that another release of MindSpore left, read by the present one; by `scripts/test_versions.sh` only.

SSD_EXCHANGE is the folder of the runs, SSD_READ the release whose run is read.
"""
import os
from pathlib import Path

import mindspore as ms
import pytest

from tests.support import unfinished_run

pytestmark = pytest.mark.skipif("SSD_READ" not in os.environ, reason="there is no run of another release")


@pytest.fixture
def place(tmp_path):
    folder = Path(os.environ["SSD_EXCHANGE"], os.environ["SSD_READ"])
    assert folder.name != ms.__version__
    return unfinished_run.take(folder, tmp_path / "copy")


def test_its_best_checkpoint_detects_the_same(place):
    expected = unfinished_run.strongest(place)
    place.finish(place.evaluate(), "evaluate")
    assert unfinished_run.strongest(place) == pytest.approx(expected, abs=1e-3)


def test_its_run_is_resumed(place):
    """From checkpoint and state file, on its MindRecord files."""
    unfinished_run.check_last_epoch(place)
