"""What predicts: a network, a MindIR graph, an ONNX Runtime session.

Each is a callable from images `(B, 3, H, W)` float32 to boxes `(B, A, 4)` and scores `(B, A, C)`, all NumPy arrays.
Files also have these attributes:

- `path`; `metadata`: `ModelMetadata`, None in a file of another program.
- `input_shape`: shape of the images, with None for a size that is free.
- `num_classes`: C, None where only `metadata` could tell.
"""
from pathlib import Path

import mindspore as ms

from src.utils.errors import UserError


def network_predictor(net):
    """A MindSpore network such as `build_inference_net` gives, in evaluation mode."""

    def predict(images):
        boxes, scores = net(ms.Tensor(images))
        return boxes.asnumpy(), scores.asnumpy()

    return predict


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0]


def _check_file(path):
    if not Path(path).is_file():
        raise UserError(f"file_name: there is no file {path}")


def _check_images(model, images):
    if not all(size in (None, found) for size, found in zip(model.input_shape, images.shape)):
        raise UserError(f"{model.path} takes images {show_shape(model.input_shape)}, the data give "
                        f"{show_shape(images.shape)}: set batch_size and img_shape to those of the exported model")


def show_shape(shape):
    return " x ".join("any" if size is None else str(size) for size in shape)
