"""Starts the ranks of a data-parallel run and watches them: when one fails, all others are ended.

    python launch_ranks.py --ranks=N --logs=LOG{rank}/log.txt [--with_scheduler] COMMAND...
    python launch_ranks.py msrun [OPTION...] COMMAND...

The first form starts COMMAND once for each rank, with RANK_ID, DEVICE_ID and RANK_SIZE set; with --with_scheduler it
also starts MindSpore's scheduler, which a CPU needs. In the second form msrun starts the ranks. Either way the output
of the first rank is shown, and the exit code is 0 only when every process succeeded. When one failed, the last lines
of its log are shown.
"""
import argparse
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from typing import BinaryIO, NamedTuple, NoReturn

import psutil

# Tells ranks that this program ends the scheduler, so that they need not sign off from it.
LAUNCHER = "SSD_LAUNCHER"
PR_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h
POLL_SECONDS = 0.1
SECONDS_TO_END = 3  # from SIGTERM to SIGKILL
SECONDS_TO_SAVE = 60  # the same, when the user ends the run: ranks finish a step, and the first one saves
SHOWN_LINES = 25


class Watched(NamedTuple):
    """A process of the run: process id, rank (None: the scheduler), log file."""

    pid: int
    rank: str | None
    log: str

    def __str__(self) -> str:
        name = "the scheduler" if self.rank is None else f"rank {self.rank}"
        return f"{name} (process {self.pid} on {socket.gethostname()})"


class Run:
    """All processes below this one. It adopts those whose parents end, so that none is lost."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.watched: dict[int, Watched] = {}  # by process id
        self.alive: set[int] = set()
        # Kept, because a Popen object that is collected takes the exit code of its process.
        self.started: list[subprocess.Popen] = []
        self.shown: BinaryIO | None = None  # open log of the first rank
        self.patience = SECONDS_TO_END

    def start_ranks(self, command: list[str], ranks: int, logs: str, with_scheduler: bool) -> None:
        """Starts `command` for each rank, and the scheduler before them.

        Args:
            logs: name of the log files, with `{rank}`.
        """
        variables = {**os.environ, LAUNCHER: "1", "RANK_SIZE": str(ranks)}
        if with_scheduler:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            variables.update(MS_SCHED_HOST="127.0.0.1", MS_SCHED_PORT=str(port), MS_WORKER_NUM=str(ranks))
            log = os.path.join(os.path.dirname(logs.format(rank=0)), "scheduler.txt")
            self._start(command, None, log, {**variables, "MS_ROLE": "MS_SCHED"})
            variables["MS_ROLE"] = "MS_WORKER"
        for rank in map(str, range(ranks)):
            numbers = {"RANK_ID": rank, "DEVICE_ID": rank, "MS_NODE_ID": rank}
            self._start(command, rank, logs.format(rank=rank), {**variables, **numbers})

    def _start(self, command: list[str], rank: str | None, log: str, variables: dict[str, str]) -> None:
        os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
        with open(log, "ab") as stream:  # of a run that resumes, the log continues
            begins_at = stream.tell()
            process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=stream,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        self.started.append(process)
        self._watch(Watched(process.pid, rank, log), begins_at)

    def _watch(self, one: Watched, begins_at: int = 0) -> None:
        self.watched[one.pid] = one
        self.alive.add(one.pid)
        if self.shown is None and one.rank is not None:
            self.shown = open(one.log, "rb")  # noqa: SIM115  read until the run ends
            self.shown.seek(begins_at)

    def follow_msrun(self, command: list[str]) -> None:
        """Starts msrun and finds the processes that it starts."""
        process = subprocess.Popen(command, env={**os.environ, LAUNCHER: "1"}, stdin=subprocess.DEVNULL)
        while process.poll() is None:
            self._find(psutil.Process(process.pid))
            time.sleep(POLL_SECONDS / 2)
        self._find(psutil.Process())  # msrun has ended, and this process has adopted the ranks
        if process.returncode or not self.watched:
            print(f"error: msrun ended with code {process.returncode}; the lines above say why", file=sys.stderr)
            self.end()
            sys.exit(process.returncode or 1)

    def _find(self, parent: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in parent.children():
                with contextlib.suppress(psutil.Error, OSError):
                    # Between fork and exec a process still looks like msrun, which has no role.
                    variables = process.environ()
                    if process.pid not in self.watched and "MS_ROLE" in variables:
                        rank = None if variables["MS_ROLE"] == "MS_SCHED" else variables.get("RANK_ID", "unknown")
                        self._watch(Watched(process.pid, rank, os.readlink(f"/proc/{process.pid}/fd/1")))

    def wait(self) -> int:
        """Waits until all ranks have ended, or ends them when one has failed. Returns the exit code."""
        while any(self.watched[pid].rank is not None for pid in self.alive):
            failures = [(one, code) for one, code in self._ended() if code]
            if failures:
                # A killed process is reported first: the others may have failed because it was missing.
                one, code = min(failures, key=lambda failure: (failure[0].rank is None, failure[1] > 0))
                self.end()
                self._show()
                _report(one, code)
                return code if code > 0 else 128 - code
            self._show()
            time.sleep(POLL_SECONDS)
        self.end()
        self._show()
        return 0

    def _ended(self) -> list[tuple[Watched, int]]:
        """`(Watched, exit code)` of the processes that ended since the last call."""
        ended = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid in self.alive:
                self.alive.discard(pid)
                ended.append((self.watched[pid], os.waitstatus_to_exitcode(status)))
        return ended

    def end(self) -> None:
        """Ends all processes that still run, descendants of ranks included."""
        schedulers = {pid for pid, one in self.watched.items() if one.rank is None}  # ranks need them to the end
        for stop, spared, seconds in ((psutil.Process.terminate, schedulers, self.patience),
                                      (psutil.Process.terminate, (), SECONDS_TO_END),
                                      (psutil.Process.kill, (), SECONDS_TO_END)):
            processes = [one for one in psutil.Process().children(recursive=True) if one.pid not in spared]
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    stop(process)
            psutil.wait_procs(processes, timeout=seconds)
        self.alive.clear()

    def leave(self, number: int) -> NoReturn:
        """Handles a signal to this process: exits, and `main` then ends all others."""
        self.patience = SECONDS_TO_SAVE
        sys.exit(128 + number)

    def _show(self) -> None:
        if self.shown is not None:
            sys.stdout.write(self.shown.read().decode(errors="replace"))
            sys.stdout.flush()


def _report(one: Watched, code: int) -> None:
    what = f"ended with code {code}" if code > 0 else f"was killed by signal {-code} ({signal.Signals(-code).name})"
    with open(one.log, encoding="utf-8", errors="replace") as stream:
        lines = stream.read().splitlines()[-SHOWN_LINES:]
    print(f"-- last lines of {one.log}", *lines, sep="\n", file=sys.stderr)
    print(f"error: {one} {what}; the other processes of the run were ended. Its log: {one.log}", file=sys.stderr,
          flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, help="number of processes to start; without it, COMMAND starts them")
    parser.add_argument("--logs", help="name of the log files, with {rank}")
    parser.add_argument("--with_scheduler", action="store_true",
                        help="start MindSpore's scheduler, which connects the ranks")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()

    run = Run()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays in force
            signal.signal(number, lambda number, _: run.leave(number))
    try:
        if arguments.ranks:
            run.start_ranks(arguments.command, arguments.ranks, arguments.logs, arguments.with_scheduler)
        else:
            run.follow_msrun(arguments.command)
        sys.exit(run.wait())
    finally:
        run.end()


if __name__ == "__main__":
    main()
