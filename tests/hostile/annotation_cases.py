"""Bad annotations, each with what is to come of it: a `UserError`, or records and a report."""
import json
from typing import NamedTuple

from src.dataset.annotations import (
    BAD_ANNOTATION,
    BAD_BOX,
    FOREIGN_IMAGE,
    NO_ANNOTATION,
    NO_AREA,
    ORPHAN,
    OTHER_NAME,
    UNKNOWN_CLASS,
    UNLABELLED,
)
from tests.hostile.special_files import (
    content,
    folder,
    link_to_itself,
    named_pipe,
    sparse,
)
from tests.support.program_files import cvat_box, cvat_xml, labelme_json, region, task
from tests.support.samples import voc_xml

DEEP = 200_000
DIGITS = "9" * 5000
TOO_MUCH = 5 << 30


class Case(NamedTuple):
    """A file and its outcome.

    Attributes:
        name: of the test.
        make: function that makes the file at a path.
        error: part of the message of the `UserError`; None where there is none.
        records: number of images that the reader gives.
        boxes: number of boxes that remain for an image of 60 x 80 pixels.
        counts: what the report counts, by reason.
    """

    name: str
    make: object
    error: str | None = None
    records: int = 1
    boxes: int = 0
    counts: dict = {}  # noqa: RUF012  never changed


def coco(images=None, annotations=None, categories=None, encoding="utf-8"):
    """Function that writes a COCO file with one image and one box, but for what is given."""
    text = json.dumps({
        "images": [{"id": 1, "file_name": "a.png", "height": 60, "width": 80}] if images is None else images,
        "annotations": [coco_box([10, 5, 20, 30])] if annotations is None else annotations,
        "categories": [{"id": 7, "name": "cat"}] if categories is None else categories,
    })
    return content(text.encode(encoding))


def coco_box(bbox, **changes):
    return {"id": 1, "image_id": 1, "category_id": 7, "bbox": bbox, **changes}


def named(file_name):
    return coco(images=[{"id": 1, "file_name": file_name}])


def boxed(*bboxes):
    return coco(annotations=[coco_box(bbox) for bbox in bboxes])


