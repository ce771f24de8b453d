import math

import numpy as np
import pytest

from src.dataset import create_mindrecord
from src.dataset.annotations import NO_BOXES
from src.dataset.batches import Shard
from src.dataset.epoch_order import EpochOrder, build_epoch_order, read_labels, repeat_factors
from src.dataset.pipeline import batch_image_ids
from tests.support.batches import epochs, same, training_dataset
from tests.support.samples import make_config, read_records, write_coco


def labels(*of_images):
    return [np.array(one, np.int32) for one in of_images]


def test_factors_of_lvis():
    """Class 1 is in 4 of 5 images with objects, class 2 in two, class 3 in one."""
    images = labels([1], [1, 1, 1], [1, 2], [2, 1], [3], [])
    two, three = math.sqrt(0.6 / 0.4), math.sqrt(0.6 / 0.2)
    assert repeat_factors(images, 0.6) == pytest.approx([1, 1, two, two, three, 1])
    assert repeat_factors(images, 0.0).tolist() == [1] * 6
    assert repeat_factors([], 0.5).tolist() == []


def test_the_share_of_images_without_objects():
    images = labels(*[[1]] * 80, *[[]] * 40)
    order = build_epoch_order(images, 0.0, 0.2)
    assert len(order) == 100
    assert order.factors.tolist() == [1] * 80 + [0.5] * 40
    assert build_epoch_order(images[:81], 0.0, 0.2).factors.tolist() == [1] * 81
    assert len(build_epoch_order(images, 0.0, 0.0)) == 80
    assert build_epoch_order(images[:80], 0.0, 0.2) is None
    assert build_epoch_order(labels([1], [1], [2]), 0.1, 0.2) is None
    # Of repeated images, the share is of all of them.
    order = build_epoch_order(labels([1], [1], [1], [2], [], []), 1.0, 0.2)
    assert order.factors[:4] == pytest.approx([math.sqrt(4 / 3)] * 3 + [2])
    assert order.factors[4:] == pytest.approx([order.factors[:4].sum() / 8] * 2)
    assert order.describe() == ("an epoch has 6 images; 4 of 4 images with objects are repeated, up to 2.0 times "
                                "(repeat_threshold); 1 of 2 without objects (keep_empty)")


def test_every_epoch_has_as_many_images_and_on_average_the_right_ones():
    factors = np.array([1, 1.25, 2.6, 0.3, 0.3, 0.05])
    order = EpochOrder(factors, np.array([False] * 3 + [True] * 3))
    assert len(order) == 5  # of 5.5
    drawn = [order.indices(3, epoch) for epoch in range(4000)]
    assert {len(one) for one in drawn} == {5}
    counts = np.array([np.bincount(one, minlength=6) for one in drawn])
    assert (counts >= np.floor(factors) - 1).all() and (counts <= np.ceil(factors)).all()
    # Half an image is cut off on average, a tenth of each.
    np.testing.assert_allclose(counts.mean(axis=0), factors * 5 / 5.5, atol=0.08)
    assert len({tuple(one) for one in drawn}) > 200
    np.testing.assert_array_equal(order.indices(3, 7), drawn[7])
    assert any((order.indices(4, epoch) != drawn[epoch]).any() for epoch in range(3))


def test_whole_sums_are_exact():
    order = EpochOrder(np.full(1000, 0.1), np.ones(1000, bool))
    assert len(order) == 100
    assert all(len(set(order.indices(1, epoch))) == 100 for epoch in range(20))


