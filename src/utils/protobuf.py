"""Messages of protocol buffers that are described in Python, not by generated modules."""
from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

SCALARS = {"int64": FieldDescriptorProto.TYPE_INT64, "string": FieldDescriptorProto.TYPE_STRING,
           "bytes": FieldDescriptorProto.TYPE_BYTES}
REPEATED = "repeated "


def create_message_class(name: str, messages: Mapping[str, Mapping[str, tuple[int, str]]]) -> Any:
    """The class of one of some messages; fields that are not described are skipped when a message is parsed.

    Args:
        name: of the message.
        messages: of each message the fields, name -> number and type: a key of `SCALARS` or the name of a message,
            perhaps with `repeated ` before it.
    """
    file = FileDescriptorProto(name=f"{name}.proto", package="ssd", syntax="proto2")
    for message, fields in messages.items():
        described = file.message_type.add(name=message)
        for field, (number, kind) in fields.items():
            label = FieldDescriptorProto.LABEL_REPEATED if kind.startswith(REPEATED) else (
                FieldDescriptorProto.LABEL_OPTIONAL)
            kind = kind.removeprefix(REPEATED)
            if kind in SCALARS:
                described.field.add(name=field, number=number, label=label, type=SCALARS[kind])
            else:
                described.field.add(name=field, number=number, label=label, type=FieldDescriptorProto.TYPE_MESSAGE,
                                    type_name=f".ssd.{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"ssd.{name}"))