INFINITE = float("inf")
COCO = [
    Case("as it should be", coco(), boxes=1),
    Case("UTF-8 with a byte order mark", coco(encoding="utf-8-sig"), boxes=1),
    Case("UTF-16", coco(encoding="utf-16"), boxes=1),
    Case("latin-1", content('{"images": "ä"}'.encode("latin-1")), "codec can't decode"),
    Case("empty", content(b""), "cannot be read as COCO json"),
    Case("cut off", content(b'{"images": [{"id": 1, "file_na'), "cannot be read as COCO json"),
    Case("null characters", content(b"\0" * 100), "cannot be read as COCO json"),
    Case("lists in lists", content(b"[" * DEEP), "nested too deeply"),
    Case("objects in objects", content(b'{"a":' * DEEP), "nested too deeply"),
    Case("a number of 5000 digits", content(f'{{"images": [{DIGITS}]}}'.encode()), "cannot be read as COCO json"),
    Case("5 GB", sparse(TOO_MUCH), "4096 MB"),
    Case("a named pipe", named_pipe, "it is a pipe or a device"),
    Case("a folder", folder, "it is a folder"),
    Case("a link to itself", link_to_itself, "cannot be read as COCO json"),
    Case("a list", content(b"[]"), "not an instances file"),
    Case("annotations by name", coco(annotations={"1": {}}), "no list 'annotations'"),
    Case("a number for an annotation", coco(annotations=[1]), "no list 'annotations' of objects"),
    Case("a text for an annotation", coco(annotations=["a"]), "no list 'annotations' of objects"),
    Case("no box", coco(annotations=[{"image_id": 1, "category_id": 7}]), boxes=0, counts={BAD_BOX: 1}),
    Case("a list for an image id", coco(annotations=[coco_box([1, 2, 3, 4], image_id=[1])]), "wrong type"),
    Case("a list for a category", coco(annotations=[coco_box([1, 2, 3, 4], category_id=[7])]), "wrong type"),
    Case("a text for an id", coco(images=[{"id": "1", "file_name": "a.png"}]), "expected an integer"),
    Case("true for an id", coco(images=[{"id": True, "file_name": "a.png"}]), "expected an integer"),
    Case("an id of 65 bits", coco(images=[{"id": 2**64, "file_name": "a.png"}], annotations=[]),
         "expected an integer of 64"),
    Case("two images of one id", coco(images=[{"id": 1, "file_name": name} for name in "ab"]), "same id"),
    Case("two categories of one id", coco(categories=[{"id": 7, "name": name} for name in ("cat", "dog")]), "same id"),
    Case("a category without name", coco(categories=[{"id": 7, "name": None}]), "no text"),
    Case("a number for a file name", named(5), "no text"),
    Case("a folder above", named("../../../etc/passwd"), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("an absolute path", named("/etc/passwd"), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("a folder above, as on Windows", named("..\\..\\a.png"), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("out and in again", named("../images/a.png"), boxes=1),
    Case("a null character in a name", named("a.png\0.txt"), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("half a letter in a name", named("\ud800.png"), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("a drive of Windows", named("C:\\data\\a.png"), boxes=1),
    Case("a folder of Windows", named("part\\a.png"), boxes=1),
    Case("not a number", boxed([float("nan"), 5, 20, 30]), counts={BAD_BOX: 1}),
    Case("infinite", boxed([INFINITE, 5, 20, 30], [10, 5, -INFINITE, 30]), counts={BAD_BOX: 2}),
    Case("infinite sums", boxed([1e308, 5, 1.7e308, 30]), counts={BAD_BOX: 1}),
    Case("a coordinate of 400 digits", boxed([10**400, 5, 20.5, 30]), counts={BAD_BOX: 1}),
    Case("coordinates far outside", boxed([1e300, 5, 20, 30], [-(10**30), -(10**30), 10**31, 10**31]), boxes=1,
         counts={NO_AREA: 1, "boxes partly outside the image, clipped": 1}),
    Case("texts and nothing for numbers", boxed(["1", 2, 3, 4], [1, None, 3, 4], None, "1,2,3,4"),
         counts={BAD_BOX: 4}),
    Case("three and five numbers", boxed([1, 2, 3], [1, 2, 3, 4, 5]), counts={BAD_BOX: 2}),
    Case("no width, negative height", boxed([1, 2, 0, 4], [1, 20, 3, -4]), counts={NO_AREA: 2}),
    Case("an unknown category", coco(annotations=[coco_box([1, 2, 3, 4], category_id=8)]), counts={UNKNOWN_CLASS: 1}),
    Case("an unknown image", coco(annotations=[coco_box([1, 2, 3, 4], image_id=2)]), counts={ORPHAN: 1}),
    Case("a class name of a megabyte", coco(categories=[{"id": 7, "name": "x" * 1_000_000}]),
         counts={UNKNOWN_CLASS: 1}),
    Case("a class name that paints the terminal", coco(categories=[{"id": 7, "name": "\033[31mcat\n"}]),
         counts={UNKNOWN_CLASS: 1}),
]


def voc(*objects, filename="a.jpg", before="", encoding="utf-8"):
    """Function that writes an xml file."""
    return content((before + voc_xml(objects, filename)).encode(encoding))


CAT = ("cat", 11, 6, 31, 36)
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
VOC = [
    Case("as it should be", voc(CAT), boxes=1),
    Case("UTF-8 with a byte order mark", voc(CAT, encoding="utf-8-sig"), boxes=1),
    Case("UTF-16", voc(CAT, encoding="utf-16"), boxes=1),
    Case("latin-1, as it says",
         voc(CAT, before='<?xml version="1.0" encoding="latin-1"?><!-- ä -->', encoding="latin-1"), boxes=1),
    Case("latin-1, unsaid", voc(CAT, before="<!-- ä -->", encoding="latin-1"), records=0, counts={BAD_ANNOTATION: 1}),
    Case("an unknown encoding", voc(before='<?xml version="1.0" encoding="none"?>'), records=0,
         counts={BAD_ANNOTATION: 1}),
    Case("an encoding of two bytes", voc(CAT, before='<?xml version="1.0" encoding="gbk"?>'), boxes=1),
    Case("empty", content(b""), records=0, counts={BAD_ANNOTATION: 1}),
    Case("cut off", content(b"<annotation><object><name>cat"), records=0, counts={BAD_ANNOTATION: 1}),
    Case("null characters", content(b"<annotation>\0</annotation>"), records=0, counts={BAD_ANNOTATION: 1}),
    Case("an image", content(b"\x89PNG\r\n\x1a\n"), records=0, counts={BAD_ANNOTATION: 1}),
    Case("elements in elements", content(b"<a>" * DEEP + b"</a>" * DEEP)),
    Case("17 MB", sparse(17 << 20), records=0, counts={BAD_ANNOTATION: 1}),
    Case("a named pipe", named_pipe, records=0, counts={BAD_ANNOTATION: 1}),
    Case("a folder", folder, records=0),
    Case("a link to itself", link_to_itself, records=0, counts={BAD_ANNOTATION: 1}),
    Case("a thousand million laughs", voc(before=f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>', filename="&l9;"),
         "document type"),
    Case("one long entity, often", voc(before=f'<!DOCTYPE a [<!ENTITY x "{"x" * 50_000}">]>', filename="&x;" * 20_000),
         "document type"),
    Case("a file as an entity", voc(before='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>', filename="&x;"),
         "document type"),
    Case("a document type elsewhere", voc(before='<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">'), "document type"),
    Case("an entity that is not declared", voc(filename="&x;"), records=0, counts={BAD_ANNOTATION: 1}),
    Case("an image elsewhere", voc(CAT, filename="../../../etc/passwd"), boxes=1, counts={OTHER_NAME: 1}),
    Case("an image of Windows", voc(CAT, filename="C:\\data\\a.jpg"), boxes=1),
    Case("no numbers", voc(("cat", "nan", 1, 2, 3), ("cat", "inf", 1, 2, 3), ("cat", "one", 1, 2, 3)),
         counts={BAD_BOX: 3}),
    Case("numbers of 5000 digits", voc(("cat", DIGITS, 1, 2, 3)), counts={BAD_BOX: 1}),
    Case("coordinates far outside", voc(("cat", "1e300", 1, "1e308", 3), ("cat", "-1e300", "-1e300", "1e300", "1e300")),
         boxes=1, counts={NO_AREA: 1, "boxes partly outside the image, clipped": 1}),
    Case("corners in the wrong order", voc(("cat", 20, 30, 10, 5), ("cat", 5, 5, 5, 5)), counts={NO_AREA: 2}),
    Case("objects without anything", content(b"<annotation><object/><object><name>cat</name></object></annotation>"),
         counts={UNKNOWN_CLASS: 1, BAD_BOX: 1}),
    Case("a size of 5000 digits", content(f"<annotation><size><height>{DIGITS}</height></size></annotation>".encode())),
]

SPLIT = [
    Case("as it should be", content(b"a\n"), boxes=1),
    Case("a folder above", content(b"../../a\n"), "outside"),
    Case("an absolute path", content(b"/etc/passwd\n"), "outside"),
    Case("a null character", content(b"a\0b\n"), "null character"),
    Case("UTF-16", content("a\n".encode("utf-16")), boxes=1),
    Case("latin-1", content("a\nä\n".encode("latin-1")), "line 2 is not UTF-8 text"),
    Case("1 GB", sparse(1 << 30), "256 MB"),
]

TXT = [
    Case("as it should be", content(b"a.png 10,5,30,35,1\n"), boxes=1),
    Case("UTF-8 with a byte order mark", content(b"\xef\xbb\xbfa.png 10,5,30,35,1\r\n"), boxes=1),
    Case("UTF-16", content("a.png 10,5,30,35,1\n".encode("utf-16")), boxes=1),
    Case("UTF-32", content("a.png 10,5,30,35,1\n".encode("utf-32")), boxes=1),
    Case("latin-1", content("ä.png 10,5,30,35,1\n".encode("latin-1")), "line 1 is not UTF-8 text"),
    Case("5 GB", sparse(TOO_MUCH), "1024 MB"),
    Case("a named pipe", named_pipe, "it is a pipe or a device"),
    Case("a folder", folder, "it is a folder"),
    Case("not a number", content(b"a.png nan,5,30,35,1\n"), "line 1: 'nan,5,30,35,1' is not a box"),
    Case("infinite", content(b"a.png 10,5,inf,35,1\n"), "line 1: '10,5,inf,35,1' is not a box"),
    Case("a number of 5000 digits", content(f"a.png {DIGITS},5,30,35,1\n".encode()), r"characters\)' is not a box"),
    Case("one line of 10 MB", content(b"a.png " + b"x" * 10_000_000), r"10000000 characters\)' is not a box"),
    Case("coordinates far outside",
         content(f"a.png {10**30},5,{10**31},35,1 {-10**30},-9,{10**30},{10**30},2".encode()), boxes=1,
         counts={NO_AREA: 1, "boxes partly outside the image, clipped": 1}),
    Case("labels that no class has", content(f"a.png 1,2,3,4,0 1,2,3,4,-5 1,2,3,4,{10**30}".encode()),
         counts={UNKNOWN_CLASS: 3}),
    Case("no width, wrong order", content(b"a.png 10,5,10,35,1 30,35,10,5,1"), counts={NO_AREA: 2}),
    Case("the same image twice", content(b"a.png 10,5,30,35,1\na.png 10,5,30,35,1\n"), records=2, boxes=2),
    Case("a folder above", content(b"../a.png 10,5,30,35,1\n"), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("an absolute path", content(b"/etc/passwd 10,5,30,35,1\n"), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("a null character in a name", content(b"a\0.png 10,5,30,35,1\n"), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("a folder of Windows", content(b"part\\a.png 10,5,30,35,1\n"), boxes=1),
    Case("nothing but null characters", content(b"\0" * 1000), records=0, counts={FOREIGN_IMAGE: 1}),
]



def labelme(*shapes, encoding="utf-8", **changes):
    """Function that writes a file of LabelMe."""
    return content(labelme_json(*shapes, **changes).encode(encoding))


CLIPPED_TO = "boxes partly outside the image, clipped"
SHAPE = ("cat", "rectangle", [[10, 5], [30, 35]])
YOLO = [
    Case("as it should be", content(b"0 0.25 0.5 0.25 0.5\n"), boxes=1),
    Case("a polygon", content(b"1 0.25 0.5 0.5 0.5 0.5 0.75\n"), boxes=1),
    Case("UTF-16", content("0 0.25 0.5 0.25 0.5".encode("utf-16")), boxes=1),
    Case("empty", content(b"")),
    Case("nothing but line ends", content(b"\n\r\n \n")),
    Case("latin-1", content(b"\xe4"), records=0, counts={BAD_ANNOTATION: 1}),
    Case("an image", content(b"\x89PNG\r\n\x1a\n"), records=0, counts={BAD_ANNOTATION: 1}),
    Case("null characters", content(b"\0" * 1000), counts={BAD_BOX: 1}),
    Case("17 MB", sparse(17 << 20), records=0, counts={BAD_ANNOTATION: 1}),
    Case("a named pipe", named_pipe, records=0, counts={BAD_ANNOTATION: 1}),
    Case("a link to itself", link_to_itself, records=0, counts={BAD_ANNOTATION: 1}),
    Case("a folder", folder, counts={UNLABELLED: 1}),
    Case("no numbers", content(b"0 nan 0 1 1\n0 inf 0 1 1\n0 a b c d\n"), counts={BAD_BOX: 3}),
    Case("numbers of 5000 digits", content(f"0 {DIGITS} 0 1 1\n{DIGITS} 0 0 1 1".encode()),
         counts={BAD_BOX: 2}),
    Case("pixels", content(b"0 30 20 10 10\n"), counts={BAD_BOX: 1}),
    Case("no width, wrong order", content(b"0 0.5 0.5 0 0\n0 0.5 0.5 -0.5 0.5"), boxes=1, counts={NO_AREA: 1}),
    Case("classes that no name has", content(b"7 0.5 0.5 1 1\n-1 0.5 0.5 1 1\n0.5 0.5 0.5 1 1\ncat 0.5 0.5 1 1"),
         counts={UNKNOWN_CLASS: 2, BAD_BOX: 2}),
    Case("a long polygon", content(b"0" + b" 0.25 0.75 0.5 0.5" * 100_000), boxes=1),
]

YOLO_DATA = [
    Case("as it should be", content(b"names: [cat, dog]\ntrain: images\n"), boxes=1),
    Case("UTF-16", content("names: [cat, dog]\ntrain: images\n".encode("utf-16")), boxes=1),
    Case("empty", content(b""), records=0),
    Case("latin-1", content("names: [cät]\ntrain: images".encode("latin-1")), "cannot be read"),
    Case("a named pipe", named_pipe, "it is a pipe or a device"),
    Case("a folder", folder, "it is a folder"),
    Case("2 MB", sparse(2 << 20), "allowed are 1 MB"),
    Case("brackets in brackets", content(b"names: " + b"[" * 200_000), "nested more than 20 levels"),
    Case("dashes behind dashes", content(b"names:\n" + b"- " * 100_000), "nested more than 20 levels"),
    Case("a list in itself", content(b"names: &a [*a]\ntrain: images"), "line 1: found unconstructable recursive"),
    Case("a call", content(b"names: !!python/object/apply:os.system ['touch HACKED']\ntrain: images"), records=1,
         counts={UNKNOWN_CLASS: 1}),
    Case("numbers of 5000 digits", content(f"names: {{? {DIGITS} : cat}}\ntrain: images".encode()), "than a number"),
    Case("a class far away", content(b"names: {0: cat, 999999999999: dog}\ntrain: images"), boxes=1),
    Case("a folder above", content(b"names: [cat]\npath: ../..\ntrain: ../../../etc"), "there is no such folder"),
    Case("a null character", content(b'names: [cat]\ntrain: "a\\0b"'), "there is no such folder"),
    Case("names of lists", content(b"names: [[cat]]\ntrain: images"), "does not name the classes"),
]

LABELME = [
    Case("as it should be", labelme(SHAPE), boxes=1),
    Case("UTF-8 with a byte order mark", labelme(SHAPE, encoding="utf-8-sig"), boxes=1),
    Case("UTF-16", labelme(SHAPE, encoding="utf-16"), boxes=1),
    *(Case(name, make, records=0, counts={BAD_ANNOTATION: 1}) for name, make in {
        "latin-1": content('{"shapes": "ä"}'.encode("latin-1")), "empty": content(b""),
        "cut off": content(b'{"shapes": [{"label": "c'), "lists in lists": content(b"[" * DEEP),
        "shapes in shapes": content(b'{"shapes":' * DEEP), "a number of 5000 digits": content(DIGITS.encode()),
        "5 GB": sparse(TOO_MUCH), "a named pipe": named_pipe, "a folder": folder, "a link to itself": link_to_itself,
        "a list": content(b"[]"), "no shapes": content(b"{}"), "a number for a shape": content(b'{"shapes": [1]}'),
        "shapes by name": content(b'{"shapes": {"1": {}}}')}.items()),
    Case("a shape of nothing", content(b'{"shapes": [{}]}'), counts={UNKNOWN_CLASS: 1}),
    Case("odd labels", labelme(*((label, "rectangle", [[1, 2], [3, 4]]) for label in (None, 5, ["cat"], "\x1b[31m"))),
         counts={UNKNOWN_CLASS: 4}),
    Case("an odd group", labelme(("cat", "rectangle", [[1, 2], [3, 4]], {"a": [1]})), boxes=1),
    Case("no numbers", labelme(*(("cat", "polygon", points) for points in (
        None, "1,2", {}, [1, 2], [[1]], [[1, "x"]], [[INFINITE, 1]], [[10**400, 1]], [[[1], 2]], [[True, 1]]))),
         counts={BAD_BOX: 10}),
    Case("an odd kind of shape", labelme(("cat", ["circle"], [[1, 2], [3, 4]])), boxes=1),
    Case("coordinates far outside", labelme(("cat", "rectangle", [[-1e300, -1e300], [1e300, 1e300]]),
                                            ("cat", "circle", [[-1e308, 1], [1e308, 1]])), boxes=1,
         counts={BAD_BOX: 1, CLIPPED_TO: 1}),
    Case("no area", labelme(("cat", "rectangle", [[5, 5], [5, 9]])), counts={NO_AREA: 1}),
    Case("an image elsewhere", labelme(SHAPE, image="../../../etc/passwd"), boxes=1),
    Case("odd names of the image", labelme(SHAPE, image=["a.png"]), boxes=1),
    Case("a null character in the name", labelme(SHAPE, image="b\0.png"), boxes=1),
    Case("an odd size", labelme(SHAPE, imageHeight=10**400, imageWidth="80"), boxes=1),
]


def cvat(*shapes, attributes='id="0" name="a.png"', before=""):
    """Function that writes an xml file of CVAT with one image."""
    text = cvat_xml([(attributes, "".join(shapes))])
    return content(text.replace("<annotations>", f"{before}<annotations>").encode())


CVAT_BOX = cvat_box("cat", 10, 5, 30, 35)
CVAT = [
    Case("as it should be", cvat(CVAT_BOX), boxes=1),
    Case("UTF-16", content(cvat_xml([('name="a.png"', CVAT_BOX)]).replace("utf-8", "utf-16").encode("utf-16")),
         boxes=1),
    Case("empty", content(b""), "cannot be read as xml of CVAT"),
    Case("cut off", content(b"<annotations><image name='a.png'><box"), "cannot be read as xml of CVAT"),
    Case("600 MB", sparse(600 << 20), "512 MB"),
    Case("a named pipe", named_pipe, "it is a pipe or a device"),
    Case("a folder", folder, "it is a folder"),
    Case("a link to itself", link_to_itself, "cannot be read as xml of CVAT"),
    Case("elements in elements", content(b"<annotations>" * 20_000 + b"</annotations>" * 20_000), records=0),
    Case("another kind of file", voc(CAT), "expected is <annotations>"),
    Case("a thousand million laughs", cvat(before=f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>'), "document type"),
    Case("a file as an entity", cvat(before='<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "document type"),
    Case("no numbers", cvat('<box label="cat"/>', cvat_box("cat", "nan", 1, 2, 3), cvat_box("cat", "inf", 1, 2, 3),
                            cvat_box("cat", 1, 2, 3, 4, ' rotation="x"'), '<polygon label="cat" points="1;2"/>',
                            '<mask label="cat" left="1"/>', '<cuboid label="cat"/>', '<ellipse label="cat" cx="1"/>'),
         counts={BAD_BOX: 8}),
    Case("coordinates far outside", cvat(cvat_box("cat", "-1e300", "-1e300", "1e300", "1e300"),
                                         cvat_box("cat", "-1e308", 1, "1e308", 2)), boxes=1,
         counts={BAD_BOX: 1, CLIPPED_TO: 1}),
    Case("no label", cvat("<box/>"), counts={UNKNOWN_CLASS: 1}),
    Case("no name", cvat(attributes="id='0'"), records=0),
    Case("a folder above", cvat(attributes='name="../../../etc/passwd"'), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("a subset above", cvat(attributes='name="a.png" subset="../../.."'), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("odd sizes", content(cvat_xml([('name="a.png"', CVAT_BOX)], f' width="{DIGITS}" height="x"').encode()),
         boxes=1),
]


def tasks(*tasks):
    """Function that writes a file of Label Studio."""
    return content(json.dumps(tasks).encode())


PLACE = {"x": 12.5, "y": 10, "width": 25, "height": 50, "rotation": 0}
LABEL_STUDIO = [
    Case("as it should be", tasks(task(region(PLACE))), boxes=1),
    Case("latin-1", content('[{"a": "ä"}]'.encode("latin-1")), "cannot be read as json of Label Studio"),
    Case("empty", content(b""), "cannot be read as json of Label Studio"),
    Case("cut off", content(b'[{"annotations": [{'), "cannot be read as json of Label Studio"),
    Case("lists in lists", content(b"[" * DEEP), "nested too deeply"),
    Case("a number of 5000 digits", content(f"[{DIGITS}]".encode()), "cannot be read as json of Label Studio"),
    Case("5 GB", sparse(TOO_MUCH), "4096 MB"),
    Case("a named pipe", named_pipe, "it is a pipe or a device"),
    Case("a folder", folder, "it is a folder"),
    Case("an object", content(b"{}"), "a list of objects"),
    Case("a list of numbers", content(b"[1]"), "a list of objects"),
    Case("no tasks", content(b"[]"), records=0),
    Case("tasks of nothing", tasks({}, {"data": None}, {"data": 1, "annotations": 1}, {"data": {"image": 5}}),
         records=0, counts={NO_ANNOTATION: 4}),
    Case("odd annotations", tasks(*(task(annotations=one) for one in (
        None, 1, "a", {}, [1], [{"result": 1}], [{"result": [1, None, {"value": 1}, {}]}]))), records=2,
         counts={NO_ANNOTATION: 5}),
    Case("odd labels", tasks(task(*(region(PLACE, label=label) for label in (None, 5, ["cat"], {}, "\x1b[31m")))),
         counts={UNKNOWN_CLASS: 5}),
    Case("no numbers", tasks(task(*(region({**PLACE, "x": one}) for one in (None, "x", [1], {}, INFINITE, 10**400)),
                                  region({"points": [[1]]}, "polygonlabels"), region(PLACE, original_width="80x"),
                                  region({"x": 1, "y": 1, "radiusX": 1}, "ellipselabels"))), counts={BAD_BOX: 9}),
    Case("coordinates far outside", tasks(task(region({**PLACE, "x": -1e300, "width": 2e300}),
                                               region({**PLACE, "width": 1e308}, original_width=1e300))), boxes=1,
         counts={BAD_BOX: 1, CLIPPED_TO: 1}),
    Case("an image of a megabyte", tasks(task(image="data:image/png;base64," + "A" * (1 << 20))), records=0,
         counts={NO_ANNOTATION: 1}),
    Case("a folder above", tasks(task(image="../../../etc/a.png")), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("a folder above, written otherwise", tasks(task(image="/data/local-files/?d=..%2F..%2Fetc/a.png")), records=0,
         counts={FOREIGN_IMAGE: 1}),
    Case("a null character in a name", tasks(task(image="b%00.png")), records=0, counts={FOREIGN_IMAGE: 1}),
    Case("half a letter in a name", tasks(task(image="\ud800.png")), records=0, counts={FOREIGN_IMAGE: 1}),
]

LONG_LIST_IN_ITSELF = f"img_shape: &a [{'1, ' * 2500}*a]"
ALIASES = "\n".join([f"img_shape: &a [{'1, ' * 1000}1]", f"steps: &b [{'*a, ' * 1000}*a]",
                     f"feature_size: [{'*b, ' * 100}1]"])
MERGES = "\n".join(["img_shape: &a0 {x: 1}",
                    *(f"k{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 10))])
YAML = [
    Case("empty", content(b""), "the file is empty"),
    Case("UTF-16", content("lr: 0.05\n".encode("utf-16")), "not a text file in UTF-8"),
    Case("latin-1", content("output_path: ä\n".encode("latin-1")), "not a text file in UTF-8"),
    Case("null characters", content(b"lr: \0"), "not valid YAML"),
    Case("300 kB", content(b"# " + b"x" * 300_000), "the configuration file cannot be read"),
    Case("a named pipe", named_pipe, "it is a pipe or a device"),
    Case("a folder", folder, "cannot be read"),
    Case("a link to itself", link_to_itself, "cannot be read"),
    Case("brackets in brackets", content(b"img_shape: " + b"[" * 200_000), "nested more than 20 levels"),
    Case("brackets, closed again", content(b"img_shape: " + b"[" * 100 + b"]" * 100), "nested more than 20 levels"),
    Case("braces in braces", content(b"img_shape: " + b"{a: " * 50_000), "nested more than 20 levels"),
    Case("dashes behind dashes", content(b"img_shape:\n" + b"- " * 100_000), "nested more than 20 levels"),
    Case("question marks", content(b"? " * 100_000), "nested more than 20 levels"),
    Case("aliases of aliases", content(ALIASES.encode()), "more than 100000 values"),
    Case("a list in itself", content(b"img_shape: &a [*a]"), "more than 100000 values"),
    Case("a long list in itself", content(LONG_LIST_IN_ITSELF.encode()), "more than 100000 values"),
    Case("merges of merges", content(MERGES.encode()), "img_shape is a mapping"),
    Case("a call", content(b"lr: !!python/object/apply:os.system ['touch HACKED']"),
         "could not determine a constructor"),
    Case("an object", content(b"classes: !!python/name:os.system"), "could not determine a constructor"),
    Case("a number without digits", content(b'lr: !!int ""'), "not valid YAML"),
    Case("a letter that there is not", content(b'output_path: "\\UFFFFFFFF"'), "not valid YAML"),
    Case("a number of 5000 digits", content(f"epoch_size: {DIGITS}".encode()), "not valid YAML|whole number"),
    Case("a number of 65 bits", content(f"epoch_size: {2**64}".encode()), "a whole number"),
    Case("steps of 63 bits", content(f"steps: [{2**62}, 1, 1, 1, 1, 1]".encode()), "gives a feature map of"),
    Case("not a number", content(b"lr: .nan"), "a number > 0"),
    Case("infinite", content(b"lr: .inf"), "a number > 0"),
    Case("a key of 200 kB", content(b"x" * 1000 + b": 1\n"), "unknown key"),
    Case("a mapping", content(b"lr: {a: 1}"), "lr is a mapping"),
    Case("a list for a key", content(b"? [a, b]\n: 1"), "unknown key"),
    Case("three documents", content(b"lr: 1\n---\nlr: a\n---\nlr: b\n"), "3 YAML documents"),
    Case("a set, a date, bytes", content(b"classes: [2001-99-99]"), "not valid YAML|list of text"),
]
