"""Files of odd formats, sizes and names, turned, animated, damaged and foreign ones."""

import struct
import unicodedata
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from deepart_assets_tests.wikiart.odd import (
    HEIGHT,
    TURNS,
    WIDTH,
    Odd,
    grey_in_three,
    painting,
    png,
    save,
    save_tiff,
)

# --- formats -------------------------------------------------------------------------------------


def formats() -> Iterator[Odd]:
    picture = painting()
    image = Image.fromarray(picture)
    yield Odd("plain.jpg", save(image, "JPEG", quality=95), picture, 6)
    yield Odd("progressive.jpg", save(image, "JPEG", quality=95, progressive=True), picture, 6)
    yield Odd("restarts.jpg", save(image, "JPEG", quality=95, restart_marker_rows=1), picture, 6)
    yield Odd("full_chroma.jpg", save(image, "JPEG", quality=95, subsampling=0), picture, 6)
    yield Odd("garbage_after.jpg", save(image, "JPEG", quality=94) + b"\xde\xad" * 5000, picture, 6)
    yield Odd("lossy.webp", save(image, "WEBP", quality=95), picture, 8)
    yield Odd("lossless.webp", save(image, "WEBP", lossless=True), picture, 0)
    yield Odd("wavelets.jp2", save(image, "JPEG2000"), picture, 1)
    yield Odd("film.avif", save(image, "AVIF", quality=95), picture, 6)
    yield Odd("plain.bmp", save(image, "BMP"), picture, 0)
    yield Odd("interlaced.png", _interlaced(picture), picture, 0)
    for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        data = save(image, "TIFF", compression=kind)
        yield Odd(f"{kind}.tif", data, picture, 6 if kind == "jpeg" else 0)
    yield Odd("png_inside.jpg", save(painting(1), "PNG"), picture, 0)
    yield Odd("jpeg_inside.png", save(image, "JPEG", quality=96), picture, 6)
    yield Odd("png_inside.gif", save(painting(2), "PNG"), picture, 0)
    thumbnail = Image.Exif()
    thumbnail[0x010E] = "described at length " * 3000  # all but fills the 64 KiB of a segment
    yield Odd("large_exif.jpg", save(image, "JPEG", quality=95, exif=thumbnail), picture, 6)
    yield Odd("thumbnail.jpg", _with_thumbnail(save(image, "JPEG", quality=97)), picture, 6)
    yield Odd("bad_exif.jpg", save(image, "JPEG", exif=b"Exif\0\0II*\0\xff\xff"), picture, 6)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "painted " * 5000, zip=True)
    yield Odd("text_inside.png", save(painting(3), "PNG", pnginfo=text), picture, 0)


