"""Classification loss in which the quality of the predicted box is what its score is to become."""
import mindspore as ms
from mindspore import nn, ops


class QualityFocalLoss(nn.Cell):
    """Quality focal loss (https://arxiv.org/abs/2006.04388, equation 2) over independent sigmoids.

    The target of a positive's class is the IoU of its predicted box, all others are 0. The background has no score of
    its own: its logits have no loss.

    Args:
        beta: exponent that lowers the weight of predictions that are good already.
    """

    def __init__(self, beta=2.0):
        super().__init__()
        self.beta = beta

    def construct(self, logits, labels, quality):
        """Sums over default boxes and classes.

        Args:
            logits: `(B, A, C)` float32.
            labels: `(B, A)` int32.
            quality: `(B, A)` IoU of the predicted boxes, without gradient.

        Returns:
            `(B,)`
        """
        truth = ops.one_hot(labels, logits.shape[-1], ops.ones((), ms.float32), ops.zeros((), ms.float32))
        truth = truth[:, :, 1:] * quality.expand_dims(-1)
        logits = logits[:, :, 1:]
        entropy = ops.relu(logits) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits)))
        losses = ops.pow(ops.abs(truth - ops.sigmoid(logits)), self.beta) * entropy
        return losses.sum(-1).sum(-1)  # in two steps, as in SigmoidFocalLoss
