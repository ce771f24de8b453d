"""The floors of `src`: a room imports rooms of smaller floors only, and importing a module does nothing."""
import ast
import functools
import subprocess
import sys

import pytest

from tests.support.golden_data import ROOT

SRC = ROOT / "src"
# See docs/architecture.md. Rooms of one floor do not know each other.
FLOORS = (
    ("utils", "boxes", "layers"),
    ("runtime", "visualization", "backbones"),
    ("config", "dataset", "cpu_kernels"),
    ("ssd", "evaluation", "model_zoo"),
    ("weights",),
    ("inference",),
    ("export",),
    ("training",),
    ("dataset_check",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS, start=1) for room in rooms}
WITHOUT_MINDSPORE = ("utils", "boxes", "visualization", "config", "dataset")
MODULES = sorted(path for path in SRC.rglob("*.py") if path.parent != SRC)


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(module):
    return module.split(".")[1]


def imports_of(path):
    """Names of the modules that a file imports, wherever in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                place = ROOT / whole.replace(".", "/")
                yield whole if place.is_dir() or place.with_suffix(".py").exists() else node.module


def test_every_room_has_a_floor():
    rooms = {path.name for path in SRC.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(FLOOR_OF)


def test_no_file_lies_loose():
    assert [path.name for path in SRC.iterdir() if path.is_file()] == ["__init__.py"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_to_smaller_floors(path):
    room = room_of(name_of(path))
    scripts = {script.stem for script in ROOT.glob("*.py")}
    for module in imports_of(path):
        top = module.split(".")[0]
        assert top not in {*scripts, "tests"}, f"{path} imports {module}"
        if top == "src":
            other = room_of(module)
            assert other == room or FLOOR_OF[other] < FLOOR_OF[room], f"{path} imports {module}"


def test_no_module_imports_itself_by_a_circle():
    names = {name_of(path) for path in MODULES}
    graph = {name_of(path): {module for module in imports_of(path) if module in names} for path in MODULES}
    done = set()

    def visit(module, chain):
        assert module not in chain, " -> ".join([*chain, module])
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, [*chain, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])


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
    for node in tree_of(path).body:
        assert defines(node), f"{path}:{node.lineno} runs at import"


def test_rooms_that_import_without_mindspore():
    modules = [name_of(path) for path in MODULES if room_of(name_of(path)) in WITHOUT_MINDSPORE]
    code = f"import sys; sys.modules['mindspore'] = None\nfor name in {modules}: __import__(name)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


# What else opens files to read them: files of the system, of this checkout, or that this process has just made, and
# pipes of the shell that are named as such.
OWN_READERS = {"src.config.yaml_file", "src.cpu_kernels.library", "src.dataset.shapes", "src.export.cpp_config",
               "src.runtime.device", "src.training.auto_settings"}


def opens_to_read(node):
    """Whether a node is `open` for reading, or the function of a path that does the same."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return node.func.attr in ("read_text", "read_bytes")
    if not isinstance(node.func, ast.Name) or node.func.id != "open":
        return False
    mode = node.args[1] if len(node.args) > 1 else ast.Constant("r")
    return isinstance(mode, ast.Constant) and mode.value in ("r", "rb")


def test_files_are_opened_by_safe_io():
    """A named pipe or a device in the place of a file would keep the process waiting for ever."""
    readers = {name_of(path) for path in MODULES if any(map(opens_to_read, ast.walk(tree_of(path))))}
    assert readers == OWN_READERS


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.py")), ids=lambda path: path.name)
def test_entry_scripts_are_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80, f"{path.name} has {len(lines)} lines"
