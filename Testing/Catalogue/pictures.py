"""Icon, screenshots and every other address of this repository: they are literal, and name files that are here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from PIL import Image, UnidentifiedImageError

from . import rules
from .extension import CMAKE, Extension, Finding


def check_addresses(extension: Extension) -> Iterator[Finding]:
    """Homepage, icon and screenshots are of the repository that the entry names."""
    address = extension.address
    if address is None:
        return
    begins = {"HOMEPAGE": address.home, "ICONURL": address.raw, "SCREENSHOTURLS": address.raw}
    for name, begin in begins.items():
        for url in extension.facts.get(name, "").split():
            if url != begin and not url.startswith(f"{begin}/"):
                to_do = f"Run make publish-as {address}, or write it so."
                yield Finding(CMAKE, f"EXTENSION_{name} that begins with {begin}", url, to_do)


def check_pictures(extension: Extension) -> Iterator[Finding]:
    """Each address ends with the path of a picture of the right kind."""
    for url in extension.facts.get("ICONURL", "").split():
        yield from _check_picture(extension, "EXTENSION_ICONURL", url)
    for url in extension.facts.get("SCREENSHOTURLS", "").split():
        yield from _check_picture(extension, "EXTENSION_SCREENSHOTURLS", url)


def _check_picture(extension: Extension, name: str, url: str) -> Iterator[Finding]:
    if "$" in url:
        return  # said elsewhere
    found = re.fullmatch(r"https?://[^/?#&]+/[^/?#&]+/[^/?#&]+/([^/?#&]+)/([^?#&]+)", url)
    if not found:
        to_do = "Use the address of the file itself, without a query."
        yield Finding(CMAKE, f"{name} of https://raw.githubusercontent.com/OWNER/NAME/BRANCH/PATH", url, to_do)
        return
    revision, path = found.groups()
    if revision != extension.revision:
        wanted = f"{name} in {extension.revision}, the entry's scm_revision"
        yield Finding(CMAKE, wanted, url, "Write the same into both.")
    if path not in extension.files:
        yield Finding(CMAKE, f"{name} of a file of this repository", url, "Make it, or correct the path.")
        return
    yield from _check_image(extension, name, path)


def _check_image(extension: Extension, name: str, path: str) -> Iterator[Finding]:
    """Kind, pixels and bytes."""
    file, is_icon = extension.root / path, name == "EXTENSION_ICONURL"
    try:
        with Image.open(file) as image:
            kind, (width, height) = image.format, image.size
            image.verify()
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        yield Finding(path, "a picture", str(error), "Make it again.")
        return
    formats = ("PNG",) if is_icon else rules.PICTURE_FORMATS
    if kind not in formats or file.suffix.lower() not in {f".{each.lower()}" for each in (*formats, "jpg")}:
        yield Finding(path, f"a picture as {' or '.join(formats)}, named so", f"{kind}, {file.name}", "Save it so.")
    least = rules.SCREENSHOT_PIXELS
    if is_icon and (width, height) != rules.ICON_PIXELS:
        yield Finding(path, "an icon of {} x {} pixels".format(*rules.ICON_PIXELS), f"{width} x {height}", "Scale it.")
    elif not is_icon and (width < least[0] or height < least[1]):
        wanted = "a screenshot of {} x {} pixels or more".format(*least)
        yield Finding(path, wanted, f"{width} x {height}", "Take it in a larger window.")
    if file.stat().st_size > rules.PICTURE_BYTES:
        came = f"{file.stat().st_size / 1e6:.1f} MB"
        yield Finding(path, f"a picture below {rules.PICTURE_BYTES / 1e6:.0f} MB", came, "Save it smaller.")
