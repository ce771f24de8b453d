import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from src.layers.focal_loss import SigmoidFocalLoss
from src.ssd import MultiBoxLoss, SSDLoss, SSDWithLossCell

pytestmark = pytest.mark.usefixtures("cpu")


def test_focal_and_smooth_l1_loss_of_each_image():
    rng = np.random.default_rng(3)
    locations, targets = rng.normal(size=(2, 3, 6, 4)).astype(np.float32) * 2
    logits = rng.normal(size=(3, 6, 3)).astype(np.float32)
    labels = np.array([[0, 1, 2, 0, 0, 1], [0] * 6, [2] * 6], np.int32)
    classification, localisation = SSDLoss()(*map(ms.Tensor, (locations, logits, targets, labels)))
    focal = SigmoidFocalLoss(2.0, 0.75)(ms.Tensor(logits), ms.Tensor(labels))
    np.testing.assert_array_equal(classification.asnumpy(), focal.asnumpy())
    distance = np.abs(locations - targets)
    smooth = np.where(distance < 1, distance**2 / 2, distance - 0.5).sum(axis=-1)
    np.testing.assert_allclose(localisation.asnumpy(), (smooth * (labels > 0)).sum(axis=1), rtol=1e-5)
    assert localisation[1] == 0


def expected_losses(locations, logits, targets, labels, ratio, empty=0):
    """The loss of each image and its gradients, one default box after the other; images without positives have so many
    negatives."""
    classification, localisation = np.zeros(len(labels)), np.zeros(len(labels))
    by_logits, by_locations = np.zeros(logits.shape), np.zeros(locations.shape)
    for image, (image_logits, image_labels) in enumerate(zip(logits.astype(np.float64), labels)):
        exponentials = np.exp(image_logits - image_logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        entropy = [-np.log(probabilities[box, label]) for box, label in enumerate(image_labels)]
        positives = [box for box, label in enumerate(image_labels) if label > 0]
        negatives = sorted((box for box, label in enumerate(image_labels) if label == 0), key=lambda box: -entropy[box])
        for box in positives + negatives[: ratio * len(positives) or empty]:
            classification[image] += entropy[box]
            by_logits[image, box] = probabilities[box]
            by_logits[image, box, image_labels[box]] -= 1
        for box in positives:
            for axis, difference in enumerate(locations[image, box] - targets[image, box]):
                small = abs(difference) < 1
                localisation[image] += difference**2 / 2 if small else abs(difference) - 0.5
                by_locations[image, box, axis] = difference if small else np.sign(difference)
    return classification, localisation, by_logits, by_locations


class Gradients(nn.Cell):
    def __init__(self, loss):
        super().__init__()
        self.loss = loss
        self.gradients = ops.grad(self.total, (0, 1))

    def total(self, locations, logits, targets, labels):
        classification, localisation = self.loss(locations, logits, targets, labels)
        return (classification + localisation).sum()

    def construct(self, locations, logits, targets, labels):
        return self.gradients(locations, logits, targets, labels)


def sample(positives, classes=5, boxes=60):
    """Outputs of a network and targets for images with so many positives each."""
    rng = np.random.default_rng(3)
    shape = (len(positives), boxes)
    locations, targets = (rng.normal(size=(*shape, 4)).astype(np.float32) * 1.5 for _ in range(2))
    logits = rng.normal(size=(*shape, classes)).astype(np.float32) * 3
    labels = np.zeros(shape, np.int32)
    for image, number in enumerate(positives):
        chosen = rng.choice(boxes, number, replace=False)
        labels[image, chosen] = rng.integers(1, classes, size=number)
    return locations, logits, targets, labels


@pytest.mark.parametrize("ratio", [3, 1])
def test_losses_and_gradients(ratio):
    # few positives, none at all, and so many that the negatives do not suffice
    arrays = sample([4, 0, 1, 30])
    classification, localisation, by_logits, by_locations = expected_losses(*arrays, ratio)
    assert (by_logits != 0).any(axis=-1).sum(axis=1).tolist() == [4 + 4 * ratio, 0, 1 + ratio, 60]
    tensors = [ms.Tensor(array) for array in arrays]
    loss = MultiBoxLoss(negative_ratio=ratio)
    found = [output.asnumpy() for output in loss(*tensors)]
    np.testing.assert_allclose(found[0], classification, rtol=1e-5)
    np.testing.assert_allclose(found[1], localisation, rtol=1e-5)
    found = [output.asnumpy() for output in Gradients(loss)(*tensors)]
    np.testing.assert_allclose(found[0], by_locations, atol=1e-5)
    np.testing.assert_allclose(found[1], by_logits, atol=1e-5)


def test_negatives_of_images_without_objects():
    """As many as the others have on average, three times 2.5 and three times 3; three where there is no other."""
    loss = MultiBoxLoss(keep_empty=True)
    gradients = Gradients(loss)
    for positives, negatives in (([0, 4, 1, 0], 7), ([0, 2, 5, 2], 9), ([0, 0, 0, 0], 3), ([7, 1, 1, 1], 0)):
        arrays = sample(positives)
        classification, localisation, by_logits, by_locations = expected_losses(*arrays, 3, empty=negatives)
        tensors = [ms.Tensor(array) for array in arrays]
        found = [output.asnumpy() for output in (*loss(*tensors), *gradients(*tensors))]
        for one, expected in zip(found, (classification, localisation, by_locations, by_logits)):
            np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-5)
        assert (classification > 0).all()


