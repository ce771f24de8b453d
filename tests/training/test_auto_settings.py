"""Batch size and number of epochs that `auto` leaves open."""
import pytest

from src.config import load_config
from src.ssd.complexity import NetworkSize
from src.training import auto_settings
from src.training.auto_settings import fitting_batch_size, resolve_epoch_size, resolve_sizes, total_memory
from src.utils.errors import UserError

# A training step takes 1.096 GB, and 0.12 GB for each image, of which training may fill 60 percent of the memory.
SIZE = NetworkSize(parameters=4_000_000, flops=1, activation_bytes=100_000_000, prediction_bytes=1_000_000)


@pytest.mark.parametrize(("memory", "num_images", "num_ranks", "expected"), [
    (2.1e9, 10_000, 1, 1),  # 1.216 of 1.26 GB
    (2.7e9, 10_000, 1, 4),  # 1.576 of 1.62 GB
    (4e9, 10_000, 1, 8),  # 2.056 of 2.4 GB
    (8e9, 10_000, 2, 8),  # the ranks share the memory
    (1e12, 10_000, 1, 16),  # never more
    (1e12, 40, 1, 8),  # at least 5 steps an epoch
    (1e12, 40, 2, 4),
    (1e12, 3, 1, 1),
])
def test_batch_size_for_the_memory(memory, num_images, num_ranks, expected):
    assert fitting_batch_size(SIZE, num_images, memory, num_ranks) == expected


def test_memory_that_is_too_small_for_one_image():
    with pytest.raises(UserError, match=r"one image takes about 1\.2 GB, in each of 1 rank"):
        fitting_batch_size(SIZE, 10_000, 1e9)


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(auto_settings, "CGROUP_LIMITS", (str(tmp_path / "nothing"), str(limit)))
    whole = total_memory()
    limit.write_text("max\n")
    assert total_memory() == whole
    limit.write_text("123456789\n")
    assert total_memory() == 123_456_789


def test_sizes_to_be_chosen(cpu, config_of):
    config = load_config(["--batch_size=auto", "--epoch_size=auto", "--classes=background,a", "--num_classes=2"], True)
    chosen = resolve_sizes(config, num_images=40)
    assert (chosen.batch_size, chosen.epoch_size) == (8, 80)  # at least 5 steps an epoch
    assert resolve_sizes(chosen, num_images=400) is chosen
    config = config_of("ssd300_config.yaml")
    assert resolve_sizes(config, num_images=40) is config


@pytest.mark.parametrize(("num_images", "from_backbone", "from_detector"), [
    (20, 80, 40), (160, 75, 30), (292, 40, 15), (5000, 20, 15),
])
def test_epochs_by_the_images_and_by_what_training_begins_from(num_images, from_backbone, from_detector):
    for flags, epochs in (((), from_backbone), (("--pre_trained=detector.ckpt",), from_detector)):
        config = load_config(["--epoch_size=auto", *flags], for_training=True)
        assert resolve_epoch_size(config, num_images).epoch_size == epochs


def test_epochs_that_are_done_already():
    config = load_config(["--epoch_size=auto", "--pre_trained_epoch_size=20"], for_training=True)
    assert resolve_epoch_size(config, num_images=400).epoch_size == 30
    with pytest.raises(UserError, match="leaves nothing to train: epoch_size auto gives 20 for 12000 images"):
        resolve_epoch_size(config, num_images=12_000)
