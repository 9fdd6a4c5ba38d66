"""The Python that readers see in the docs runs as it stands."""

from __future__ import annotations

import ast
import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(ROOT.glob("docs/*.md"))
BLOCK = re.compile(r"^```\{?(?:python|code-cell)\}?[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path) -> list[str]:
    return BLOCK.findall(path.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def no_open_figures() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


WITH_CODE = [path for path in DOCUMENTS if blocks(path)]


@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: path.name)
def test_the_python_of_a_document_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, object] = {"__name__": "__main__"}
    for number, block in enumerate(blocks(path)):
        if ">>>" in block:
            example = doctest.DocTestParser().get_doctest(block, names, f"{path.name}[{number}]", str(path), None)
            said: list[str] = []
            options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            result = doctest.DocTestRunner(optionflags=options).run(example, out=said.append, clear_globs=False)
            assert not result.failed, "".join(said)
            names.update(example.globs)
        else:
            exec(compile(ast.parse(block), f"{path.name}[{number}]", "exec"), names)


def test_the_first_page_shows_python() -> None:
    assert "start.md" in {path.name for path in WITH_CODE}
