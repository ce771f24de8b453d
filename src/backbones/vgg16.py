"""The convolutions of VGG16 (https://arxiv.org/abs/1409.1556) as a backbone."""
import mindspore as ms
from mindspore import nn

# channels and number of convolutions of each block
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def _block(in_channels: int, out_channels: int, convolutions: int, batch_norm: bool,
           has_bias: bool) -> nn.SequentialCell:
    layers = []
    for _ in range(convolutions):
        layers.append(nn.Conv2d(in_channels, out_channels, kernel_size=3, pad_mode="same", has_bias=has_bias,
                                bias_init="zeros"))
        if batch_norm:
            layers.append(nn.BatchNorm2d(out_channels))
        layers.append(nn.ReLU())
        in_channels = out_channels
    return nn.SequentialCell(layers)


class VGG16(nn.Cell):
    """`(B, 3, H, W)` -> `(B, 512, H / 8, W / 8)` of block 4 and `(B, 512, H / 16, W / 16)` of block 5, rounded up.

    The pooling after block 5 keeps the size (3x3, stride 1), as in SSD (https://arxiv.org/abs/1512.02325, section 3).

    Args:
        batch_norm: BatchNorm after each convolution.
        has_bias: the convolutions have a bias, which is 0 at first.
    """

    out_channels = (512, 512)

    def __init__(self, batch_norm: bool = False, has_bias: bool = False) -> None:
        super().__init__()
        blocks, channels = [], 3
        for out_channels, convolutions in BLOCKS:
            blocks.append(_block(channels, out_channels, convolutions, batch_norm, has_bias))
            channels = out_channels
        self.b1, self.b2, self.b3, self.b4, self.b5 = blocks
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2, pad_mode="same")
        self.last_pool = nn.MaxPool2d(kernel_size=3, stride=1, pad_mode="same")

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        x = self.pool(self.b1(x))  # (B, 64, H / 2, W / 2)
        x = self.pool(self.b2(x))  # (B, 128, H / 4, W / 4)
        x = self.pool(self.b3(x))  # (B, 256, H / 8, W / 8)
        block4 = self.b4(x)  # (B, 512, H / 8, W / 8)
        block5 = self.last_pool(self.b5(self.pool(block4)))  # (B, 512, H / 16, W / 16)
        return block4, block5
