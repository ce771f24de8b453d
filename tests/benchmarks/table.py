"""What the benchmarks share: medians, and a table with ratios to figures that were recorded before."""
import argparse
import json
import statistics
import time
from pathlib import Path


def parse_arguments(description, argv):
    """Options of every benchmark, and the rest: flags of the configuration."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the figures to FILE, as a baseline")
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="show ratios to the figures of FILE")
    return parser.parse_known_args(argv)


def median_seconds(*functions, seconds=2.0):
    """Median time that each function takes of one core.

    It is the time of the calling thread, and the functions are called in turns, ten times each, so that other programs
    on the machine disturb little.
    """
    times = [[] for _ in functions]
    for function in functions:
        function()
    start = time.perf_counter()
    while not times[-1] or time.perf_counter() - start < seconds:
        for function, own in zip(functions, times):
            for _ in range(10):
                before = time.thread_time()
                function()
                own.append(time.thread_time() - before)
    return [statistics.median(own) for own in times]


def report(rows, unit, options):
    """Prints `rows`, a dictionary of numbers by name, beside the baseline, and records them where asked to."""
    baseline = json.loads(options.baseline.read_text(encoding="utf-8")) if options.baseline else {}
    width = max(map(len, rows))
    print(f"{'':<{width}}  {unit:>10}" + (f"  {'baseline':>10}  {'ratio':>6}" if baseline else ""))
    for name, value in rows.items():
        line = f"{name:<{width}}  {value:10.3f}"
        if name in baseline:
            line += f"  {baseline[name]:10.3f}  {value / baseline[name]:6.2f}"
        print(line)
    if options.record:
        options.record.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
