"""C++ sources as the house rules see them: includes, statements at namespace scope, function bodies.

A reader for code that keeps the house's style, not a parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<mark>\w*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)
NAMESPACE = re.compile(r'^(inline\s+)?namespace\b[^;=]*$|^extern\s*" *"$')
RECORD = re.compile(r"\b(struct|class|union|enum)\b(?![^<]*>)")
TEMPLATE = re.compile(r"^template\s*<")
FIXED = re.compile(r"\bconst(expr|eval)?\b")
NOT_A_VARIABLE = re.compile(
    r"^(using|typedef|struct|class|enum|union|static_assert|friend|concept|namespace|return|PYBIND11_MODULE)\b"
)


@dataclass(frozen=True)
class Function:
    """A function with a body: what stands before its brace, and how many lines it has, both braces included."""

    head: str
    lines: int


def blank(match: re.Match[str]) -> str:
    """Spaces for everything but line ends, so that lines keep their numbers."""
    kept = '""' if match[0].startswith('"') else ""
    return kept + re.sub(r"[^\n]", " ", match[0])[len(kept) :]


def code_only(text: str) -> str:
    """The text without comments, strings and characters."""
    return NOT_CODE.sub(blank, text)


def includes(path: Path) -> list[tuple[str, str]]:
    """What a file includes: ("<" or the quote, name)."""
    return [(m[1], m[2]) for m in INCLUDE.finditer(COMMENT.sub(blank, path.read_text(encoding="utf-8")))]


def without_template(statement: str) -> str:
    """The declaration behind `template <...>`."""
    while TEMPLATE.match(statement):
        depth, at = 1, statement.index("<") + 1
        while depth and at < len(statement):
            depth += (statement[at] == "<") - (statement[at] == ">")
            at += 1
        statement = statement[at:].lstrip()
    return statement


class Reader:
    """One pass over a file: `statements` at namespace scope (bodies cut out), `functions` anywhere."""

    def __init__(self, text: str) -> None:
        self.code = DIRECTIVE.sub(blank, code_only(text))
        self.statements: list[str] = []
        self.functions: list[Function] = []
        end = self._scope(0, record=False)
        assert end == len(self.code), "unbalanced braces"

    def _closing(self, opening: int) -> int:
        depth = 0
        for at in range(opening, len(self.code)):
            depth += (self.code[at] == "{") - (self.code[at] == "}")
            if depth == 0:
                return at
        raise AssertionError("unbalanced braces")

    def _scope(self, at: int, *, record: bool) -> int:
        """Read declarations up to the closing brace of the scope (or the end); where reading stopped."""
        head, depth = "", 0
        while at < len(self.code):
            sign = self.code[at]
            depth += (sign in "([") - (sign in ")]")
            if depth == 0 and sign == "}":
                return at
            if depth == 0 and sign == ";":
                self._statement(head, record=record)
                head = ""
            elif depth == 0 and sign == "{":
                at, head = self._block(at, head.strip(), record=record)
            else:
                head += sign
            at += 1
        return at

    def _block(self, at: int, head: str, *, record: bool) -> tuple[int, str]:
        """Read a block from its brace; its end, and what of the declaration is still open."""
        end = self._closing(at)
        declaration = without_template(head)
        if NAMESPACE.match(head):
            self._scope(at + 1, record=record)
            return end, ""
        if RECORD.match(declaration) and "=" not in declaration:
            if not declaration.startswith("enum"):
                self._scope(at + 1, record=True)
            return end, f"{head} {{}}"
        if "(" in declaration and "=" not in re.sub(r"operator\s*[=<>!+*/%-]+", "operator", declaration).split("(")[0]:
            self.functions.append(Function(" ".join(declaration.split()), self.code.count("\n", at, end) + 1))
            return end, ""
        return end, f"{head} {{}} "  # an initialiser or a lambda: the statement goes on

    def _statement(self, head: str, *, record: bool) -> None:
        if not record and head.strip():
            self.statements.append(" ".join(head.split()))


def mutable_globals(text: str) -> list[str]:
    """Variables at namespace scope that may change, and statics and thread locals anywhere."""
    reader = Reader(text)
    found = []
    for statement in reader.statements:
        declaration = re.sub(r"^(\[\[[^\]]*\]\]\s*)+", "", without_template(statement))
        before = re.split(r"[={]", declaration)[0]
        function = "(" in before
        pointer = "*" in before and not re.search(r"\*\s*const\b|\bconstexpr\b", before)
        if not NOT_A_VARIABLE.match(declaration) and not function and (not FIXED.search(before) or pointer):
            found.append(statement)
    statics = re.finditer(r"\bstatic\b([^;={(]*)([;={(])", reader.code)
    found += [" ".join(match[0].split()) for match in statics if match[2] != "(" and not FIXED.search(match[1])]
    found += [" ".join(match[0].split()) for match in re.finditer(r"\bthread_local\b[^;]*", reader.code)]
    return found
