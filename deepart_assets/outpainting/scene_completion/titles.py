"""What the words of a title say of the place that a painting shows."""

import math
import re

OUTDOORS = re.compile(
    r"\b(landscapes?|gardens?|fields?|meadows?|forest|woods|woodlands?|mountains?|hills?|cliffs?"
    r"|rivers?|lakes?|brook|shore|coast|beach|sea|seaside|seascape|ocean|harbou?r|boats?|boating"
    r"|ships?|fisher(man|men)|battle|hunt(ers?|ing)?|shepherd(ess)?|gleaners|harvest(ers)?|reapers?"
    r"|haymak\w+|cattle|horses?|road|street|square|park|terrace|bridge|sunset|sunrise|winter|snow"
    r"|desert|wilderness|bathers|picnic|promenade|paysage|landschap|landschaft|paesaggio)\b",
    re.IGNORECASE,
)
INDOORS = re.compile(
    r"\b(interior|(bed)?room|studio|kitchen|salon|parlou?r|inn|tavern|library|music|reading"
    r"|letter|toilet|lace\w*|annunciation|supper|dinner|breakfast|cards?|chess|guitar|piano"
    r"|virginals?|lute|school)\b",
    re.IGNORECASE,
)
WATER = re.compile(
    r"\b(sea|seascape|ocean|boats?|ships?|shipping|shipwreck|vessels?|frigate|fleet|naval)\b",
    re.IGNORECASE,
)
WEIGHT = 2.0
"""By so much a word moves the logarithm of the odds."""


def outdoors(title: str, guess: float) -> float:
    """Return how likely a painting is set outdoors, in [0, 1], by its title and a guess without it.

    A title with words of both kinds says nothing.
    """
    says = bool(OUTDOORS.search(title)) - bool(INDOORS.search(title))
    return _moved(guess, says * WEIGHT)


def afloat(title: str, guess: float) -> float:
    """Return how likely the subject is on open water, in [0, 1], likewise."""
    return _moved(guess, WEIGHT if WATER.search(title) else 0.0)


def _moved(guess: float, by: float) -> float:
    odds = guess * math.exp(by)
    return odds / (1 - guess + odds)
