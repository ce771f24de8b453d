"""Convolutions in float64, numbers of bfloat16, and calls of kernels without MindSpore, for the tests beside it."""
import ctypes

import numpy as np


def padding_of(size, kernel, stride, dilation, padding):
    """Pixels before and after, and the size of the result."""
    reach = dilation * (kernel - 1) + 1
    if padding == -1:
        out = -(-size // stride)
        total = max(0, (out - 1) * stride + reach - size)
        return total // 2, total - total // 2, out
    return padding, padding, (size + 2 * padding - reach) // stride + 1


def convolve(x, weight, stride, dilation, padding, dy=None):
    """Convolution in float64, or with `dy` its gradients; depthwise where the weight has one input channel of many."""
    top, bottom, height = padding_of(x.shape[2], weight.shape[2], stride, dilation, padding)
    left, right, width = padding_of(x.shape[3], weight.shape[3], stride, dilation, padding)
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    depthwise = weight.shape[1] == 1 and x.shape[1] > 1
    forward, to_source, to_weight = (("bchw,c->bchw", "bchw,c->bchw", "bchw,bchw->c") if depthwise
                                     else ("bchw,oc->bohw", "bohw,oc->bchw", "bohw,bchw->oc"))
    y = np.zeros((x.shape[0], weight.shape[0], height, width))
    dx, dw = np.zeros_like(padded), np.zeros(weight.shape)
    for row in range(weight.shape[2]):
        for column in range(weight.shape[3]):
            rows = slice(row * dilation, row * dilation + (height - 1) * stride + 1, stride)
            columns = slice(column * dilation, column * dilation + (width - 1) * stride + 1, stride)
            tap = weight[:, 0, row, column] if depthwise else weight[:, :, row, column]
            tap = tap.astype(np.float64)
            seen = padded[:, :, rows, columns]
            if dy is None:
                y += np.einsum(forward, seen, tap, optimize=True)
            else:
                dx[:, :, rows, columns] += np.einsum(to_source, dy, tap, optimize=True)
                of_tap = np.einsum(to_weight, dy, seen, optimize=True)
                if depthwise:
                    dw[:, 0, row, column] = of_tap
                else:
                    dw[:, :, row, column] = of_tap
    if dy is None:
        return y
    return dx[:, :, top : top + x.shape[2], left : left + x.shape[3]], dw


# batch, input and output channels, height, width, kernel, stride, dilation, padding (-1: same)
CONVOLUTIONS = [
    (1, 1, 1, 1, 1, 1, 1, 1, -1),
    (16, 40, 20, 1, 1, 3, 1, 1, -1),
    (2, 3, 32, 31, 30, 3, 2, 1, -1),  # stem
    (1, 3, 8, 150, 149, 7, 2, 1, -1),
    (3, 17, 33, 10, 11, 1, 1, 1, -1),
    (2, 9, 7, 8, 9, 1, 2, 1, -1),
    (2, 6, 5, 4, 4, 1, 1, 1, 1),  # 1 x 1 with padding, as in the extra layers of VGG16
    (2, 16, 24, 9, 10, 3, 2, 1, 0),
    (1, 300, 13, 19, 19, 3, 1, 6, 6),  # more than one block of products, dilated
    (1, 8, 70, 150, 75, 1, 1, 1, -1),
    (1, 8, 12, 5, 150, 5, 1, 1, -1),
    (5, 24, 20, 19, 19, 1, 1, 1, -1),  # panels and rows that reach from one image to the next
    (2, 32, 33, 17, 38, 3, 1, 1, -1),  # Winograd's algorithm from here on
    (3, 40, 64, 15, 14, 3, 1, 1, 1),
    (1, 64, 50, 23, 150, 3, 1, 1, -1),
    (1, 33, 40, 75, 16, 3, 1, 1, 0),
    (16, 100, 32, 5, 7, 3, 1, 1, -1),
    (1, 64, 64, 80, 80, 3, 1, 1, -1),  # in bfloat16 with large tiles from here on
    (2, 33, 40, 40, 75, 3, 1, 1, 1),
    (1, 32, 50, 42, 305, 3, 1, 1, 0),
]

DEPTHWISE_SIZES = [(1, 1), (2, 3), (3, 2), (5, 1), (10, 10), (19, 19), (15, 16), (16, 17), (33, 32), (38, 75), (75, 38),
                   (150, 2), (149, 150)]


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def to_bfloat16(array):
    """float32 -> the upper halves of the nearest bfloat16, ties to even, as uint16."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bfloat16(halves):
    """uint16 -> float32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def rounded(array):
    """float32 -> the nearest bfloat16, as float32."""
    return from_bfloat16(to_bfloat16(array))


TYPES = {"float32": b"float32", "int32": b"int32", "uint16": b"bfloat16"}


def call_kernel(library, name, inputs, shapes, result_types=()):
    """Results of a kernel; those of type uint16, and such inputs, are numbers of bfloat16."""
    arrays = [np.ascontiguousarray(array) for array in inputs]
    types = [*result_types] + [np.float32] * (len(shapes) - len(result_types))
    nan = {np.float32: np.nan, np.uint16: 0x7FC0}
    results = [np.full(shape, nan[kind], kind) for shape, kind in zip(shapes, types)]
    both = arrays + results
    count = len(both)
    data = (ctypes.c_void_p * count)(*[array.ctypes.data for array in both])
    ranks = (ctypes.c_int * count)(*[array.ndim for array in both])
    rows = [(ctypes.c_int64 * array.ndim)(*array.shape) for array in both]
    pointer = ctypes.POINTER(ctypes.c_int64)
    sizes = (pointer * count)(*[ctypes.cast(row, pointer) for row in rows])
    names = (ctypes.c_char_p * count)(*[TYPES[array.dtype.name] for array in both])
    assert getattr(library, name)(count, data, ranks, sizes, names, None, None) == 0
    return results
