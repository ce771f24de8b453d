"""Seconds of a training step on this CPU: with the limit of oneDNN alone, and with the kernels of src/cpu_kernels, in
float32 and in bfloat16 where the processor has it.

    python -m tests.benchmarks.train_step [--record FILE] [--baseline FILE] [--config_path FILE --batch_size N ...]

Each variant runs in a process of its own, on the same random data, in turns; medians are shown.
"""
import logging
import sys

from tests.benchmarks.in_turns import median_seconds, serve
from tests.benchmarks.table import parse_arguments, report

SERVE = "--serve"
PLAIN, KERNELS, BFLOAT16 = "oneDNN limited to AVX2", "with the kernels", "with the kernels, cpu_precision=auto"


def load(argv):
    """The configuration, in float32 on a CPU."""
    from src.config import load_config

    return load_config(["--batch_size=16", *argv, "--device_target=CPU", "--use_float16=False"])


def random_batch(config):
    """Image, targets, labels, numbers of matches as NumPy arrays."""
    import numpy as np

    from src.boxes import build_box_coder

    encoded = build_box_coder(config).encode([[0.1, 0.1, 0.6, 0.7, 1], [0.5, 0.4, 0.9, 0.8, 1]])
    images = np.random.default_rng(0).standard_normal((config.batch_size, 3, *config.img_shape)).astype(np.float32)
    targets, labels, num_match = (np.stack([np.asarray(array)] * config.batch_size) for array in encoded)
    return images, targets, labels, num_match.reshape(-1, 1).astype(np.int32)


def create_step(config):
    """Function that makes one training step."""
    import mindspore as ms
    import numpy as np

    from src.runtime.device import set_up_device
    from src.ssd import build_training_net
    from src.training.optimizer import build_train_step

    set_up_device("CPU", cpu_threads=config.cpu_threads)
    step = build_train_step(config, build_training_net(config), np.full(10000, 1e-4, np.float32))
    batch = [ms.Tensor(array) for array in random_batch(config)]
    return lambda: step(*batch).asnumpy()


def main(argv):
    options, flags = parse_arguments(__doc__, argv)
    this = "tests.benchmarks.train_step"
    seconds = median_seconds({
        PLAIN: [this, SERVE, *flags, "--cpu_kernels=False"],
        KERNELS: [this, SERVE, *flags, "--cpu_kernels=True", "--cpu_precision=fp32"],
        BFLOAT16: [this, SERVE, *flags, "--cpu_kernels=True", "--cpu_precision=auto"],
    })
    report(seconds, "s", options)
    print(f"ratio: {seconds[KERNELS] / seconds[PLAIN]:.2f}, of cpu_precision=auto to float32: "
          f"{seconds[BFLOAT16] / seconds[KERNELS]:.2f}")


if __name__ == "__main__":
    if SERVE in sys.argv:
        logging.basicConfig(level=logging.ERROR)
        sys.argv.remove(SERVE)
        serve(create_step(load(sys.argv[1:])))
    else:
        main(sys.argv[1:])
