"""Steps of several processes, one at a time and in turns: a busy or slow moment of the machine meets all of them.

Who waits is stopped. Its threads would otherwise look for work meanwhile, and take time from who is measured.
"""
import contextlib
import signal
import statistics
import subprocess
import sys
import time

ROUNDS = 10
MARK = "seconds:"


def serve(step):
    """In a process that is measured: calls `step` for each line of the standard input."""
    step()
    step()
    print(MARK, 0, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(MARK, time.perf_counter() - start, flush=True)


def _next_time(process):
    for line in process.stdout:
        if line.startswith(MARK):
            return float(line.removeprefix(MARK))
    return sys.exit(f"{' '.join(process.args)} failed:\n{process.stderr.read()}")


@contextlib.contextmanager
def _awake(process):
    """Context manager: the process runs, and is stopped at the end."""
    process.send_signal(signal.SIGCONT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGSTOP)


def median_seconds(modules, rounds=ROUNDS):
    """Median time of a step of each process.

    Args:
        modules: name -> module that calls `serve`, and its arguments.
    """
    processes = {}
    try:
        for name, arguments in modules.items():
            process = subprocess.Popen([sys.executable, "-m", *arguments], text=True, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            processes[name] = process
            with _awake(process):
                _next_time(process)
        seconds = {name: [] for name in processes}
        for _ in range(rounds):
            for name, process in processes.items():
                with _awake(process):
                    process.stdin.write("step\n")
                    process.stdin.flush()
                    seconds[name].append(_next_time(process))
    finally:
        for process in processes.values():
            process.kill()
    return {name: statistics.median(values) for name, values in seconds.items()}
