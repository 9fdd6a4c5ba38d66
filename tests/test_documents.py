"""The Python that readers see in the docs runs as it stands."""

from __future__ import annotations

import ast
import doctest
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(ROOT.glob("docs/*.md"))
BLOCK = re.compile(r"^```\{?(?:python|code-cell)\}?[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


MARKED = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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


# --- Python that needs more: files, a cluster, other people's libraries ----------------------------------------------

#: Blocks that are marked `py`; those of adapters.md are run by test_adapters.py and test_nautilus.py.
NEEDS_MORE = {"adapters.md": 3, "loaders.md": 2, "scaling.md": 1}


def test_no_python_of_a_document_is_left_that_nothing_runs() -> None:
    marked = {path.name: len(MARKED.findall(path.read_text(encoding="utf-8"))) for path in DOCUMENTS}
    assert {name: count for name, count in marked.items() if count} == NEEDS_MORE


@pytest.mark.long
def test_the_examples_of_the_loaders_read_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for sample in (ROOT / "tests/data/loaders").iterdir():
        shutil.copy(sample, tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in MARKED.findall((ROOT / "docs/loaders.md").read_text(encoding="utf-8")):
        exec(compile(block, "loaders.md", "exec"), names)
    assert round(names["price"], 5) == 2_866.26938
    assert len(names["recorded"]["times"]) == len(names["bars"].close) > 0
    assert names["funding"].times[0] >= timedelta(0)
    assert len(names["impact"].quantity) > 1


@pytest.mark.long
def test_the_example_of_a_cluster_gives_the_bits_of_a_run_in_one_piece(tmp_path: Path) -> None:
    page = ROOT / "docs/scaling.md"
    text = page.read_text(encoding="utf-8")
    (cluster,) = MARKED.findall(text)
    whole = blocks(page)[0]
    assert "whole = lc.simulate" in whole
    script = tmp_path / "cluster.py"
    script.write_text(f"{whole}\n{cluster}        print((runs.bad_debt == whole.bad_debt).all(), runs.paths)\n")
    done = subprocess.run([sys.executable, "-W", "ignore", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True 2000", done.stderr


def test_the_first_page_shows_python() -> None:
    assert "start.md" in {path.name for path in WITH_CODE}
