"""Fuzzes one target: `python -m tests.fuzz.run TARGET [--iterations N] [--seconds S] [--output FOLDER]`.

With atheris, which is guided by the lines that an input reaches; without it, by random changes alone. The first fault
ends the run with another exit code than 0; its input is then in the output folder.
"""
import argparse
import contextlib
import hashlib
import importlib.util
import logging
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.fuzz.mutations import MOST_BYTES, mutate

NAMES = ("coco", "voc", "txt", "yolo", "yolo_data", "labelme", "cvat", "label_studio", "yaml")
# Bounds of one input.
MOST_SECONDS, MOST_MEGABYTES = 10, 3000
INSTRUMENTED = ["src", "yaml", "xml", "defusedxml", "json"]
# atheris never frees the arrays that instrumented code compares.
NOT_INSTRUMENTED = ["src.dataset.annotations", "src.dataset.formats.coco"]


def main(argv=None):
    arguments = parse_arguments(argv)
    arguments.output.mkdir(parents=True, exist_ok=True)
    logging.disable(logging.CRITICAL)
    limit_memory()
    has_atheris = importlib.util.find_spec("atheris") is not None
    run = run_atheris if has_atheris and not arguments.without_atheris else run_mutations
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        return run(arguments, Path(folder))


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--iterations", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=0, help="end after so many; 0: no limit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("output/fuzz"), help="folder of inputs that show a fault")
    parser.add_argument("--without_atheris", action="store_true")
    return parser.parse_args(argv)


def limit_memory():
    """Makes what asks for more memory than that a `MemoryError`, where the system can."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEGABYTES << 20, resource.RLIM_INFINITY))


def memory_folder():
    """A folder in memory, where there is one: every input is a file."""
    return next((path for path in ("/dev/shm",) if os.access(path, os.W_OK)), None)


def run_atheris(arguments, folder):
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED, exclude=NOT_INSTRUMENTED):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz.seeds import seed_inputs

    seeds = seed_inputs(arguments.target)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(data)

    def change(data, most, seed):
        rng = random.Random(seed)
        return mutate(data, rng, seeds)[:most] if rng.random() < 0.5 else atheris.Mutate(data, most)

    options = [f"-runs={arguments.iterations}", f"-max_total_time={arguments.seconds}", f"-seed={arguments.seed}",
               f"-timeout={MOST_SECONDS}", f"-rss_limit_mb={MOST_MEGABYTES}", f"-max_len={MOST_BYTES}",
               f"-artifact_prefix={arguments.output / arguments.target}-", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *options], lambda data: TARGETS[arguments.target](folder, data), custom_mutator=change)
    atheris.Fuzz()  # ends the process


def run_mutations(arguments, folder):
    """Returns 0, or 1 after a fault."""
    from tests.fuzz.seeds import seed_inputs
    from tests.fuzz.targets import TARGETS

    rng, inputs = random.Random(arguments.seed), seed_inputs(arguments.target)
    start, count = time.monotonic(), 0
    while count < arguments.iterations and not 0 < arguments.seconds <= time.monotonic() - start:
        data = inputs[count] if count < len(inputs) else mutate(rng.choice(inputs), rng, inputs)
        try:
            with at_most(MOST_SECONDS):
                TARGETS[arguments.target](folder, data)
        except Exception:
            path = arguments.output / f"{arguments.target}-crash-{hashlib.sha1(data).hexdigest()}"
            path.write_bytes(data)
            print(f"{traceback.format_exc()}\ninput {count} is kept in {path}", file=sys.stderr)
            return 1
        count += 1
    print(f"{arguments.target}: {count} inputs in {time.monotonic() - start:.0f} s, no fault (random changes)")
    return 0


@contextlib.contextmanager
def at_most(seconds):
    """Raises `TimeoutError` in the block after so long, where the system has such alarms."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_):
        raise TimeoutError(f"not done within {seconds} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


if __name__ == "__main__":
    sys.exit(main())
