"""Weights of EfficientNet-Lite by a rule, with the names and shapes of its PyTorch files."""
import zlib

import numpy as np

from tests.support.torchvision_shapes import batch_norm

# channels and number of blocks of each stage; kernel and expansion of each stage
STAGES = {
    "lite0": ((16, 1), (24, 2), (40, 2), (80, 3), (112, 3), (192, 4), (320, 1)),
    "lite1": ((16, 1), (24, 3), (40, 3), (80, 4), (112, 4), (192, 5), (320, 1)),
    "lite2": ((16, 1), (24, 3), (48, 3), (88, 4), (120, 4), (208, 5), (352, 1)),
}
KERNELS = ((3, 1), (3, 6), (5, 6), (3, 6), (5, 6), (5, 6), (3, 6))


def shapes_of(size):
    """Shapes by name of the PyTorch file of a size."""
    shapes = {"_conv_stem.weight": (32, 3, 3, 3), **batch_norm("_bn0", 32)}
    channels, number = 32, 0
    for (out, repeats), (kernel, expansion) in zip(STAGES[size], KERNELS):
        for _ in range(repeats):
            name, hidden = f"_blocks.{number}", channels * expansion
            if expansion != 1:
                shapes |= {f"{name}._expand_conv.weight": (hidden, channels, 1, 1)}
                shapes |= batch_norm(f"{name}._bn0", hidden)
            shapes |= {f"{name}._depthwise_conv.weight": (hidden, 1, kernel, kernel)}
            shapes |= batch_norm(f"{name}._bn1", hidden)
            shapes |= {f"{name}._project_conv.weight": (out, hidden, 1, 1), **batch_norm(f"{name}._bn2", out)}
            channels, number = out, number + 1
    shapes |= {"_conv_head.weight": (1280, channels, 1, 1), **batch_norm("_bn1", 1280)}
    return {**shapes, "_fc.weight": (1000, 1280), "_fc.bias": (1000,)}


def rule_weights(size):
    """Arrays by name; each is a function of its name and shape."""
    return {name: _value(name, shape) for name, shape in shapes_of(size).items()}


def _value(name, shape):
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    normal = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if len(shape) > 1:
        return normal * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    if name.endswith("running_var"):
        return np.float32(0.5) + np.abs(normal)
    return np.float32(0.1) * normal + np.float32(name.endswith("weight"))


def seeded_image(height, width):
    """`(1, 3, height, width)` float32."""
    return np.random.default_rng(1).standard_normal((1, 3, height, width)).astype(np.float32)
