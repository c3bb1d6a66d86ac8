"""Text from logs on a terminal: characters that would move the cursor, change colours, break the line or change the
direction of writing are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Control characters (C0, DEL, C1), line and paragraph separators, marks of direction.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return a text as one line that a terminal shows as it is; a control character becomes its escape (`\x1b`)."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def joined(lines: Iterable[str]) -> str:
    """Return lines as one text, each of them printable."""
    return "\n".join(map(printable, lines))


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
