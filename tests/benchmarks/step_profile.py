"""What a training step on this CPU spends its time on: with the limit of oneDNN alone, and with the project's kernels.

    python -m tests.benchmarks.step_profile [--record FILE] [--baseline FILE] [--config_path FILE --batch_size N ...]

MindSpore's profiler adds up the time of each operator; a table for each variant shows milliseconds a step.
"""
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.table import parse_arguments, report
from tests.benchmarks.train_step import BFLOAT16, KERNELS, PLAIN, SERVE, create_step, load

STEPS = 5
CONVOLUTION, NORMALISATION, REST = "convolutions", "BatchNorm, activations", "rest"
# by what the full name of an operator has in it, the first that fits
KINDS = {
    "optimizer-": "optimizer",
    "loss-": "loss",
    "Conv2d": CONVOLUTION,
    "BatchNorm2d": NORMALISATION,
    "ReLU": NORMALISATION,
}
BACKWARD = "Gradients/"


def kind_of(name):
    """What an operator belongs to, by its full name: the cells around it."""
    kind = next((kind for part, kind in KINDS.items() if part in name), REST)
    return f"{kind}, gradients" if name.startswith(BACKWARD) and kind != REST else kind


def profile(step):
    """Kind of operators -> milliseconds of a step."""
    from mindspore import profiler

    step()
    with tempfile.TemporaryDirectory() as folder:
        # The profiler writes beside what it is asked to.
        with profiler.profile(activities=[profiler.ProfilerActivity.CPU],
                              on_trace_ready=profiler.tensorboard_trace_handler(folder)) as recording:
            for _ in range(STEPS):
                step()
                recording.step()
        (path,) = Path(folder).glob("*/FRAMEWORK/cpu_op_detail_info_*.csv")
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["full_op_name"], float(row["op_total_time(ms)"]) / STEPS) for row in csv.DictReader(file)]
    totals = {}
    for name, milliseconds in rows:
        totals[kind_of(name)] = totals.get(kind_of(name), 0.0) + milliseconds
    totals = dict(sorted(totals.items(), key=lambda item: -item[1]))
    return {**totals, "all": sum(totals.values())}


def profile_apart(flags):
    """`profile` in a process of its own."""
    process = subprocess.run([sys.executable, "-m", "tests.benchmarks.step_profile", SERVE, *flags], text=True,
                             capture_output=True, check=False)
    if process.returncode:
        sys.exit(process.stdout + process.stderr)
    return json.loads(process.stdout.splitlines()[-1])


def main(argv):
    options, flags = parse_arguments(__doc__, argv)
    rows = {}
    for variant, flag in ((PLAIN, "--cpu_kernels=False"), (KERNELS, "--cpu_precision=fp32"),
                          (BFLOAT16, "--cpu_precision=auto")):
        rows.update({f"{variant}: {kind}": value for kind, value in profile_apart([*flags, flag]).items()})
    report(rows, "ms", options)


if __name__ == "__main__":
    if SERVE in sys.argv:
        sys.argv.remove(SERVE)
        print(json.dumps(profile(create_step(load(sys.argv[1:])))))
    else:
        main(sys.argv[1:])
