"""Safetensors files, made without the library."""
import json


def write_safetensors(path, tensors):
    """name -> (type, shape, bytes), written as the format says: length of the header, header, numbers."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    encoded = json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + data)
    return path
