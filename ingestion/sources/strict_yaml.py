"""YAML without silent losses and with bounded size.

text → nodes, counted including all that aliases repeat → values. A duplicate key is an error. A few hundred bytes of
aliases can expand to more values than a machine has bytes, and brackets can be nested deeper than Python's stack.
"""

from __future__ import annotations

from typing import Any

import yaml

LONGEST_TEXT = 1_000_000
MOST_VALUES = 100_000
DEEPEST = 30


class YamlError(ValueError):
    """The text is not YAML that can be used; the message says why and where."""


def load_yaml(text: str) -> Any:
    """Return the content of a YAML document: plain values, lists and dicts.

    Raises:
        YamlError: it is not YAML, has a duplicate key, is too large, or has an impossible value, such as 31 February.
    """
    if len(text) > LONGEST_TEXT:
        raise YamlError(f"longer than {LONGEST_TEXT:,} characters; shorten it")
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        # Dates and numbers raise the errors of Python's constructors.
        raise YamlError(f"not valid YAML; {error}") from error


class _Loader(yaml.SafeLoader):
    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._problem(f"nested deeper than {DEEPEST} levels", self.peek_event())
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None and self._values(node, {}) > MOST_VALUES:
            raise self._problem(f"aliases repeat more than {MOST_VALUES:,} values; write fewer", node)
        return node

    def _values(self, node: yaml.Node, known: dict[int, int]) -> int:
        """Count a node and all below it, as often as aliases repeat them."""
        if id(node) in known:
            if not known[id(node)]:
                raise self._problem("refers to itself; write what it should hold", node)
            return known[id(node)]
        known[id(node)] = 0
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            inner = node.value
        elif isinstance(node, yaml.MappingNode):
            inner = [one for pair in node.value for one in pair]
        known[id(node)] = 1 + sum(self._values(one, known) for one in inner)
        return known[id(node)]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise self._problem(f"{key.value} occurs twice; keep one of them", key)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    @staticmethod
    def _problem(what: str, where: Any) -> yaml.constructor.ConstructorError:
        return yaml.constructor.ConstructorError(problem=what, problem_mark=where.start_mark)
