"""Seconds of a training step and of an inference: the recommended detector here, and YOLO11n. Needs `ultralytics`.

    python -m tests.benchmarks.yolo_step [--record FILE] [--baseline FILE] [--batch_size N ...]

YOLO11n trains in PyTorch, eager, in two memory formats; inference is that of one image in ONNX Runtime, up to the boxes
and scores of all places. Each variant runs in a process of its own, in turns; medians are shown.
"""
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import train_step
from tests.benchmarks.in_turns import median_seconds, serve
from tests.benchmarks.inference import export_untrained
from tests.benchmarks.pytorch_step import FORMATS
from tests.benchmarks.table import parse_arguments, report

RECOMMENDED = "--config_path=config/ssd_efficientnet_lite0_fpnlite_bccd_config.yaml"
OUR_TRAINING, OUR_INFERENCE, YOLO_INFERENCE = "training here", "inference here", "inference of YOLO11n"


def create_yolo(config):
    """YOLO11n, without weights."""
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    net = DetectionModel("yolo11n.yaml", nc=config.num_classes - 1, verbose=False)
    net.args = get_cfg()  # the weights of its losses
    return net


def create_yolo_step(config, memory_format):
    """Function that makes one training step of YOLO11n."""
    import torch

    from src.runtime.environment import available_cores

    torch.set_num_threads(config.cpu_threads or available_cores())
    memory_format = getattr(torch, memory_format)
    net = create_yolo(config).to(memory_format=memory_format).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, nesterov=True)
    images = torch.rand(config.batch_size, 3, *config.img_shape).contiguous(memory_format=memory_format)
    boxes = torch.tensor([[0.4, 0.35, 0.6, 0.5], [0.65, 0.7, 0.4, 0.5]])  # centre, width and height
    batch = {"img": images, "bboxes": boxes.repeat(len(images), 1), "cls": torch.zeros(2 * len(images), 1),
             "batch_idx": torch.arange(len(images)).repeat_interleave(2)}

    def step():
        optimizer.zero_grad()
        loss = net(batch)[0].sum()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def export_yolo(config, folder):
    """Path of an ONNX file of YOLO11n for one image."""
    import torch

    path = Path(folder, "yolo11n.onnx")
    net = create_yolo(config).eval().fuse(verbose=False)
    torch.onnx.export(net, torch.zeros(1, 3, *config.img_shape), str(path), dynamo=False)
    return path


def create_inference(config, export):
    """Function that runs the file that `export(folder)` writes on one image."""
    import numpy as np

    from src.inference.onnx_runtime import create_session

    with tempfile.TemporaryDirectory() as folder:
        session = create_session(export(folder), threads=config.cpu_threads)
    image = {session.get_inputs()[0].name: np.zeros((1, 3, *config.img_shape), np.float32)}
    return lambda: session.run(None, image)


def create_function(name, flags):
    """What the process of that name measures."""
    config = train_step.load(flags)
    if name == OUR_INFERENCE:
        return create_inference(config, lambda folder: export_untrained(flags, folder, "--batch_size=1"))
    if name == YOLO_INFERENCE:
        return create_inference(config, lambda folder: export_yolo(config, folder))
    return create_yolo_step(config, name)


def main(argv):
    options, flags = parse_arguments(__doc__, [RECOMMENDED, *argv])
    this = "tests.benchmarks.yolo_step"
    processes = {OUR_TRAINING: ["tests.benchmarks.train_step", train_step.SERVE, *flags]}
    processes |= {f"training of YOLO11n, {name}": [this, train_step.SERVE, name, *flags] for name in FORMATS}
    processes |= {name: [this, train_step.SERVE, name, *flags] for name in (OUR_INFERENCE, YOLO_INFERENCE)}
    seconds = median_seconds(processes)
    report(seconds, "s", options)
    yolo = min(value for name, value in seconds.items() if name.startswith("training of"))
    print(f"ratio of training: {seconds[OUR_TRAINING] / yolo:.2f}")
    print(f"ratio of inference: {seconds[OUR_INFERENCE] / seconds[YOLO_INFERENCE]:.2f}")


if __name__ == "__main__":
    if train_step.SERVE in sys.argv:
        sys.argv.remove(train_step.SERVE)
        serve(create_function(sys.argv[1], sys.argv[2:]))
    else:
        main(sys.argv[1:])
