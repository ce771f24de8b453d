"""What the project needs of MindSpore that its documentation does not promise: this fails when one of it goes."""
import ast
import subprocess
import sys

import mindspore as ms
import pytest
from mindspore import nn
from mindspore.communication import GlobalComm
from mindspore.train import serialization

from src.runtime import releases
from tests.support.golden_data import ROOT

MODULES = sorted((ROOT / "src").rglob("*.py"))
PRIVATE_ALLOWED = ROOT / "src" / "runtime" / "releases.py"


def test_every_module_is_imported_and_says_nothing():
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES]
    done = subprocess.run([sys.executable, "-c", f"for name in {names}: __import__(name.removesuffix('.__init__'))"],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def private_names(tree):
    """Names of MindSpore in a module that begin with an underscore, and its generated protobuf modules."""
    of_mindspore = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mindspore":
            parts = [*node.module.split("."), *(alias.name for alias in node.names)]
            yield from (part for part in parts if part.startswith("_") or part.endswith("_pb2"))
            of_mindspore |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            of_mindspore |= {alias.asname or alias.name for alias in node.names if "mindspore" in alias.name}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in of_mindspore:
                yield node.attr


@pytest.mark.parametrize("path", [path for path in MODULES if path != PRIVATE_ALLOWED],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_private_names_are_used_in_one_module(path):
    assert list(private_names(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_the_check_of_private_names_finds_them():
    code = "import mindspore as ms\nfrom mindspore.train import a_pb2\nfrom mindspore._x import y\nms.a._b\ny._c.d"
    assert sorted(private_names(ast.parse(code))) == ["_b", "_c", "_x", "a_pb2"]


def test_release():
    assert ms.__version__.startswith("{}.{}".format(*releases.release()))


def test_the_private_function_that_asks_for_free_memory():
    assert hasattr(serialization, releases.AVAILABLE_MEMORY) == (releases.release() >= (2, 10))


def test_without_the_private_function(monkeypatch):
    monkeypatch.delattr(serialization, releases.AVAILABLE_MEMORY, raising=False)
    with releases.page_cache_counted_as_free():
        assert not hasattr(serialization, releases.AVAILABLE_MEMORY)


@pytest.mark.skipif(sys.platform != "linux", reason="names of shared libraries on Linux")
def test_onednn_3_is_found():
    assert bool(releases.onednn_files()) == (releases.release() >= (2, 9))


class MapOfTexts:
    def __init__(self):
        self.user_info = {}


class ListOfPairs:
    def __init__(self):
        self.user_info, self.pairs = self, {}

    def add(self, key, value):
        self.pairs[key] = value


def test_both_kinds_of_user_info():
    texts = {"model_name": "ssd300", "min_score": "0.1"}
    new, old = MapOfTexts(), ListOfPairs()
    releases.add_user_info(new, texts)
    releases.add_user_info(old, texts)
    assert new.user_info == old.pairs == texts


@pytest.mark.parametrize(("cell", "attributes"), [
    (nn.Conv2d(4, 4, 3, group=4), ("stride", "dilation", "padding", "pad_mode", "group", "kernel_size", "in_channels",
                                   "out_channels", "has_bias", "weight", "cls_name", "compile_cache", "training")),
    (nn.BatchNorm2d(4), ("use_batch_statistics", "moving_mean", "moving_variance", "gamma", "beta", "eps", "momentum")),
    (nn.MaxPool2d(2), ("kernel_size", "stride", "pad_mode")),
    (ms.amp.DynamicLossScaler(2.0, 2, 10), ("scale_value", "counter")),
    (nn.Momentum([ms.Parameter(ms.Tensor([1.0]), name="w")], 0.1, 0.9), ("parameters", "learning_rate", "global_step",
                                                                         "hyper_map", "moments")),
    (GlobalComm, ("INITED",)),
], ids=lambda value: type(value).__name__)
def test_attributes_that_no_page_describes(cell, attributes):
    assert [name for name in attributes if not hasattr(cell, name)] == []


def test_the_class_of_a_cell_can_be_changed():
    class Twice(nn.ReLU):
        def construct(self, x):
            return 2 * super().construct(x)

    cell = nn.ReLU()
    cell.__class__ = Twice
    assert cell(ms.Tensor([1.0], ms.float32)).asnumpy().tolist() == [2.0]
