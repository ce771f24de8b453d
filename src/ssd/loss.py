"""Loss of the detectors."""
import mindspore as ms
from mindspore import nn, ops


class SigmoidFocalLoss(nn.Cell):
    """Focal loss (https://arxiv.org/abs/1708.02002, equation 5) over independent sigmoids, the background's included.

    Args:
        gamma: exponent that lowers the weight of easy examples.
        alpha: weight of the true class; 1 - alpha for the others.
    """

    def __init__(self, gamma=2.0, alpha=0.75):
        super().__init__()
        self.gamma = gamma
        self.alpha = alpha

    def construct(self, logits, labels):
        """logits `(B, A, C)` float32, labels `(B, A)` int32 -> `(B, A, C)`."""
        truth = ops.one_hot(labels, logits.shape[-1], ops.ones((), ms.float32), ops.zeros((), ms.float32))
        probability = ops.sigmoid(logits)
        # binary cross entropy of the logits, in the form that does not overflow
        entropy = ops.relu(logits) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits)))
        miss = truth * (1 - probability) + (1 - truth) * probability
        weight = truth * self.alpha + (1 - truth) * (1 - self.alpha)
        return weight * ops.pow(miss, self.gamma) * entropy


class SSDLoss(nn.Cell):
    """Classification and localisation loss of each image, not yet divided by the number of matches.

    Args:
        gamma, alpha: of the focal loss.
    """

    def __init__(self, gamma=2.0, alpha=0.75):
        super().__init__()
        self.focal_loss = SigmoidFocalLoss(gamma, alpha)
        self.smooth_l1 = nn.SmoothL1Loss(beta=1.0, reduction="none")

    def construct(self, locations, logits, targets, labels):
        """locations, targets `(B, A, 4)`; logits `(B, A, C)`; labels `(B, A)` -> two losses `(B,)`."""
        # Two sums in a row: a single sum over a large tensor is slow on a CPU.
        classification = self.focal_loss(logits, labels).sum(-1).sum(-1)
        positive = (labels > 0).astype(ms.float32)
        localisation = (self.smooth_l1(locations, targets).sum(-1) * positive).sum(-1)
        return classification, localisation


class SSDWithLossCell(nn.Cell):
    """A detector and its loss: image, targets, labels, numbers of matches -> the loss of the batch.

    The losses of all images are divided by the number of matches of the batch, or by 1 where there is none.

    Args:
        network: image `(B, 3, H, W)` -> locations `(B, A, 4)`, logits `(B, A, C)`.
        loss: locations, logits, targets, labels -> classification and localisation loss, each `(B,)`.
    """

    def __init__(self, network, loss):
        super().__init__()
        self.network = network
        self.loss = loss

    def construct(self, image, targets, labels, num_match):
        """image `(B, 3, H, W)`, targets `(B, A, 4)`, labels `(B, A)` int32, num_match `(B, 1)` int32 -> scalar."""
        locations, logits = self.network(image)
        classification, localisation = self.loss(
            locations.astype(ms.float32), logits.astype(ms.float32), targets, labels
        )
        matches = ops.maximum(num_match.astype(ms.float32).sum(), 1.0)
        return ((classification + localisation) / matches).sum()
