"""The language of docstrings and comments: a sentence names its actor, and stands without the name of its function."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import django_zero_downtime_migrations

PACKAGE = Path(django_zero_downtime_migrations.__file__).parent
TOP = PACKAGE.parent
FOLDERS = (PACKAGE, TOP / "tests", TOP / "benchmarks", TOP / "example")
#: Words that hide an actor, or that read as translated; "is no" as in "Python is no server".
WORDS = re.compile(
    r"\b((any|every|no|some)body|no one|(any|every|some)one|whoever|anew|that of"
    r"|(?<!there )(is|are|was|were) no(?! (longer|more|less|faster|slower|larger|smaller|better|worse|later)\b))\b",
    re.IGNORECASE,
)
#: The first word of a docstring that finishes the name of its function instead of saying something itself.
FRAGMENT = re.compile(
    r"(as|at|after|before|behind|beside|between|by|for|from|in|inside|of|on|outside|through|to|under|until|with|within"
    r"|without|he|she|it|they|those|these|none|what|which|who|whose|where|when)\b|:",
    re.IGNORECASE,
)
FIELD = re.compile(r":(param|ivar|cvar|raises|returns?)\b")
#: Files whose language is not this project's choice, with the reason.
EXCEPTIONS = {"tests/contract/test_language.py": "names the words"}
Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Prose(NamedTuple):
    """A docstring, or the text of comments in consecutive lines."""

    line: int
    text: str
    is_docstring: bool = False

    def faults(self) -> Iterator[str]:
        if word := WORDS.search(" ".join(self.text.split())):
            yield f"says “{word[0]}”: name the actor, or repeat the noun"
        if self.is_docstring and (first := FRAGMENT.match(self.text.strip())):
            yield f"begins with “{first[0]}”: write a sentence of its own"
        if self.is_docstring and any(len(FIELD.findall(line)) > 1 for line in self.text.splitlines()):
            yield "has two fields in a line: give each its own"


def definitions(node: ast.AST) -> Iterator[Definition]:
    if isinstance(node, Definition):
        yield node
    for child in ast.iter_child_nodes(node) if isinstance(node, (Definition, ast.If, ast.Try, ast.With)) else ():
        yield from definitions(child)


def docstrings(source: str) -> Iterator[Prose]:
    for node in definitions(ast.parse(source)):
        if (text := ast.get_docstring(node, clean=False)) is not None:
            yield Prose(node.body[0].lineno, text, is_docstring=True)


def comments(source: str) -> Iterator[Prose]:
    if not WORDS.search(" ".join(source.replace("#", " ").split())):
        return
    found: list[Prose] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, text = token.start[0], token.string.lstrip("#: ")
            follows = found and found[-1].line + found[-1].text.count("\n") + 1 == line
            if follows:
                found[-1] = found[-1]._replace(text=f"{found[-1].text}\n{text}")
            else:
                found.append(Prose(line, text))
    yield from found


def faults_of(source: str, name: str) -> list[str]:
    prose = (*docstrings(source), *comments(source))
    return [f"{name}:{each.line} {fault}" for each in prose for fault in each.faults()]


def test_docstrings_and_comments_name_their_actors_and_stand_alone() -> None:
    found: list[str] = []
    files = [file for folder in FOLDERS for file in sorted(folder.rglob("*.py"))]
    for file in files:
        name = file.relative_to(PACKAGE if file.is_relative_to(PACKAGE) else TOP).as_posix()
        if name not in EXCEPTIONS:
            found += faults_of(file.read_text(encoding="utf-8"), name)
    assert len(files) > 800
    assert found == []


def test_faults_are_seen() -> None:
    module = '''
    def go_on():
        """With a call of the past."""


    class Batch:
        """A batch.

        :param first: its first row. :param last: its last row.
        """

        size = 1  # nobody changes
        # it, and whoever
        # does is no user
    '''
    lines = "\n".join(line.removeprefix("    ") for line in module.splitlines())
    assert [fault.split(" ", 1)[0] for fault in faults_of(lines, "m")] == ["m:3", "m:7", "m:12"]
    assert faults_of('"""There is no file, and it is no longer open."""', "m") == []
