"""What predicts: a network, a MindIR graph, an ONNX Runtime session.

Each is a callable from images `(B, 3, H, W)` float32 to boxes `(B, A, 4)` and scores `(B, A, C)`, all NumPy arrays.
"""
from pathlib import Path

import mindspore as ms
from mindspore import nn

from src.model_utils.errors import UserError

ONNX_PROVIDERS = {"CPU": "CPUExecutionProvider", "GPU": "CUDAExecutionProvider"}


def network_predictor(net):
    """A MindSpore network such as `build_inference_net` gives, in evaluation mode."""

    def predict(images):
        boxes, scores = net(ms.Tensor(images))
        return boxes.asnumpy(), scores.asnumpy()

    return predict


def mindir_predictor(path):
    """A MindIR file, on the device that MindSpore is set to."""
    _check_file(path)
    try:
        graph = nn.GraphCell(ms.load(str(path)))
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path} is no MindIR file, or it is damaged: {str(error).splitlines()[0]}") from error
    return network_predictor(graph)


def onnx_predictor(path, device_target="CPU"):
    """An ONNX file in ONNX Runtime, on a CPU or GPU."""
    import onnxruntime

    _check_file(path)
    if device_target not in ONNX_PROVIDERS:
        raise UserError(f"device_target: ONNX models run on {' or '.join(ONNX_PROVIDERS)}, not on {device_target}")
    provider = ONNX_PROVIDERS[device_target]
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise UserError(
            f"device_target {device_target} needs ONNX Runtime's {provider}, which is not there (there are: "
            f"{', '.join(available)}); pip install onnxruntime-gpu, or use --device_target=CPU"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:  # ONNX Runtime's exceptions have no common base class of their own
        raise UserError(f"{path} is no ONNX file, or it is damaged: {str(error).splitlines()[0]}") from error
    name, shape = session.get_inputs()[0].name, session.get_inputs()[0].shape

    def predict(images):
        fits = all(not isinstance(size, int) or size == found for size, found in zip(shape, images.shape))
        if not fits:
            raise UserError(f"{path} takes images {shape}, the data give {list(images.shape)}: set batch_size and "
                            "img_shape to those of the exported model")
        boxes, scores = session.run(None, {name: images})
        return boxes, scores

    return predict


def _check_file(path):
    if not Path(path).is_file():
        raise UserError(f"file_name: there is no file {path}")
