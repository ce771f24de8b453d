"""Losses of the detectors."""
from collections.abc import Callable

import mindspore as ms
from mindspore import nn, ops

from src.layers.focal_loss import SigmoidFocalLoss


class SSDLoss(nn.Cell):
    """Classification and localisation loss of each image, not yet divided by the number of matches.

    Args:
        gamma, alpha: of the focal loss.
    """

    def __init__(self, gamma: float = 2.0, alpha: float = 0.75) -> None:
        super().__init__()
        self.focal_loss = SigmoidFocalLoss(gamma, alpha)
        self.smooth_l1 = nn.SmoothL1Loss(beta=1.0, reduction="none")

    def construct(self, locations: ms.Tensor, logits: ms.Tensor, targets: ms.Tensor,
                  labels: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        """locations, targets `(B, A, 4)`; logits `(B, A, C)`; labels `(B, A)` int32 -> two losses `(B,)`."""
        classification = self.focal_loss(logits, labels)  # (B,)
        positive = (labels > 0).astype(ms.float32)  # (B, A)
        localisation = (self.smooth_l1(locations, targets).sum(-1) * positive).sum(-1)
        return classification, localisation


class MultiBoxLoss(nn.Cell):
    """The loss of the SSD paper (https://arxiv.org/abs/1512.02325, section 2.2), of each image, not yet divided.

    Cross entropy of the softmax over all positives and the hardest negatives, which are those with the largest loss;
    SmoothL1 of the positives.

    Args:
        negative_ratio: largest number of negatives for each positive of the image.
        keep_empty: an image without positives has as many negatives as those with positives have on average, and at
            least `negative_ratio`; otherwise it has none, so that nothing is learned from it.
    """

    def __init__(self, negative_ratio: int = 3, keep_empty: bool = False) -> None:
        super().__init__()
        self.negative_ratio = negative_ratio
        self.keep_empty = keep_empty
        self.smooth_l1 = nn.SmoothL1Loss(beta=1.0, reduction="none")

    def construct(self, locations: ms.Tensor, logits: ms.Tensor, targets: ms.Tensor,
                  labels: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        """locations, targets `(B, A, 4)`; logits `(B, A, C)`; labels `(B, A)` int32 -> two losses `(B,)`."""
        positive = (labels > 0).astype(ms.float32)  # (B, A)
        probabilities = ops.log_softmax(logits, -1)  # (B, A, C)
        entropy = -ops.gather_elements(probabilities, 2, labels.expand_dims(-1)).squeeze(-1)  # (B, A)
        # Positives count as 0 and come last. Only the sum matters, and so not which of equal negatives are taken.
        hardest, _ = ops.sort(entropy * (1 - positive), descending=True)  # (B, A)
        num_positives = positive.sum(-1, keepdims=True)  # (B, 1)
        if self.keep_empty:
            is_empty = (num_positives == 0).astype(ms.float32)  # (B, 1)
            mean = num_positives.sum() / ops.maximum((1 - is_empty).sum(), 1.0)
            num_positives = num_positives + is_empty * ops.maximum(mean, 1.0)
        wanted = self.negative_ratio * num_positives  # (B, 1)
        taken = (ops.arange(labels.shape[1]) + 0.5 < wanted).astype(ms.float32)  # (B, A); a mean is no whole number
        classification = (entropy * positive + hardest * taken).sum(-1)
        localisation = (self.smooth_l1(locations, targets).sum(-1) * positive).sum(-1)
        return classification, localisation


class SSDWithLossCell(nn.Cell):
    """A detector and its loss: image, targets, labels, numbers of matches -> the loss of the batch.

    The sum over all images is divided by the number of matches in the batch, or by 1 where there is no match.

    Args:
        network: image `(B, 3, H, W)` -> locations `(B, A, 4)`, logits `(B, A, C)`.
        loss: locations, logits, targets, labels -> classification and localisation loss, each `(B,)`.
        keep_empty: an image without matches counts as one match in the divisor, as in RetinaNet
            (https://arxiv.org/abs/1708.02002, section 4.1, where the loss of each image is divided). A batch of such
            images alone then counts as much as one of them.

    Attributes:
        with_parts: also return the classification and the localisation loss, which add up to the loss. Off at first.
        mean_over_ranks: `()` -> `()`, by which the divisor becomes that of all ranks on average, so that images count
            as much whichever rank has them; None: each rank has its own, as in the Model Zoo. None at first.
    """

    def __init__(self, network: nn.Cell, loss: Callable[..., tuple[ms.Tensor, ms.Tensor]],
                 keep_empty: bool = False) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.keep_empty = keep_empty
        self.with_parts = False
        self.mean_over_ranks: nn.Cell | None = None

    def construct(self, image: ms.Tensor, targets: ms.Tensor, labels: ms.Tensor,
                  num_match: ms.Tensor) -> ms.Tensor | tuple[ms.Tensor, ms.Tensor, ms.Tensor]:
        """image `(B, 3, H, W)`, targets `(B, A, 4)`, labels `(B, A)` int32, num_match `(B, 1)` int32 -> scalar(s)."""
        locations, logits = self.network(image)  # (B, A, 4), (B, A, C)
        classification, localisation = self.loss(
            locations.astype(ms.float32), logits.astype(ms.float32), targets, labels
        )
        counts = num_match.astype(ms.float32)  # (B, 1)
        matches = ops.maximum(counts, 1.0).sum() if self.keep_empty else ops.maximum(counts.sum(), 1.0)
        if self.mean_over_ranks is not None:
            matches = self.mean_over_ranks(matches)
        loss = ((classification + localisation) / matches).sum()
        if self.with_parts:
            return loss, (classification / matches).sum(), (localisation / matches).sum()
        return loss
