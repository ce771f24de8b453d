"""Seconds of a training step: here with the kernels of src/cpu_kernels, and in PyTorch. Needs `torch`.

    python -m tests.benchmarks.pytorch_step [--record FILE] [--baseline FILE] [--batch_size N ...]
    python -m tests.benchmarks.pytorch_step --config_path=config/ssd_vgg16_config.yaml --batch_size=4

ssd300 is compared with the same network in PyTorch, ssd_vgg16 with torchvision's `ssd300_vgg16`, which needs
`torchvision`. PyTorch is measured in all its ways, of which the fastest counts. Each runs in a process of its own, on
the same random data, in turns; medians are shown.
"""
import contextlib
import sys

from tests.benchmarks import train_step
from tests.benchmarks.in_turns import median_seconds, serve
from tests.benchmarks.table import parse_arguments, report

FORMATS = ("contiguous_format", "channels_last")
COMPILED, BFLOAT16 = "compiled", "bfloat16"
WAYS = ("contiguous_format", "channels_last", f"channels_last,{COMPILED}", f"channels_last,{BFLOAT16}",
        f"channels_last,{BFLOAT16},{COMPILED}")
OURS = {"MindSpore with the kernels": "fp32", "MindSpore with the kernels, cpu_precision=auto": "auto"}


def create_step(config, way):
    """Function that makes one training step in PyTorch.

    Args:
        way: memory format, and what else there is to it: `torch.compile`, automatic mixed precision with bfloat16.
    """
    import torch

    from src.runtime.environment import available_cores

    torch.set_num_threads(config.cpu_threads or available_cores())
    memory_format, *options = way.split(",")
    memory_format = getattr(torch, memory_format)
    builders = {"ssd300": _build_ssd300, "ssd_vgg16": _build_torchvision_ssd300_vgg16}
    net, compute_loss = builders[config.model_name](config, memory_format)
    if COMPILED in options:
        net.compile()
    decayed = [value for value in net.parameters() if value.ndim > 1]
    others = [value for value in net.parameters() if value.ndim == 1]
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": config.weight_decay}, {"params": others}],
                                lr=1e-4, momentum=config.momentum)

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if BFLOAT16 in options else contextlib.nullcontext():
            loss = compute_loss()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _build_ssd300(config, memory_format):
    """The network, and a function that gives its loss."""
    import torch

    from tests.benchmarks.pytorch_ssd300 import build_ssd300, detection_loss

    net = build_ssd300(config).to(memory_format=memory_format).train()
    images, targets, labels, num_match = map(torch.from_numpy, train_step.random_batch(config))
    images, labels = images.contiguous(memory_format=memory_format), labels.long()
    return net, lambda: detection_loss(*net(images), targets, labels, num_match, config.gamma, config.alpha)


def _build_torchvision_ssd300_vgg16(config, memory_format):
    import torch
    from torchvision.models.detection import ssd300_vgg16

    net = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=config.num_classes)
    net = net.to(memory_format=memory_format).train()
    images = list(torch.from_numpy(train_step.random_batch(config)[0]).sigmoid())
    boxes = torch.tensor([[30.0, 30.0, 210.0, 180.0], [120.0, 150.0, 270.0, 240.0]])
    targets = [{"boxes": boxes, "labels": torch.tensor([1, 2])} for _ in images]
    return net, lambda: sum(net(images, targets).values())


def main(argv):
    options, flags = parse_arguments(__doc__, argv)
    this = "tests.benchmarks.pytorch_step"
    processes = {name: ["tests.benchmarks.train_step", train_step.SERVE, *flags, f"--cpu_precision={precision}"]
                 for name, precision in OURS.items()}
    processes |= {f"PyTorch, {way}": [this, train_step.SERVE, way, *flags] for way in WAYS}
    seconds = median_seconds(processes)
    report(seconds, "s", options)
    best = min((name for name in seconds if name not in OURS), key=seconds.get)
    for name in OURS:
        print(f"ratio of {name} to {best}: {seconds[name] / seconds[best]:.2f}")


if __name__ == "__main__":
    if train_step.SERVE in sys.argv:
        sys.argv.remove(train_step.SERVE)
        serve(create_step(train_step.load(sys.argv[2:]), sys.argv[1]))
    else:
        main(sys.argv[1:])
