"""ssd300 in PyTorch, for comparison: the layers of src/backbones/mobilenet_v2.py and of src/ssd."""
import torch
from torch import nn
from torch.nn import functional

from src.backbones.mobilenet_v2 import LAST_CHANNELS, STAGES_1, STAGES_2, STEM_CHANNELS, TAP_EXPANSION
from src.layers.blocks import BN_EPS, BN_MOMENTUM


class SameConv2d(nn.Conv2d):
    """`nn.Conv2d` whose padding makes the result `ceil(size / stride)`, more of it below and on the right."""

    def forward(self, x):
        pads = []
        for size, kernel, stride in ((x.shape[3], self.kernel_size[1], self.stride[1]),
                                     (x.shape[2], self.kernel_size[0], self.stride[0])):
            total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] == pads[2] == pads[3]:
            return functional.conv2d(x, self.weight, self.bias, self.stride, pads[0], groups=self.groups)
        return super().forward(functional.pad(x, pads))


def batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=BN_EPS, momentum=1 - BN_MOMENTUM)


def unit(in_channels, out_channels, kernel_size=3, stride=1, groups=1):
    """Convolution, BatchNorm, ReLU6."""
    conv = SameConv2d(in_channels, out_channels, kernel_size, stride, groups=groups, bias=False)
    return nn.Sequential(conv, batch_norm(out_channels), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    def __init__(self, in_channels, out_channels, stride, expand_ratio, last_relu=False):
        super().__init__()
        hidden = round(in_channels * expand_ratio)
        layers = [] if expand_ratio == 1 else [unit(in_channels, hidden, 1)]
        layers += [unit(hidden, hidden, stride=stride, groups=hidden), nn.Conv2d(hidden, out_channels, 1, bias=False),
                   batch_norm(out_channels)]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and in_channels == out_channels
        self.last_relu = last_relu

    def forward(self, x):
        out = x + self.conv(x) if self.residual else self.conv(x)
        return functional.relu6(out) if self.last_relu else out


def blocks(stages, channels):
    layers = []
    for expand_ratio, out_channels, repeats, stride in stages:
        for index in range(repeats):
            layers.append(InvertedResidual(channels, out_channels, stride if index == 0 else 1, expand_ratio))
            channels = out_channels
    return layers


def head(in_channels, out_channels):
    return nn.Sequential(unit(in_channels, in_channels, groups=in_channels), nn.Conv2d(in_channels, out_channels, 1))


class SSD300(nn.Module):
    """Image `(B, 3, H, W)` -> locations `(B, A, 4)`, logits `(B, A, C)`; arguments as the configuration has them."""

    def __init__(self, num_classes, in_channels, out_channels, strides, ratios, num_default):
        super().__init__()
        middle = STAGES_1[-1][1]
        self.expand = unit(middle, middle * TAP_EXPANSION, 1)
        self.first = nn.Sequential(unit(3, STEM_CHANNELS, stride=2), *blocks(STAGES_1, STEM_CHANNELS))
        self.second = nn.Sequential(*blocks(STAGES_2, middle), unit(STAGES_2[-1][1], LAST_CHANNELS, 1))
        extras = list(zip(in_channels, out_channels, strides, ratios))[2:]
        self.extras = nn.ModuleList([InvertedResidual(*extra, last_relu=True) for extra in extras])
        levels = list(zip(out_channels, num_default))
        self.locations = nn.ModuleList([head(channels, 4 * boxes) for channels, boxes in levels])
        self.logits = nn.ModuleList([head(channels, num_classes * boxes) for channels, boxes in levels])
        self.num_classes = num_classes

    def forward(self, x):
        stride_16 = self.first(x)
        features = [self.expand(stride_16), self.second(stride_16)]
        for layer in self.extras:
            features.append(layer(features[-1]))

        def flatten(heads, values):
            return torch.cat([layer(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, values)
                              for layer, x in zip(heads, features)], dim=1)

        return flatten(self.locations, 4), flatten(self.logits, self.num_classes)


def build_ssd300(config):
    return SSD300(config.num_classes, config.extras_in_channels, config.extras_out_channels, config.extras_strides,
                  config.extras_ratio, config.num_default)


def detection_loss(locations, logits, targets, labels, num_match, gamma, alpha):
    """The loss of src/ssd/losses.py; labels int64."""
    truth = functional.one_hot(labels, logits.shape[-1]).float()
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    probability = logits.sigmoid()
    miss = truth * (1 - probability) + (1 - truth) * probability
    weight = truth * alpha + (1 - truth) * (1 - alpha)
    classification = (weight * miss**gamma * entropy).sum()
    positive = (labels > 0).float()
    localisation = (functional.smooth_l1_loss(locations, targets, reduction="none").sum(-1) * positive).sum()
    return (classification + localisation) / num_match.sum().clamp(min=1)
