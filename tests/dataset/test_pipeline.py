import numpy as np
import pytest

from src.dataset import pipeline
from src.dataset.batches import BatchSettings, Shard, TrainingSettings, record_boxes, training_sample
from src.dataset.images import load_image, preprocess
from src.dataset.mindrecord.create import create_mindrecord
from src.dataset.pipeline import WorkerSettings, create_ssd_dataset
from src.utils.errors import UserError
from tests.support.batches import SIZE, epochs, same, training_dataset
from tests.support.box_coders import PlainCoder
from tests.support.samples import make_coco, write_coco


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """MindRecord of training and of evaluation with images 1 .. 10."""
    tmp_path = tmp_path_factory.mktemp("data")
    config = make_coco(tmp_path, 10)
    # One image of evaluation without boxes.
    write_coco(tmp_path / "coco", "val2017", list(range(1, 11)), [(image_id, 7, [10, 5, 20, 30])
                                                                  for image_id in range(2, 11)])
    return tmp_path, create_mindrecord(config, True).path, create_mindrecord(config, False).path


def test_training_batches(files):
    dataset = training_dataset(files[1])
    assert dataset.get_dataset_size() == 2
    batches, = epochs(dataset)
    assert len(batches) == 2
    for batch in batches:
        assert {key: (value.shape, value.dtype) for key, value in batch.items()} == {
            "image": ((4, 3, *SIZE), np.float32), "box": ((4, 4, 4), np.float32), "label": ((4, 4), np.int32),
            "num_match": ((4, 1), np.int32)}
        assert (batch["num_match"] >= 1).all()
        boxes = batch["box"][batch["label"] > 0]
        assert (boxes >= 0).all() and (boxes <= 1).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()


def test_a_seed_repeats_a_run_whatever_the_workers(files):
    first = epochs(training_dataset(files[1], workers=1), 3)
    for workers in (2, 100, 0):
        again = epochs(training_dataset(files[1], workers=workers), 3)
        assert all(same(one, other) for one, other in zip(first, again))
    other_seed = epochs(training_dataset(files[1], seed=2), 3)
    for index in range(3):
        assert not same(first[index], other_seed[index])


def test_worker_processes_give_the_same(files):
    first = epochs(training_dataset(files[1]), 2)
    again = epochs(training_dataset(files[1], use_processes=True), 2)
    assert all(same(one, other) for one, other in zip(first, again))


def test_epochs_differ_and_can_be_continued(files):
    batches = epochs(training_dataset(files[1]), 3)
    assert not same(batches[0], batches[1]) and not same(batches[1], batches[2])
    continued = epochs(training_dataset(files[1], first_epoch=1), 2)
    assert same(batches[1], continued[0]) and same(batches[2], continued[1])


def test_an_epoch_can_be_continued(files):
    """Batches that are skipped are blank, and nothing is decoded for them."""
    whole, following = epochs(training_dataset(files[1], batch_size=2, first_epoch=1), 2)
    rest, again = epochs(training_dataset(files[1], batch_size=2, first_epoch=1, first_batch=3), 2)
    assert len(rest) == len(whole) == 5
    assert same(rest[3:], whole[3:]) and same(again, following)
    for batch, full in zip(rest[:3], whole):
        assert not any(value.any() for value in batch.values())
        assert {key: (value.shape, value.dtype) for key, value in batch.items()} == {
            key: (value.shape, value.dtype) for key, value in full.items()}


def test_the_images_of_a_batch_can_be_told(files, monkeypatch):
    def identify(data, pixel_boxes, rng, out, settings, training):
        out[:] = 0
        return np.full((4, 4), pixel_boxes[0, 3]), np.zeros(4), 1  # xmax tells the image: 30 + id

    monkeypatch.setattr("src.dataset.batches.training_sample", identify)
    for epoch in range(2):
        batches = epochs(training_dataset(files[1], batch_size=3, shard=Shard(1, 2), seed=7), 2)[epoch]
        for index, batch in enumerate(batches):
            ids = pipeline.batch_image_ids(files[1], 3, epoch, index, seed=7, shard=Shard(1, 2))
            assert (30 + np.array(ids)).tolist() == batch["box"][:, 0, 0].tolist()


def test_order_is_shuffled_and_augmentation_varies(files, monkeypatch):
    seen = []

    def record(data, pixel_boxes, rng, out, *_):
        seen.append((bytes(data.tobytes()), rng.rand()))
        out[:] = 0
        return np.zeros((4, 4), np.float32), np.zeros(4, np.int32), 1

    monkeypatch.setattr("src.dataset.batches.training_sample", record)
    epochs(training_dataset(files[1], batch_size=5, workers=1), 2)
    contents = [content for content, _ in seen]
    assert len(set(contents[:10])) == len(set(contents[10:])) == 10
    assert contents[:10] != contents[10:]
    assert len({draw for _, draw in seen}) == 20