def test_equal_negatives_count_once():
    """A fresh network gives all default boxes the same scores: still only three negatives for the positive."""
    labels = np.zeros((1, 10), np.int32)
    labels[0, 7] = 2
    zeros = np.zeros((1, 10, 4), np.float32)
    classification, localisation = MultiBoxLoss()(*map(ms.Tensor, (zeros, zeros, zeros, labels)))
    assert float(classification.asnumpy()[0]) == pytest.approx(4 * np.log(4), rel=1e-5)
    assert float(localisation.asnumpy()[0]) == 0


class Outputs(nn.Cell):
    """A network that gives the same outputs for any image."""

    def __init__(self, locations, logits):
        super().__init__()
        self.locations, self.logits = ms.Tensor(locations), ms.Tensor(logits)

    def construct(self, image):
        return self.locations, self.logits


class Given(nn.Cell):
    """A network whose outputs are its input `(B, A, 4 + C)`."""

    def construct(self, image):
        return image[..., :4], image[..., 4:]


@pytest.mark.parametrize("loss", [SSDLoss(), MultiBoxLoss(keep_empty=True)])
def test_divisor_with_images_without_objects(loss):
    """Each counts as one match. Its loss is that of the background; it has none of locations."""
    net = SSDWithLossCell(Given(), loss, keep_empty=True)
    net.with_parts = True
    for positives, divisor in (([4, 0, 1, 0], 7), ([0, 0, 0, 0], 4), ([4, 2, 1, 1], 8)):
        locations, logits, targets, labels = sample(positives)
        matches = (labels > 0).sum(axis=1, keepdims=True).astype(np.int32)
        of_images = [part.asnumpy() for part in loss(*map(ms.Tensor, (locations, logits, targets, labels)))]
        outputs = np.concatenate([locations, logits], axis=-1)
        found = [float(part) for part in net(*map(ms.Tensor, (outputs, targets, labels, matches)))]
        expected = [part.sum() / divisor for part in of_images]
        assert found == pytest.approx([sum(expected), *expected], rel=1e-5)
        assert all((of_images[0] > 0).tolist()) and not of_images[1][matches[:, 0] == 0].any()


def test_the_focal_loss_of_the_background():
    """Of one default box with logits 0, 0: (1 - alpha) / 4 * log(2) for the class, alpha / 4 * log(2) for the other."""
    zeros, labels = np.zeros((1, 1, 4), np.float32), np.zeros((1, 1), np.int32)
    classification, localisation = SSDLoss(2.0, 0.75)(*map(ms.Tensor, (zeros, zeros[..., :2], zeros, labels)))
    assert float(classification.asnumpy()[0]) == pytest.approx(np.log(2) / 4, rel=1e-5)
    assert float(localisation.asnumpy()[0]) == 0


def test_loss_of_a_batch_is_divided_by_its_matches():
    locations, logits, targets, labels = sample([4, 0, 1, 2])
    classification, localisation, _, _ = expected_losses(locations, logits, targets, labels, 3)
    net = SSDWithLossCell(Outputs(locations, logits), MultiBoxLoss())
    matches = (labels > 0).sum(axis=1, keepdims=True).astype(np.int32)
    loss = net(ms.Tensor(np.zeros((4, 3, 8, 8), np.float32)), *map(ms.Tensor, (targets, labels, matches)))
    assert float(loss.asnumpy()) == pytest.approx((classification + localisation).sum() / 7, rel=1e-5)
