"""Random changes of text files: words and numbers are replaced as often as bytes."""
import re

MOST_BYTES = 1 << 14
WORD = re.compile(rb"[-+.\w]+|\"[^\"]*\"|[^\s\w]")
# What parsers have stumbled upon.
ODD = (
    b"0", b"-1", b"1", b"2", b"1.5", b"NaN", b"nan", b".nan", b"Infinity", b"-inf", b"1e308", b"1e-400", b"1e400",
    b"9" * 19,     b"9" * 25, b"-" + b"9" * 400, b"9" * 5000, b"0x7f", b"1_0", b"1:30:15", b"null", b"~", b"true",
    b"[]", b"{}", b"[[]]",     b'""', b"''", b'"a"', b'"\\ud800"', b'"\\u0000"', b'"../../a"', b'"/a"', b'"C:\\\\a"',
    b"\0", b"\xff", b"\xef\xbb\xbf",     b"\xff\xfe", b"\xe2\x80\xa8", b"\x85", b"\x1b[31m", b"\n", b"\r", b"\t",
    b" ", b",", b"#", b"&a ", b"*a", b"<<: ", b"? ", b"- ",     b"| ", b"---\n", b"...", b"!!int ", b"!!float ",
    b"!!binary ", b"!!timestamp ", b"!!set ", b"!!omap ", b"!!null ",     b'"\\UFFFFFFFF"', b"2001-99-99",
    b"2001-12-14t21:59:43.10-99:00", b"%YAML 1.1\n", b"<!DOCTYPE a>", b"<![CDATA[",     b"]]>", b"<!--", b"&x;",
    b"&#0;", b"&#xffff;", b"&lt;", b"<object>", b"</object>", b"<?xml version='1.0' encoding='gbk'?>",     b"[" * 200,
    b"{" * 200, b"<a>" * 200, b"x" * 3000,
)


def mutate(data, rng, others=()):
    """`data` with one or several changes.

    Args:
        rng: `random.Random`.
        others: inputs of which parts may be taken.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        data = rng.choice(CHANGES)(data, rng, others)[:MOST_BYTES]
    return data


def replace_word(data, rng, others):
    words = list(WORD.finditer(data))
    if not words:
        return rng.choice(ODD)
    chosen = rng.choice(words)
    new = rng.choice((rng.choice(ODD), rng.choice(words)[0], b""))
    return data[: chosen.start()] + new + data[chosen.end() :]


def insert_odd(data, rng, others):
    place = rng.randint(0, len(data))
    return data[:place] + rng.choice(ODD) + data[place:]


def change_byte(data, rng, others):
    place = rng.randrange(max(len(data), 1))
    return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]


def repeat_part(data, rng, others):
    begin, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return data[:end] + data[begin:end] * rng.choice((1, 2, 50)) + data[end:]


def drop_part(data, rng, others):
    begin, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return data[:begin] + data[end:]


def splice(data, rng, others):
    other = rng.choice(others) if others else data
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


CHANGES = (replace_word, replace_word, replace_word, insert_odd, change_byte, repeat_part, drop_part, splice)
