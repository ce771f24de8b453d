"""The evaluation loop."""
import logging
import threading

import numpy as np
import pytest

from src.evaluation import evaluate
from src.evaluation.predictions import split_batch
from src.utils.errors import UserError


class Recorder:
    """Takes the place of `COCOMetrics`."""

    def __init__(self):
        self.seen = []

    def update(self, predictions, image_ids, image_shapes):
        assert len(predictions) == len(image_ids) == len(image_shapes)
        for one, image_id, shape in zip(predictions, image_ids, image_shapes):
            self.seen.append((int(image_id), float(one.boxes[0, 0]), tuple(shape.tolist())))

    def get_metrics(self):
        return "result"


def batches(*sizes):
    """Image number n is filled with n and has the size n x 2n."""
    number = 0
    for size in sizes:
        numbers = np.arange(number, number + size)
        number += size
        yield {
            "image": np.broadcast_to(numbers[:, None, None, None], (size, 3, 2, 2)).astype(np.float32),
            "img_id": numbers,
            "image_shape": np.stack([numbers, 2 * numbers], axis=1).astype(np.float32),
        }


def predict(images, image_shapes):
    """A network for four images whose first box tells which image it has seen."""
    assert images.shape == (4, 3, 2, 2)
    assert image_shapes[:, 0].tolist() == images[:, 0, 0, 0].tolist()
    return split_batch(np.broadcast_to(images[:, :1, 0, :1], (4, 5, 4)), np.zeros((4, 5, 3), np.float32))


@pytest.mark.parametrize("sizes", [(4, 4, 3), (1,), (2, 4, 1), (4,)])
def test_every_image_once_in_batches_of_one_shape(sizes, caplog):
    recorder = Recorder()
    with caplog.at_level(logging.INFO):
        assert evaluate(predict, batches(*sizes), recorder, batch_size=4) == "result"
    assert recorder.seen == [(n, float(n), (float(n), 2.0 * n)) for n in range(sum(sizes))]
    assert f"predicted {sum(sizes)} images" in caplog.text and "images per second" in caplog.text


def test_ids_as_a_column():
    recorder = Recorder()
    (batch,) = batches(3)
    batch["img_id"] = batch["img_id"][:, None]
    evaluate(predict, [batch], recorder, batch_size=4)
    assert [image_id for image_id, _, _ in recorder.seen] == [0, 1, 2]


def test_post_processing_runs_beside_the_network():
    updating = threading.Event()

    class Slow(Recorder):
        def update(self, *arguments):
            updating.set()
            super().update(*arguments)

    def second_waits_for_the_first_update(images, image_shapes):
        if images[0, 0, 0, 0] > 0:
            assert updating.wait(timeout=60)  # were the loop to wait for the second prediction first, it never came
        return predict(images, image_shapes)

    recorder = Slow()
    evaluate(second_waits_for_the_first_update, batches(4, 4), recorder, batch_size=4)
    assert [image_id for image_id, _, _ in recorder.seen] == list(range(8))


@pytest.mark.parametrize("sizes", [(4,), (4, 4, 4)])
def test_error_of_the_post_processing_ends_the_evaluation(sizes):
    class Broken(Recorder):
        def update(self, *arguments):
            raise UserError("image 7 was predicted twice")

    with pytest.raises(UserError, match="predicted twice"):
        evaluate(predict, batches(*sizes), Broken(), batch_size=4)


def test_no_batches():
    with pytest.raises(UserError, match="no images to evaluate"):
        evaluate(predict, [], Recorder(), batch_size=4)


def test_batch_too_large():
    with pytest.raises(UserError, match="a batch of 4 images, but the network takes 2"):
        evaluate(predict, batches(4), Recorder(), batch_size=2)


def test_predictions_for_another_number_of_images():
    with pytest.raises(UserError, match="predictions for 3 images, expected 4"):
        evaluate(lambda *inputs: predict(*inputs)[:3], batches(4), Recorder(), batch_size=4)
