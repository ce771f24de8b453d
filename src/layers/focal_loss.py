"""Focal loss."""
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
        """logits `(B, A, C)` float32, labels `(B, A)` int32 -> sums over default boxes and classes `(B,)`."""
        truth = ops.one_hot(labels, logits.shape[-1], ops.ones((), ms.float32), ops.zeros((), ms.float32))
        probability = ops.sigmoid(logits)
        # binary cross entropy of the logits, in the form that does not overflow
        entropy = ops.relu(logits) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits)))
        miss = truth * (1 - probability) + (1 - truth) * probability
        weight = truth * self.alpha + (1 - truth) * (1 - self.alpha)
        losses = weight * ops.pow(miss, self.gamma) * entropy
        return losses.sum(-1).sum(-1)  # in two steps: a single sum over a large tensor is slow on a CPU
