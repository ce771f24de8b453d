"""HTML of a report: one file that holds everything and asks nothing of the network."""
import base64
from html import escape
from typing import NamedTuple

# The browser itself refuses whatever is not in the file.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light; --ink: #222; --soft: #5f6570; --line: #e1e4e8; --ground: #f5f6f8; --accent: #3f90da; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--ground);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 0 0 10px; }
h3 { font-size: 16px; margin: 22px 0 8px; }
p { margin: 6px 0 12px; }
.soft { color: var(--soft); }
nav { margin: 12px 0 20px; }
nav a { margin-right: 16px; color: #1a66ad; }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 18px 20px; margin: 0 0 18px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 10px; margin: 0 0 18px; }
.tile { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 24px; line-height: 1.3; }
.tile span { color: var(--soft); font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: 13px; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
table.settings td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
tbody tr:hover { background: var(--ground); }
img { max-width: 100%; height: auto; }
table.settings td:first-child { white-space: nowrap; }
img.plot { display: block; margin: 0 auto; }
img.plot:not(.whole) { min-width: 640px; }
img.whole { max-width: none; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 16px; }
figure { margin: 0; min-width: 0; }
figure img { display: block; margin: 0 auto; max-height: 560px; border-radius: 4px; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; overflow-wrap: anywhere; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin: 0 6px -1px 0; }
@media print { section { break-inside: avoid; } nav { display: none; } }
"""


class Section(NamedTuple):
    """A part of the page: its title, and its content as HTML."""

    title: str
    content: str


def page(title, introduction, tiles, sections):
    """The whole page.

    Args:
        title: text.
        introduction: HTML below the title.
        tiles: (number, meaning) texts to be seen first.
        sections: list of `Section`.
    """
    links = "".join(f'<a href="#part-{index}">{escape(part.title)}</a>' for index, part in enumerate(sections))
    shown = "".join(f'<div class="tile"><b>{escape(number)}</b><span>{escape(meaning)}</span></div>'
                    for number, meaning in tiles)
    body = "\n".join(f'<section id="part-{index}"><h2>{escape(part.title)}</h2>\n{part.content}\n</section>'
                     for index, part in enumerate(sections))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<div class="soft">{introduction}</div>
<nav>{links}</nav>
<div class="tiles">{shown}</div>
{body}
</main>
</body>
</html>
"""


def table(header, rows, kind=""):
    """HTML of a table; `header` may be empty, cells are texts, or `Html`."""
    head = f"<thead>{_row('th', header)}</thead>" if header else ""
    body = "".join(_row("td", row) for row in rows)
    return f'<div class="scroll"><table class="{kind}">{head}<tbody>{body}</tbody></table></div>'


def _row(tag, cells):
    return "<tr>" + "".join(f"<{tag}>{_html(cell)}</{tag}>" for cell in cells) + "</tr>"


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def _html(value):
    return value if isinstance(value, Html) else escape(str(value))


def paragraph(text):
    """HTML of a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def colour_key(colour, text):
    """HTML: a small square of that colour, and a text."""
    return Html(f'<span class="key" style="background:{colour}"></span>{escape(text)}')


def plot_image(svg, meaning, shrinks=True):
    """HTML of a plot; `meaning` is read to those who cannot see it. One that does not shrink can be moved sideways."""
    kind = "plot" if shrinks else "plot whole"
    return (f'<div class="scroll"><img class="{kind}" alt="{escape(meaning)}" '
            f'src="{_data_uri(svg.encode(), "image/svg+xml")}"></div>')


def gallery(pictures):
    """HTML of pictures side by side: (bytes of a JPEG file, caption) each."""
    figures = "".join(
        f'<figure><img alt="{escape(caption)}" src="{_data_uri(content, "image/jpeg")}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>" for content, caption in pictures)
    return f'<div class="gallery">{figures}</div>'


def _data_uri(content, kind):
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
