"""A drawn figure as PDF: its vectors stay vectors, and its letters letters. Needs the extra ``pdf``."""

import re
from importlib.util import find_spec

from app.domain.errors import BadInput, Unsupported

MOST = 16 << 20
"""Bytes of a drawing, at most."""
FAMILIES = "DejaVu Sans, Arial, Helvetica, Liberation Sans, Noto Sans, Segoe UI"
"""Fonts that are looked for, in order: unlike a browser, the converter knows no font of the system's own."""
POINTS = 0.75
"""Points of a PDF to a pixel of the page, so that 661 pixels are 17.5 cm."""
OUTSIDE = re.compile(
    r"""<!DOCTYPE|<!ENTITY|@import|href\s*=\s*(?!["'](?:data:image/png|#))|url\(\s*["']?(?!["']?#)""", re.I
)
"""What would have the converter read other files."""


def makes_pdf() -> bool:
    """Whether the extra is installed."""
    return find_spec("svg2pdf_py") is not None


def pdf(drawing: str) -> bytes:
    """An SVG of one page as PDF in the same size.

    Raises:
        Unsupported: the extra is not installed, or this machine has none of the fonts.
        BadInput: no drawing, or one that wants other files.
    """
    if not makes_pdf():
        raise Unsupported("the extra pdf", "none", "Run: pip install 'golgi[pdf]'. Or take the SVG.", "figure")
    import svg2pdf_py

    if len(drawing) > MOST:
        raise BadInput(f"a drawing of at most {MOST:,} bytes", "more", "Take the SVG.", "figure")
    if outside := OUTSIDE.search(drawing.replace("&quot;", "'")):
        raise BadInput(
            "a drawing that is whole in itself", f"'{outside[0]}'", "Send a figure as it is drawn.", "figure"
        )
    named = re.sub(r"font-family:[^;\"]*", f"font-family: {FAMILIES}", _in_points(drawing))
    try:
        page = bytes(svg2pdf_py.svg_to_pdf(named, svg2pdf_py.FontDatabase.system()))
    except ValueError as error:
        raise BadInput("a drawing (SVG)", str(error), "Send a figure as it is drawn.", "figure") from error
    if "<text" in drawing and b"/FontDescriptor" not in page:
        raise Unsupported(f"a font on the server among {FAMILIES}", "none", "Install one, or take the SVG.", "figure")
    return page


def _in_points(drawing: str) -> str:
    """The same drawing with its size in points."""
    opened = re.search(r"<svg\b[^>]*>", drawing)
    sizes = [] if opened is None else re.findall(r'\b(width|height)="([\d.]+)(?:px)?"', opened[0])
    if opened is None or len(sizes) != 2:
        return drawing
    given = {name: float(value) for name, value in sizes}
    head = re.sub(r'\s(?:width|height|viewBox)="[^"]*"', "", opened[0])
    size = " ".join(f'{name}="{value * POINTS:g}"' for name, value in given.items())
    box = f'viewBox="0 0 {given["width"]:g} {given["height"]:g}"'
    return drawing.replace(opened[0], f"{head[:4]} {size} {box}{head[4:]}", 1)
