"""Focal loss."""
import mindspore as ms
from mindspore import nn, ops


class SigmoidFocalLoss(nn.Cell):
    """Focal loss (https://arxiv.org/abs/1708.02002, equation 5) of independent sigmoids, one of them the background's.

    Args:
        gamma: exponent that lowers the weight of easy examples.
        alpha: weight of the class of the label; 1 - alpha for the others.
    """

    def __init__(self, gamma: float = 2.0, alpha: float = 0.75) -> None:
        super().__init__()
        self.gamma = gamma
        self.alpha = alpha

    def construct(self, logits: ms.Tensor, labels: ms.Tensor) -> ms.Tensor:
        """logits `(B, A, C)` float32, labels `(B, A)` int32 -> sums over default boxes and classes `(B,)`."""
        one, zero = ops.ones((), dtype=ms.float32), ops.zeros((), dtype=ms.float32)
        target = ops.one_hot(labels, logits.shape[-1], one, zero)  # (B, A, C)
        probability = ops.sigmoid(logits)
        # binary cross entropy of the logits, in the form that does not overflow
        entropy = ops.relu(logits) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))
        error = target * (1 - probability) + (1 - target) * probability  # 1 - p_t in the paper
        weight = target * self.alpha + (1 - target) * (1 - self.alpha)
        losses = weight * ops.pow(error, self.gamma) * entropy
        return losses.sum(-1).sum(-1)  # in two steps: a single sum over a large tensor is slow on a CPU