def test_ranks_share_the_images(files, monkeypatch):
    def identify(data, pixel_boxes, rng, out, *_):
        out[:] = 0
        return np.full((4, 4), pixel_boxes[0, 3]), np.zeros(4), 1  # xmax tells the image: 30 + id

    monkeypatch.setattr("src.dataset.batches.training_sample", identify)
    for epoch in range(2):
        images = []
        for rank in range(2):
            batches = epochs(training_dataset(files[1], batch_size=5, shard=Shard(rank, 2)), 2)[epoch]
            assert len(batches) == 1
            images.append(batches[0]["box"][:, 0, 0].tolist())
        assert sorted(images[0] + images[1]) == [30 + image_id for image_id in range(1, 11)]


@pytest.mark.parametrize("ranks", range(1, 8))
def test_all_ranks_have_as_many_steps(files, ranks):
    """Ten images, of which no rank may be left without one more batch than the others."""
    sizes = {training_dataset(files[1], batch_size=1, shard=Shard(rank, ranks)).get_dataset_size()
             for rank in range(ranks)}
    assert sizes == {-(-10 // ranks)}


def test_evaluation_batches(files):
    tmp_path, _, path = files
    dataset = create_ssd_dataset(path, BatchSettings(4, SIZE))
    assert dataset.get_dataset_size() == 3
    batches, = epochs(dataset)
    assert [len(batch["img_id"]) for batch in batches] == [4, 4, 2]
    assert np.concatenate([batch["img_id"] for batch in batches]).tolist() == list(range(1, 11))
    assert {key: (value.shape, value.dtype) for key, value in batches[0].items()} == {
        "image": ((4, 3, *SIZE), np.float32), "img_id": ((4,), np.int64), "image_shape": ((4, 2), np.float32)}
    assert (batches[2]["image_shape"] == (60, 80)).all()
    image = load_image(tmp_path / "coco" / "val2017" / "6.png")
    np.testing.assert_array_equal(batches[1]["image"][1], preprocess(image, SIZE))


def test_training_sample_keeps_boxes_on_their_objects():
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:40, 30:60] = 255
    out = np.empty((3, 120, 160), np.float32)
    flipped = 0
    for seed in range(40):
        targets, _, num_match = training_sample(
            image, np.array([[20, 30, 40, 60, 1]], np.float32), np.random.RandomState(seed), out,
            BatchSettings(1, (120, 160)), TrainingSettings(PlainCoder()))
        assert num_match == 1
        rows, columns = np.nonzero(out[0] > (out[0].min() + out[0].max()) / 2)
        bright = [rows.min() / 120, columns.min() / 160, (rows.max() + 1) / 120, (columns.max() + 1) / 160]
        np.testing.assert_allclose(bright, targets[0], atol=0.03)
        flipped += targets[0, 1] + targets[0, 3] < 0.9
    assert 0 < flipped < 40


def test_record_boxes_of_an_image_without_boxes():
    assert record_boxes(np.array(0, np.int32)).shape == (0, 5)
    assert record_boxes(np.ones((2, 5), np.int32)).tolist() == [[1.0] * 5] * 2
    assert record_boxes(np.array([[1, 2, 3, 4, 5]]), x_first=True).tolist() == [[2, 1, 4, 3, 5]]


def test_too_few_images(files):
    with pytest.raises(UserError, match=r"10 images.*batch_size = 16"):
        training_dataset(files[1], batch_size=16)
    with pytest.raises(UserError, match="5 images for each of 2 device"):
        training_dataset(files[1], batch_size=8, shard=Shard(0, 2))


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"ssd\.mindrecord0"):
        training_dataset(tmp_path / "ssd.mindrecord0")


@pytest.mark.parametrize(("cores", "device_target", "ranks", "expected"), [
    (1, "CPU", 1, 1), (64, "CPU", 1, 2), (8, "GPU", 1, 8), (192, "Ascend", 8, 16), (32, "Ascend", 8, 4),
    (4, "GPU", 8, 1)])
def test_workers_follow_cores_and_device(monkeypatch, cores, device_target, ranks, expected):
    monkeypatch.setattr(pipeline, "available_cores", lambda: cores)
    monkeypatch.setattr(pipeline.os, "cpu_count", lambda: cores)
    assert pipeline.worker_count(WorkerSettings(0, device_target=device_target), ranks) == expected
    assert pipeline.worker_count(WorkerSettings(3, device_target=device_target), ranks) == min(3, cores)


@pytest.mark.parametrize(("settings", "workers", "device_target", "expected"), [
    (BatchSettings(32, (640, 640)), 6, "CPU", 1), (BatchSettings(1, (64, 64)), 1, "CPU", 2),
    (BatchSettings(1, (64, 64)), 1, "GPU", 8)])
def test_memory_of_waiting_batches_is_bounded(settings, workers, device_target, expected):
    assert pipeline.prefetch_batches(settings, workers, device_target) == expected
