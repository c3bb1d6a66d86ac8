"""Text from logs on a terminal: characters that would move the cursor, change colours, break the line or change the
direction of writing are escaped.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from itertools import chain
from textwrap import wrap

#: Columns of a terminal that are used.
WIDTH = 100

#: Control characters (C0, DEL, C1), line and paragraph separators, marks of direction.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return a text as one line that a terminal shows as it is; a control character becomes its escape (`\x1b`)."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def joined(lines: Iterable[str]) -> str:
    """Return lines as one text, each of them printable; on a terminal at most WIDTH columns wide.

    A pipe gets one line for each, so that `grep` finds all of it.
    """
    shown = map(printable, lines)
    if sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty():
        shown = chain.from_iterable(map(_wrapped, shown))
    return "\n".join(shown)


def _wrapped(line: str) -> list[str]:
    """Break a long line at spaces, and indent what follows four columns more than its beginning."""
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
