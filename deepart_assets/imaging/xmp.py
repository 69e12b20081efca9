"""XMP packets (ISO 16684-1); what is said in them is in `metadata`."""

from collections.abc import Callable, Iterable, Mapping
from xml.sax.saxutils import escape

KEYWORD = "XML:com.adobe.xmp"
"""The keyword of PNG's text with a packet."""

TIFF_TAG = 700

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_TRAINED, _COMPOSITE = "compositeWithTrainedAlgorithmicMedia", "composite"
"""IPTC's terms for a picture of which a trained model has made a part, and for other mixtures."""

_PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:deepart="urn:deepart:provenance:1.0">
{lines}
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def xmp_packet(
    *,
    title: str,
    artist: str,
    date: str,
    description: str,
    tool: str,
    made_at: str,
    facts: Mapping[str, str],
    is_trained: bool = True,
) -> str:
    """Return an XMP packet.

    Args:
        title: The painting's; "" where it is not known, as for `artist` and `date`.
        artist: Who painted it.
        date: When, in the catalogue's words, such as "ca. 1510".
        description: What of the picture is the painter's, and what was generated.
        tool: Name and version of the program.
        made_at: When the picture was made, ISO 8601.
        facts: Further ones, by CamelCase names of letters.
        is_trained: Whether a trained model has made a part of the picture.
    """
    alternative = "<{0}><rdf:Alt><rdf:li xml:lang='x-default'>{1}</rdf:li></rdf:Alt></{0}>".format
    sequence = "<{0}><rdf:Seq><rdf:li>{1}</rdf:li></rdf:Seq></{0}>".format
    plain = "<{0}>{1}</{0}>".format
    source_type = _SOURCE_TYPES + (_TRAINED if is_trained else _COMPOSITE)
    values = [
        (alternative, "dc:title", title),
        (sequence, "dc:creator", artist),
        (alternative, "dc:description", description),
        (plain, "xmp:CreatorTool", tool),
        (plain, "xmp:CreateDate", made_at),
        (plain, "Iptc4xmpExt:DigitalSourceType", source_type),
        *((plain, f"deepart:{name}", value) for name, value in facts.items()),
    ]
    work = [
        (alternative, "Iptc4xmpExt:AOTitle", title),
        (sequence, "Iptc4xmpExt:AOCreator", artist),
        (plain, "Iptc4xmpExt:AOCircaDateCreated", date),
    ]

    def lines(of: Iterable[tuple[Callable[..., str], str, str]]) -> str:
        return "\n".join(form(name, escape(_legal(text))) for form, name, text in of if text)

    inside = lines(work)
    artwork = (
        "\n<Iptc4xmpExt:ArtworkOrObject><rdf:Bag><rdf:li rdf:parseType='Resource'>\n"
        f"{inside}\n</rdf:li></rdf:Bag></Iptc4xmpExt:ArtworkOrObject>"
        if inside
        else ""
    )
    return _PACKET.replace("{lines}", lines(values) + artwork)


def _legal(text: str) -> str:
    """Leave out the control characters that XML 1.0 does not allow."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
