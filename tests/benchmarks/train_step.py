"""Seconds of a training step of a detector on this CPU, with the settings of the entry scripts and without.

    python -m tests.benchmarks.train_step [--config_path FILE --batch_size N ...]

Each variant runs in a process of its own; medians over the steps after the first two are compared.
"""
import json
import os
import statistics
import subprocess
import sys
import time

VARIANTS = {
    "oneDNN limited by the environment variable, MindSpore's own threads": {"ONEDNN_MAX_CPU_ISA": "AVX2", "PLAIN": "1"},
    "as the entry scripts set it up": {},
}
STEPS = 12


def measure(argv):
    """Seconds of each step on random data."""
    import mindspore as ms
    import numpy as np

    from src.box_utils import build_box_coder
    from src.model_utils.config import load_config
    from src.model_utils.device_adapter import set_up_device
    from src.ssd import build_training_net
    from src.train_step import build_train_step

    config = load_config(["--device_target=CPU", "--batch_size=16", *argv])
    if os.environ.get("PLAIN"):
        ms.set_context(mode=ms.GRAPH_MODE)
        ms.set_device("CPU")
    else:
        set_up_device("CPU", cpu_threads=config.cpu_threads)
    rng = np.random.default_rng(0)
    targets, labels, num_match = build_box_coder(config).encode([[0.1, 0.1, 0.6, 0.7, 1], [0.5, 0.4, 0.9, 0.8, 1]])
    batch = config.batch_size
    inputs = [
        ms.Tensor(rng.standard_normal((batch, 3, *config.img_shape)).astype(np.float32)),
        ms.Tensor(np.stack([targets] * batch)),
        ms.Tensor(np.stack([labels] * batch)),
        ms.Tensor(np.full((batch, 1), num_match, np.int32)),
    ]
    step = build_train_step(config, build_training_net(config), np.full(STEPS + 2, 1e-4, np.float32))
    seconds = []
    for _ in range(STEPS + 2):
        start = time.perf_counter()
        step(*inputs).asnumpy()
        seconds.append(time.perf_counter() - start)
    return seconds[2:]


def main(argv):
    medians = {}
    for name, variables in VARIANTS.items():
        command = [sys.executable, "-m", "tests.benchmarks.train_step", "--measure", *argv]
        done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        medians[name] = statistics.median(json.loads(done.stdout.splitlines()[-1]))
        print(f"{medians[name]:7.3f} s  {name}")
    first, last = list(medians.values())
    print(f"ratio of the second to the first: {last / first:.2f}")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        sys.argv.remove("--measure")
        print(json.dumps(measure(sys.argv[1:])))
    else:
        main(sys.argv[1:])