def _interlaced(picture: np.ndarray) -> bytes:
    """Adam7, which Pillow does not write."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
              (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))  # fmt: skip
    raw = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, right in passes
        for row in picture[top::down, left::right]
    )
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1)
    return png(header, raw)


def _with_thumbnail(jpeg: bytes) -> bytes:
    """Set a whole JPEG, which ends with an end marker of its own, into an EXIF block."""
    inner = save(np.zeros((160, 120, 3), np.uint8), "JPEG")
    tags = struct.pack("<HHIIHHII", 0x0201, 4, 1, 44, 0x0202, 4, 1, len(inner))
    block = b"II*\0" + struct.pack("<IHIH", 8, 0, 14, 2) + tags + struct.pack("<I", 0)
    block = b"Exif\0\0" + block + inner
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


# --- orientation ---------------------------------------------------------------------------------


def turned() -> Iterator[Odd]:
    for orientation, turn in TURNS.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture = painting(10 + orientation)
        seen = np.ascontiguousarray(turn(picture))
        for suffix, form, options, tolerance in (
            ("jpg", "JPEG", {"quality": 95}, 6),
            ("png", "PNG", {}, 0),
            ("tif", "TIFF", {}, 0),
            ("webp", "WEBP", {"lossless": True}, 0),
        ):
            data = save(picture, form, exif=exif, **options)
            yield Odd(f"turned_{orientation}_{suffix}.{suffix}", data, seen, tolerance)
    strange = Image.Exif()
    strange[0x0112] = 99
    yield Odd("turned_99.png", save(painting(4), "PNG", exif=strange), painting(4), 0)
    for orientation in (2, 6, 7):
        picture = painting(20 + orientation)
        tag = [(274, "H", 1, orientation, True)]
        floats = save_tiff(picture.astype(np.float32) / 255, extratags=tag)
        seen = np.ascontiguousarray(TURNS[orientation](picture))
        yield Odd(f"turned_{orientation}_float.tif", floats, seen, 1)


# --- animations and pages ------------------------------------------------------------------------


def many_frames() -> Iterator[Odd]:
    picture = painting()
    first, other = Image.fromarray(picture), Image.new("RGB", (WIDTH, HEIGHT), "black")
    more = {"save_all": True, "append_images": [other, other.rotate(90)]}
    yield Odd("animated.gif", save(first.quantize(8), "GIF", **more), picture, 1)
    yield Odd("animated.webp", save(first, "WEBP", lossless=True, **more), picture, 0)
    yield Odd("animated.png", save(first, "PNG", **more), picture, 0)
    yield Odd("animated.avif", save(first, "AVIF", quality=95, **more), picture, 6)
    yield Odd("pages.tif", save(first, "TIFF", **more), picture, 0)
    yield Odd("stereo.jpg", save(first, "MPO", quality=95, **more), picture, 6)


# --- damaged and foreign -------------------------------------------------------------------------


def damaged() -> Iterator[Odd]:
    image = Image.fromarray(painting(20)).resize((WIDTH * 4, HEIGHT * 4)).effect_spread(9)
    whole = {
        "jpg": save(image, "JPEG"),
        "progressive.jpg": save(image, "JPEG", progressive=True),
        "png": save(image, "PNG"),
        "gif": save(image.quantize(64), "GIF"),
        "bmp": save(image, "BMP"),
        "raw.tif": save(image, "TIFF"),
        "lzw.tif": save(image, "TIFF", compression="tiff_lzw"),
        "webp": save(image, "WEBP"),
        "jp2": save(image, "JPEG2000"),
        "avif": save(image, "AVIF"),
    }
    for suffix, data in whole.items():
        fault = "AVIF" if suffix == "avif" else "cannot be decoded"
        yield Odd(f"half.{suffix}", data[: len(data) // 2], reason=fault)
        yield Odd(f"start.{suffix}", data[: 11 + len(suffix)], reason="replace the file")
    for suffix in ("jpg", "progressive.jpg", "png"):
        data = whole[suffix]
        zeros = data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
        yield Odd(f"never_finished.{suffix}", zeros, reason="cannot be decoded")
    yield Odd("empty.jpg", b"", reason="is empty")
    yield Odd("zeros.jpg", bytes(5000), reason="not a picture")
    yield Odd("sign_in.jpg", b"\n<!DOCTYPE html><html>Sign in</html>", reason="a web page")
    yield Odd("text.jpg", b"Not Found", reason="a text")
    yield Odd("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", reason="SVG")
    yield Odd("paper.jpg", b"%PDF-1.7\n" + bytes(99), reason="PDF")
    yield Odd(
        "script.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", reason="PostScript"
    )
    yield Odd("packed.png", b"PK\x03\x04" + bytes(99), reason="zip")
    yield Odd("phone.jpg", b"\0\0\0\x18ftypheic" + bytes(99), reason="HEIC")


# --- sizes ---------------------------------------------------------------------------------------


def sizes() -> Iterator[Odd]:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    yield Odd("claims.png", png(header, b"\0" * 100), reason="50000×50000")
    square = save(Image.new("1", (21_000, 21_000)), "PNG")
    assert len(square) < 300_000
    yield Odd("bomb.png", square, reason="21000×21000")
    frame = b",\0\0\0\0" + struct.pack("<HHB", 65535, 65535, 0) + b"\x02\x02\x4c\x01\0;"
    gif = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + frame
    yield Odd("claims.gif", gif, reason="65535×65535")
    white = np.full((4000, 4000), 250, np.uint8)
    yield Odd("large_and_plain.png", save(white, "PNG"), grey_in_three(white), 0)
    yield Odd("one_pixel.png", save(painting()[:1, :1], "PNG"), reason="1×1 pixels")
    yield Odd("icon.png", save(painting()[:15, :40], "PNG"), reason="40×15 pixels")
    yield Odd("thread.png", save(np.zeros((3000, 2, 3), np.uint8), "PNG"), reason="2×3000")
    small = np.ascontiguousarray(painting(30)[16:32, 24:40])
    yield Odd("small.png", save(small, "PNG"), small, 0)
    scroll = np.repeat(painting(31), 60, axis=1)
    yield Odd("scroll.png", save(scroll, "PNG"), scroll, 0)


# --- names ---------------------------------------------------------------------------------------


NAMES = (
    "Мона Лиза", "神奈川沖浪裏", "لوحة", "ציור", "हिन्दी", "ภาพวาด", "그림", "Ελλάδα",
    unicodedata.normalize("NFD", "Cézanne å"), unicodedata.normalize("NFC", "Ñandú"),
    "night 🌃 sky", "O'Keeffe “Blue”", "-rf", "two  spaces", " before", "dot at the end.",
    "space at the end ", "tab\there", "line\nbreak", "100%", "a;b,c|d", "C:", "bytes\udcff",
    "w" * 156, "Юля" * 26,
)  # fmt: skip
BAD_NAMES = {"🌃": "no letter or digit", "...": "no letter or digit", "ж" * 81: "more than 160"}


def names() -> Iterator[Odd]:
    for number, name in enumerate(NAMES):
        picture = painting(100 + number)
        yield Odd(f"names/{name}.png", save(picture, "PNG"), picture, 0)
    for number, (name, reason) in enumerate(BAD_NAMES.items()):
        yield Odd(f"names/{name}.png", save(painting(200 + number), "PNG"), reason=reason)
    yield Odd("names/SHOUTED.JPG", save(painting(), "JPEG", quality=93), painting(), 6)


def clashes() -> Iterator[Odd]:
    picture = painting(300)
    data = save(picture, "PNG")
    yield Odd("twice/a.png", data, picture, 0)
    yield Odd("twice/b.png", data, reason="has the same bytes as twice/a.png")
    for number, path in enumerate(("clash/x.png", "clash/X.webp", "clash/y/x.png")):
        picture = painting(310 + number)
        form = "WEBP" if path.endswith("webp") else "PNG"
        data = save(picture, form, lossless=True)
        # Upper case sorts first; the folder y tells its picture apart.
        if path != "clash/x.png":
            yield Odd(path, data, picture, 0)
        else:
            yield Odd(path, data, reason="would have the same id as clash/X.webp")
