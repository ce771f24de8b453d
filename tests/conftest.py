"""Fixtures of all tests."""
import pytest

from src.model_utils.config import load_config
from tests.golden_data import ROOT


@pytest.fixture(scope="session")
def cpu():
    """MindSpore in graph mode on the CPU, set up as the entry scripts do it."""
    from src.model_utils.device_adapter import set_up_device

    set_up_device("CPU", seed=1)


@pytest.fixture
def config_of():
    """Function: name of a file in `config/`, flags -> configuration."""

    def load(name, *flags):
        return load_config([f"--config_path={ROOT / 'config' / name}", *flags])

    return load
