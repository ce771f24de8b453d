"""XML files, which may come from anybody."""
import re
from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml import DTDForbidden, ElementTree

from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_file

MOST_XML = 16 * MEGABYTE
_ENCODING = re.compile(rb"<\?xml[^>]*\sencoding=[\"']((?!utf)[\w.-]+)[\"']", re.IGNORECASE)


def parse_xml(path: Path, most: int = MOST_XML) -> Element:
    """Root element of an xml file of at most `most` bytes.

    Document type declarations are refused, and with them entities: a small file could grow to fill the memory.

    Raises:
        UserError: the file has a document type declaration.
        ParseError, OSError, LookupError, ValueError: it cannot be read.
    """
    data = read_file(path, most)
    declared = _ENCODING.match(data)
    # The xml library knows no encoding with several bytes a letter, such as GB2312; Python does.
    text = data.decode(declared[1].decode()) if declared else data
    try:
        return ElementTree.fromstring(text, forbid_dtd=True)
    except DTDForbidden as error:
        raise UserError(f"{path} has a document type declaration (<!DOCTYPE ...>), which is refused for safety. Remove "
                        "the declaration.") from error
