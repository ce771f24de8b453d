"""The layers of `src`: imports go downward only, and importing a module does nothing."""
import ast
import subprocess
import sys

import pytest

from tests.golden_data import ROOT

SRC = ROOT / "src"
# Layer of each module or package, the longest fitting name counts. See README, "How the code is organised".
LAYERS = {
    "src": 0,
    "src.model_utils": 0,
    "src.anchor_generator": 0,
    "src.box_utils": 0,
    "src.lr_schedule": 0,
    "src.eval_utils": 0,
    "src.visualize": 0,
    "src.fonts": 0,
    "src.plots": 0,
    "src.download_dataset": 0,
    "src.shapes_dataset": 0,
    "src.torch_file": 0,
    "src.weight_file": 0,
    "src.result_files": 0,
    "src.layers": "networks",
    "src.mobilenet_v1": "networks",
    "src.mobilenet_v2": "networks",
    "src.efficientnet_lite": "networks",
    "src.resnet": "networks",
    "src.vgg16": "networks",
    "src.fpn": "networks",
    "src.focal_loss": "networks",
    "src.mindcv_backbone": "networks",
    "src.cpu_kernels": "networks",
    "src.dataset": "data",
    "src.init_params": 2,
    "src.ssd": 2,
    "src.model_utils.device_adapter": 3,
    "src.model_utils.moxing_adapter": 3,
    "src.train_step": 3,
    "src.train_log": 3,
    "src.train_loop": 3,
    "src.training_state": 0,
    "src.resume": 3,
    "src.run_folder": 3,
    "src.checkpoint": 3,
    "src.eval_callback": 3,
    "src.evaluation": 3,
    "src.training": 3,
    "src.network_size": 3,
    "src.weight_average": 3,
    "src.first_batch": 3,
    "src.run_summary": 3,
    "src.watching": 3,
    "src.data_check": 3,
    "src.import_weights": 3,
    "src.inference": 3,
    "src.predictors": 3,
    "src.prediction": 3,
    "src.report": 3,
    "src.model_export": 3,
    "src.model_metadata": 3,
    "src.onnx_export": 0,
    "src.export_check": 3,
    "src.delivery": 3,
    "src.lite_conversion": 3,
    "src.cpp_inference": 3,
    "src.sample_images": 3,
    "src.benchmark": 3,
}
MAY_IMPORT = {
    0: {0},
    "networks": {0, "networks"},
    "data": {0, "data"},
    2: {0, "networks", 2},
    3: {0, "networks", "data", 2, 3},
}
MODULES = sorted(SRC.rglob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module):
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in LAYERS and (name != "src" or module == "src"):
            return LAYERS[name]
    return pytest.fail(f"{module} has no layer: add it to LAYERS")


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                if (ROOT / f"{module.replace('.', '/')}.py").exists():
                    yield module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_downward(path):
    layer = layer_of(name_of(path))
    scripts = {script.stem for script in ROOT.glob("*.py")}
    for module in imports_of(path):
        top = module.split(".")[0]
        assert top not in scripts, f"{path} imports the entry script {top}"
        if top == "src" and module != "src":
            assert layer_of(module) in MAY_IMPORT[layer], f"{path} imports {module}"
        if layer == 0:
            assert top not in ("mindspore", "mindcv"), f"{path} of layer 0 imports {module}"


DEFINITIONS = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.If, ast.Try,
)
# calls that complete a definition: rows of the model table, and rules of a YAML class
DEFINING_CALLS = ("register", "add_implicit_resolver", "add_representer")


def defines(node):
    if isinstance(node, ast.For):
        return all(map(defines, node.body))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func
        return (called.attr if isinstance(called, ast.Attribute) else called.id) in DEFINING_CALLS
    return isinstance(node, DEFINITIONS) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_only_define(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert defines(node), f"{path}:{node.lineno} runs at import"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_builders_receive_the_configuration(path):
    if name_of(path).startswith("src.model_utils.config"):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
            builder = node.name.lstrip("_").startswith(("build_", "create_"))
            assert "config" not in names or builder, f"{path}:{node.lineno} {node.name} receives the configuration"


def test_layer_0_imports_without_mindspore():
    modules = [name_of(path) for path in MODULES if layer_of(name_of(path)) == 0]
    code = f"import sys; sys.modules['mindspore'] = None\nfor name in {modules}: __import__(name)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.py")), ids=lambda path: path.name)
def test_entry_scripts_are_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80, f"{path.name} has {len(lines)} lines"
