"""A gateway's price formula → branches of plain unit prices, which SQL can join and multiply exactly.

A gateway of the New-API family may price a model by a formula instead of a ratio, and write it on every row:

    len <= 200000 ? tier("standard", p*3 + c*15 + cr*0.3) : tier("long", p*6 + c*22.5 + cr*0.6)

Its value is USD per million tokens times tokens. Each branch is a sum of tokens × price and holds inside a box: a range
for each count, and perhaps a service tier. So a formula becomes a few rows of box and prices, and exactly one of them
applies to a call.

`p` is the prompt without the parts that the formula prices separately, `c` likewise the completion; `len` is the whole
prompt. Prices are kept to 18 decimals; a formula that needs more, multiplies counts, or calls something unknown is
refused by name rather than approximated.

Rulings: docs/decisions/gateway-prices.md#gateway-prices-3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

#: Counts a formula may price. Image and audio are parts of the prompt, `ao` and `img_o` of the completion.
PRICED = ("p", "c", "cr", "cc", "cc1h", "img", "img_cr", "ai", "ao", "img_o")
#: Counts a condition may test.
TESTED = (*PRICED, "len")
SERVICE_TIER = "service_tier"
SCALE = 18

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\|\||&&|[<>=!]=|[-+*/()<>!?:,]))"
)
_LONGEST = 4000
_DEEPEST = 60
_MOST_BRANCHES = 500
_WIDEST = 30
_LARGEST_PRICE = 10**6

Range = tuple[int, int | None]
Linear = Mapping[str, Fraction]


class FormulaError(ValueError):
    """The formula has something that this module does not support; the message names it."""


@dataclass(frozen=True)
class Box:
    """Where a branch holds: inclusive ranges of counts; a service tier it is for, or those it is not for."""

    ranges: Mapping[str, Range] = field(default_factory=dict)
    service_tier: str | None = None
    other_tiers: frozenset[str] = frozenset()

    def within(self, name: str, low: int, high: int | None) -> Box | None:
        """Return the part where `name` is from `low` to `high`, or None if there is none."""
        old_low, old_high = self.ranges.get(name, (0, None))
        low = max(low, old_low)
        high = old_high if high is None else high if old_high is None else min(high, old_high)
        if high is not None and low > high:
            return None
        return Box({**self.ranges, name: (low, high)}, self.service_tier, self.other_tiers)

    def served(self, tier: str) -> tuple[Box | None, Box | None]:
        """Return the part for a service tier, and the part for all others."""
        if self.service_tier is not None:
            return (self, None) if self.service_tier == tier else (None, self)
        if tier in self.other_tiers:
            return None, self
        return Box(self.ranges, tier, frozenset()), Box(self.ranges, None, self.other_tiers | {tier})

    def holds(self, counts: Mapping[str, int], service_tier: str) -> bool:
        """Whether a call lies in the box."""
        return (
            (self.service_tier is None or self.service_tier == service_tier)
            and service_tier not in self.other_tiers
            and all(
                low <= counts.get(name, 0) and (high is None or counts.get(name, 0) <= high)
                for name, (low, high) in self.ranges.items()
            )
        )


@dataclass(frozen=True)
class Branch:
    """Prices that hold in a box: USD per million tokens by count, and under '' what is added to the sum."""

    box: Box
    prices: Linear
    tier: str | None = None


@dataclass(frozen=True)
class Formula:
    """A parsed formula. Exactly one branch applies to a call.

    Attributes:
        branches: In the order they are written.
        uses: The counts that it names; the others stay in `p` or `c`.
    """

    branches: tuple[Branch, ...]
    uses: frozenset[str]

    def value(self, counts: Mapping[str, int], service_tier: str = "standard") -> Decimal:
        """Return the formula's value: millionths of a dollar, before any group's ratio."""
        (branch,) = (branch for branch in self.branches if branch.box.holds(counts, service_tier))
        total = sum(
            (price * counts.get(name, 0) for name, price in branch.prices.items() if name), Fraction()
        )
        return exact(total + branch.prices.get("", Fraction()))


def exact(value: Fraction) -> Decimal:
    """Return a fraction as a decimal.

    Raises:
        FormulaError: it needs more than 18 decimals.
    """
    scaled = value * 10**SCALE
    if scaled.denominator != 1:
        raise FormulaError(f"{value} needs more than {SCALE} decimals")
    return Decimal(scaled.numerator).scaleb(-SCALE)


def read(text: str) -> Formula:
    """Read a formula.

    Raises:
        FormulaError: it is not a formula, or not a choice between sums of tokens × price.
    """
    if len(text) > _LONGEST:
        raise FormulaError(f"longer than {_LONGEST} characters")
    parser = _Parser(list(_tokens(text)))
    tree = parser.node(0)
    if parser.peek():
        raise FormulaError(f"{parser.peek()!r} after the end")
    branches = tuple(_value(tree)(Box()))
    for branch in branches:
        for price in branch.prices.values():
            if not 0 <= exact(price) < _LARGEST_PRICE:
                raise FormulaError(f"{price} is no price")
    return Formula(branches, frozenset(parser.names))


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if not match:
            raise FormulaError(f"{text[position : position + 20].strip()!r} is not understood")
        yield match.group().strip()
        position = match.end()


Node = tuple[Any, ...]
Value = Callable[[Box], list[Branch]]
Parts = tuple[list[Box], list[Box]]
Truth = Callable[[Box], Parts]

#: Operators of two sides, weakest first; `? :` is weaker than all of them.
_LEVELS = (("||",), ("&&",), ("<", "<=", ">", ">=", "==", "!="), ("+", "-"), ("*", "/"))


class _Parser:
    """Text → a tree of (operator, sides…), ("number", text), ("count", name) and ("text", words)."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.place = 0
        self.names: set[str] = set()

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise FormulaError(f"{token or 'the end'!r} where {wanted or 'a value'} belongs")
        self.place += 1
        return token

    def node(self, depth: int) -> Node:
        """Read `condition ? value : value`, or a value."""
        if depth > _DEEPEST:
            raise FormulaError(f"nested more than {_DEEPEST} deep")
        condition = self.level(0, depth)
        if self.peek() != "?":
            return condition
        self.take()
        yes = self.node(depth + 1)
        self.take(":")
        return ("?", condition, yes, self.node(depth + 1))

    def level(self, level: int, depth: int) -> Node:
        if level == len(_LEVELS):
            return self.unary(depth)
        left = self.level(level + 1, depth)
        while self.peek() in _LEVELS[level]:
            left = (self.take(), left, self.level(level + 1, depth))
        return left

    def unary(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise FormulaError(f"nested more than {_DEEPEST} deep")
        token = self.take()
        if token in ("-", "!"):
            return ("negative" if token == "-" else "not", self.unary(depth + 1))
        if token == "(":
            inner = self.node(depth + 1)
            self.take(")")
            return inner
        if token[0].isdigit() or token[0] == ".":
            return ("number", token)
        if token[0] in "\"'":
            return ("text", token[1:-1])
        if token == "tier":
            self.take("(")
            name = self.unary(depth + 1)
            self.take(",")
            inner = self.node(depth + 1)
            self.take(")")
            return ("tier", name, inner)
        if token in TESTED or token == SERVICE_TIER:
            self.names.add(token)
            return ("count", token)
        raise FormulaError(f"{token!r} is not known")


def _value(node: Node) -> Value:
    """Turn a tree into a function from a box to the branches in it."""
    kind, *sides = node
    if kind == "number":
        return _plain({"": _number(sides[0])})
    if kind == "count" and sides[0] != SERVICE_TIER:
        return _plain({sides[0]: Fraction(1)})
    if kind == "tier" and sides[0][0] == "text":
        inner, name = _value(sides[1]), sides[0][1]
        return lambda box: [Branch(branch.box, branch.prices, branch.tier or name) for branch in inner(box)]
    if kind == "?":
        return _choice(_truth(sides[0]), _value(sides[1]), _value(sides[2]))
    if kind == "negative":
        return _combined(_plain({"": Fraction(-1)}), _value(sides[0]), _multiplied)
    if kind in _ARITHMETIC:
        return _combined(_value(sides[0]), _value(sides[1]), _ARITHMETIC[kind])
    raise FormulaError(f"{sides[0] if kind in ('count', 'text') else kind!r} where an amount belongs")


def _truth(node: Node) -> Truth:
    """Turn a tree into a function from a box to the parts of it where the condition is true, and false."""
    kind, *sides = node
    if kind == "not":
        inner = _truth(sides[0])
        return lambda box: inner(box)[::-1]
    if kind in ("&&", "||"):
        return (_both if kind == "&&" else _either)(_truth(sides[0]), _truth(sides[1]))
    if kind in _LEVELS[2]:
        if sides[0] == ("count", SERVICE_TIER) and sides[1][0] == "text" and kind in ("==", "!="):
            tier = sides[1][1]
            return lambda box: _parted(box.served(tier), negate=kind == "!=")
        return _comparison(_constant_branch(_value(sides[0])), kind, _constant_branch(_value(sides[1])))
    raise FormulaError(f"{kind!r} where a condition belongs")


def _number(text: str) -> Fraction:
    value = Decimal(text)
    if value and not -_WIDEST < value.adjusted() < _WIDEST:
        raise FormulaError(f"{text} is no price")
    return Fraction(value)


def _plain(prices: Linear) -> Value:
    return lambda box: [Branch(box, prices)]


def _choice(condition: Truth, yes: Value, no: Value) -> Value:
    def branches(box: Box) -> list[Branch]:
        true, false = condition(box)
        return [branch for part in true for branch in yes(part)] + [
            branch for part in false for branch in no(part)
        ]

    return branches


def _combined(left: Value, right: Value, operation: Callable[[Linear, Linear], Linear]) -> Value:
    def branches(box: Box) -> list[Branch]:
        found = [
            Branch(second.box, operation(first.prices, second.prices), first.tier or second.tier)
            for first in left(box)
            for second in right(first.box)
        ]
        if len(found) > _MOST_BRANCHES:
            raise FormulaError(f"more than {_MOST_BRANCHES} branches")
        return found

    return branches


def _added(left: Linear, right: Linear) -> Linear:
    return {name: left.get(name, Fraction()) + right.get(name, Fraction()) for name in {*left, *right}}


def _subtracted(left: Linear, right: Linear) -> Linear:
    return _added(left, {name: -price for name, price in right.items()})


def _multiplied(left: Linear, right: Linear) -> Linear:
    if any(left[name] for name in left if name) and any(right[name] for name in right if name):
        raise FormulaError("counts are multiplied with each other")
    if any(right[name] for name in right if name):
        left, right = right, left
    return {name: price * right.get("", Fraction()) for name, price in left.items()}


def _divided(left: Linear, right: Linear) -> Linear:
    divisor = right.get("", Fraction())
    if any(right[name] for name in right if name) or not divisor:
        raise FormulaError("divided by a count or by zero")
    return {name: price / divisor for name, price in left.items()}


def _constant_branch(value: Value) -> Linear:
    branches = value(Box())
    if len(branches) != 1:
        raise FormulaError("a choice inside a comparison")
    return branches[0].prices


def _comparison(left: Linear, sign: str, right: Linear) -> Truth:
    """Turn `count sign constant` into ranges of whole numbers."""
    difference = _subtracted(left, right)
    names = [name for name in difference if name and difference[name]]
    if len(names) != 1:
        raise FormulaError("a comparison that is not of one count with a number")
    (name,) = names
    factor = difference[name]
    bound = -difference.get("", Fraction()) / factor
    if factor < 0:
        sign = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(sign, sign)
    floor, ceiling = bound.__floor__(), bound.__ceil__()

    def parts(box: Box) -> Parts:
        below = {"<": ceiling - 1, "<=": floor, ">": floor, ">=": ceiling - 1}
        if sign in below:
            low = box.within(name, 0, below[sign])
            high = box.within(name, max(below[sign] + 1, 0), None)
            return _parted((low, high), negate=sign in (">", ">="))
        if floor != ceiling:
            return _parted((None, box), negate=sign == "!=")
        equal = box.within(name, floor, floor)
        rest = [part for part in (box.within(name, 0, floor - 1), box.within(name, floor + 1, None)) if part]
        same = [equal] if equal else []
        return (same, rest) if sign == "==" else (rest, same)

    return parts


def _parted(parts: tuple[Box | None, Box | None], *, negate: bool) -> Parts:
    true, false = ([part] if part else [] for part in parts)
    return (false, true) if negate else (true, false)


def _both(left: Truth, right: Truth) -> Truth:
    def parts(box: Box) -> Parts:
        true, false = left(box)
        found = [right(part) for part in true]
        return [part for yes, _ in found for part in yes], false + [part for _, no in found for part in no]

    return parts


def _either(left: Truth, right: Truth) -> Truth:
    def parts(box: Box) -> Parts:
        true, false = left(box)
        found = [right(part) for part in false]
        return true + [part for yes, _ in found for part in yes], [part for _, no in found for part in no]

    return parts


_ARITHMETIC = {"+": _added, "-": _subtracted, "*": _multiplied, "/": _divided}
