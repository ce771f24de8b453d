"""Several ranks against one, in real processes on the CPU."""
import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from src.training.mean_over_ranks import MeanGradients, group_numbers
from tests.support import data_parallel_driver as driver
from tests.support.golden_data import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="msrun needs Linux")


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory, all_cores):
    """What each of two ranks wrote, with eight images a step each."""
    folder = tmp_path_factory.mktemp("ranks")
    binaries = os.path.dirname(sys.executable)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    msrun = shutil.which("msrun", path=binaries + os.pathsep + os.environ["PATH"])
    done = subprocess.run(
        [msrun, "--worker_num=2", "--local_worker_num=2", f"--master_port={port}", f"--log_dir={folder / 'log'}",
         "--join=True", "python", "-m", "tests.support.data_parallel_driver", str(folder)],
        cwd=ROOT, env={**os.environ, "PATH": binaries + os.pathsep + os.environ["PATH"], "GLOG_v": "3"}, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [dict(np.load(folder / f"{rank}.npz")) for rank in range(2)]


def test_all_ranks_hold_the_same_parameters_after_every_step(two_ranks):
    """All parameters: weights, moments, and BatchNorm's moving statistics."""
    first, second = (ranks["digests"].tolist() for ranks in two_ranks)
    assert first == second
    assert len(set(first)) == driver.STEPS + 1


def test_two_ranks_are_one_with_twice_the_batch(two_ranks, cpu):
    """Ten steps of two times eight images, and of sixteen. A rank that pauses does not end the run of the other."""
    before, after, _ = driver.ten_steps(rank=0, ranks=1)
    parallel = two_ranks[0]
    assert {f"after/{name}" for name in after} == {name for name in parallel if name.startswith("after/")}
    changed = 0
    for name, value in after.items():
        np.testing.assert_array_equal(before[name], parallel[f"before/{name}"], err_msg=name)
        np.testing.assert_allclose(parallel[f"after/{name}"], value, rtol=0, atol=1e-5, err_msg=name)
        changed = max(changed, np.abs(value - before[name]).max() if name.startswith("network.") else 0)
    assert changed > 1e-2


def test_statistics_of_batch_norm_are_those_of_all_ranks(two_ranks):
    numbers = [driver.numbers(rank) for rank in range(2)]
    mean, variance = np.mean([x.mean() for x in numbers]), np.mean([x.var(ddof=1) for x in numbers])
    for ranks in two_ranks:
        np.testing.assert_allclose(ranks["mean"], 0.1 * mean, rtol=1e-6)
        np.testing.assert_allclose(ranks["variance"], 0.9 + 0.1 * variance, rtol=1e-6)


def test_accumulation_average_and_decisions_of_two_ranks(two_ranks):
    first = 2 - 0.5 * (1 + 2 + 11 + 12) / 4
    second = first - 0.5 * (3 + 4 + 13 + 14) / 4
    mean = 2 + (1 - 2 / 11) * (first - 2)
    mean += (1 - 3 / 12) * (second - mean)
    for ranks in two_ranks:
        np.testing.assert_allclose(ranks["options"], [second, mean, 7, 0, 0, 15], rtol=1e-6)


def test_gradients_are_averaged_in_pynative_mode(two_ranks):
    for ranks in two_ranks:
        np.testing.assert_allclose(ranks["pynative"], 2 - 0.5 * (1 + 11) / 2, rtol=1e-6)


def test_groups_of_gradients_to_be_reduced_together():
    assert group_numbers(6, (1, 3)) == [0, 0, 1, 1, 2, 2]
    assert group_numbers(3, ()) == [0, 0, 0]
    assert group_numbers(2, (5, 9)) == [0, 0]
    all_reduces = MeanGradients(6, 2, (1, 3)).all_reduces
    assert [all_reduce.get_attr_dict()["fusion"] for all_reduce in all_reduces] == [1, 1, 2, 2, 3, 3]


def test_ranks_that_find_different_checkpoints_do_not_go_on(two_ranks):
    first, second = (str(ranks["error"]) for ranks in two_ranks)
    assert first == ""
    assert "rank 1 finds epoch 0, step 0" in second
    assert "the first rank epoch 3, step 2: all ranks need the same folder" in second