def test_images_without_objects_are_spread_over_the_epoch():
    order = build_epoch_order(labels(*[[1]] * 80, *[[]] * 20), 0.0, 0.2)
    for epoch in range(50):
        empty = order.is_empty[order.indices(1, epoch)].reshape(20, 5)  # batches of five
        assert empty.sum() == 20
        assert (empty.sum(axis=1) == 1).all()


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
def test_ranks_share_an_epoch(ranks):
    order = build_epoch_order(labels(*[[1]] * 8, [2], []), 0.5, 0.2)
    shares = [order.share_of(rank, ranks, 5, 2) for rank in range(ranks)]
    assert len({len(share) for share in shares}) == 1
    together = np.stack(shares, axis=1).reshape(-1)
    np.testing.assert_array_equal(together[: len(order)], order.indices(5, 2))
    assert len(together) - len(order) < ranks


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Ten images: 1 to 7 with a cat, 8 with a dog, 9 and 10 without objects, 11 with a box beside the image."""
    folder = tmp_path_factory.mktemp("records")
    write_coco(folder / "coco", "train2017", list(range(1, 12)), [
        *((number, 7, [10, 5, 20 + number, 30]) for number in range(1, 8)), (8, 3, [10, 5, 28, 30]),
        (11, 3, [200, 200, 20, 20])])
    return create_mindrecord(make_config(folder, keep_empty=True), True)


def test_records_of_images_without_objects(records):
    assert (records.num_images, records.num_empty, records.num_with_objects) == (10, 2, 8)
    found = read_records(records.path)
    assert sorted(found) == list(range(1, 11))
    assert [number for number, (_, boxes) in found.items() if not boxes] == [9, 10]
    # Objects that are there, and have no box that can be used, are no background.
    assert records.report["left_out"][NO_BOXES]["count"] == 1
    assert [one.tolist() for one in read_labels(records.path)] == [[1]] * 7 + [[2], [], []]


def test_another_choice_makes_other_records(tmp_path):
    write_coco(tmp_path / "coco", "train2017", [1, 2], [(1, 7, [10, 5, 20, 30])])
    for keep, number in ((False, 1), (True, 2), (False, 1)):
        found = create_mindrecord(make_config(tmp_path, keep_empty=keep), True)
        assert (found.num_images, found.num_empty) == (number, number - 1)
        del found


def test_batches_have_the_images_of_the_order(records, monkeypatch):
    """In every epoch, on every rank, also of a run that begins with a later epoch, and in its middle."""
    def identify(data, pixel_boxes, rng, out, settings, training):
        out[:] = rng.rand()
        return np.full((4, 4), pixel_boxes[0, 3] - 30 if len(pixel_boxes) else 0), np.zeros(4), len(pixel_boxes)

    monkeypatch.setattr("src.dataset.batches.training_sample", identify)
    order = build_epoch_order(records.labels, 0.5, 0.2)
    assert len(order) == 11  # 7, twice the dog, and both without objects
    ids = list(read_records(records.path))
    for shard in (Shard(), Shard(1, 2)):
        settings = {"shard": shard, "seed": 7, "order": order, "batch_size": 3}
        dataset = training_dataset(records.path, **settings)
        assert dataset.get_dataset_size() == -(-len(order) // shard.count) // 3
        found = epochs(dataset, 3)
        for epoch, batches in enumerate(found):
            expected = [ids[position] for position in order.share_of(shard.index, shard.count, 7, epoch)]
            told = [batch_image_ids(records.path, 3, epoch, index, 7, shard, order) for index in range(len(batches))]
            assert [number for batch in told for number in batch] == expected[: 3 * len(batches)]
            drawn = [int(value) for batch in batches for value in batch["box"][:, 0, 0]]
            assert drawn == [number if number < 9 else 0 for number in expected[: 3 * len(batches)]]
        assert same(epochs(training_dataset(records.path, first_epoch=2, **settings))[0], found[2])
        rest = epochs(training_dataset(records.path, first_epoch=1, first_batch=1, **settings), 2)
        assert same(rest[0][1:], found[1][1:]) and same(rest[1], found[2])


def test_a_run_may_end_in_the_middle_of_an_epoch(records):
    order = build_epoch_order(records.labels, 0.5, 0.2)
    iterator = training_dataset(records.path, batch_size=2, order=order).create_tuple_iterator(num_epochs=100)
    next(iter(iterator))
    iterator.stop()
