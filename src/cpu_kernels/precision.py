"""Numbers that the kernels compute with, and the instructions of the processor for them."""
import ctypes
from pathlib import Path
from typing import NamedTuple

from src.cpu_kernels.library import BuildError, build_library

FP32, BF16, AUTO = "fp32", "bf16", "auto"
# Products of bfloat16, the fastest first, with their numbers in `set_bfloat16_kind` of the library.
INSTRUCTIONS = {"AMX": 2, "AVX512_BF16": 1}
EMULATED = 0


class Precision(NamedTuple):
    """What `choose_precision` decides: whether products are those of bfloat16, and a text for the log."""

    is_bfloat16: bool
    text: str


def choose_precision(library: Path, cpu_precision: str) -> Precision:
    """The precision that `cpu_precision` asks for, and the library set to the best instructions for it.

    Args:
        library: path of the kernels.
        cpu_precision: `fp32`, `bf16`, or `auto`: bf16 where the processor has instructions for it.
    """
    if cpu_precision == FP32:
        return Precision(False, "float32")
    kernels = ctypes.CDLL(str(library))
    for name, number in INSTRUCTIONS.items():
        if kernels.set_bfloat16_kind(number):
            return Precision(True, f"bfloat16 with {name}")
    if cpu_precision == AUTO:
        return Precision(False, f"float32, since this processor has no {' and no '.join(INSTRUCTIONS)}")
    kernels.set_bfloat16_kind(EMULATED)
    return Precision(True, f"bfloat16, emulated since this processor has no {' and no '.join(INSTRUCTIONS)}; "
                     "cpu_precision=fp32 is faster")


def describe_arithmetic(cpu_precision: str) -> str:
    """What results depend on beyond the settings, since sums have another order: numbers, instructions, vectors."""
    try:
        library = build_library()
        bits = ctypes.CDLL(str(library)).vector_bits()
    except (BuildError, OSError):
        return "that of MindSpore"
    return f"{choose_precision(library, cpu_precision).text}, vectors of {bits} bits"
