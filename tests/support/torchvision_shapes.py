"""Shapes of the parameters of torchvision's classifiers by name, listed here from their architecture."""


def batch_norm(name, channels):
    """Those of a BatchNorm layer of PyTorch."""
    parts = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {**parts, f"{name}.num_batches_tracked": ()}


def mobilenet_v2():
    shapes = {"features.0.0.weight": (32, 3, 3, 3), **batch_norm("features.0.1", 32)}
    channels, number = 32, 1
    stages = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
    for expansion, out, repeats in stages:
        for _ in range(repeats):
            name, hidden, layer = f"features.{number}.conv", channels * expansion, 0
            if expansion > 1:
                shapes |= {f"{name}.0.0.weight": (hidden, channels, 1, 1), **batch_norm(f"{name}.0.1", hidden)}
                layer = 1
            shapes |= {f"{name}.{layer}.0.weight": (hidden, 1, 3, 3), **batch_norm(f"{name}.{layer}.1", hidden)}
            shapes[f"{name}.{layer + 1}.weight"] = (out, hidden, 1, 1)
            shapes |= batch_norm(f"{name}.{layer + 2}", out)
            channels, number = out, number + 1
    shapes |= {"features.18.0.weight": (1280, 320, 1, 1), **batch_norm("features.18.1", 1280)}
    return {**shapes, "classifier.1.weight": (1000, 1280), "classifier.1.bias": (1000,)}


def resnet50():
    shapes = {"conv1.weight": (64, 3, 7, 7), **batch_norm("bn1", 64)}
    channels = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            convolutions = ((width, channels, 1), (width, width, 3), (4 * width, width, 1))
            for number, (out, inner, size) in enumerate(convolutions, start=1):
                shapes[f"{name}.conv{number}.weight"] = (out, inner, size, size)
                shapes |= batch_norm(f"{name}.bn{number}", out)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * width, channels, 1, 1)
                shapes |= batch_norm(f"{name}.downsample.1", 4 * width)
            channels = 4 * width
    return {**shapes, "fc.weight": (1000, 2048), "fc.bias": (1000,)}


def vgg16(with_batch_norm):
    shapes, channels, layer = {}, 3, 0
    for out in (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"):
        if out == "M":
            layer += 1
            continue
        shapes |= {f"features.{layer}.weight": (out, channels, 3, 3), f"features.{layer}.bias": (out,)}
        if with_batch_norm:
            shapes |= batch_norm(f"features.{layer + 1}", out)
        channels, layer = out, layer + (3 if with_batch_norm else 2)
    return {**shapes, "classifier.6.bias": (1000,)}
