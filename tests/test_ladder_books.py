"""The ladder against the ledger inside the core, on very many random books: a program compiled from its sources."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from test_headers import INCLUDE, ROOT, compiler

SOURCES = [
    *sorted((ROOT / "cpp/src").glob("*.cpp")),
    ROOT / "cpp/src/kernels/baseline.cpp",
    ROOT / "tests/cpp/books.cpp",
]
OPTIONS = ["-std=c++20", "-O1", "-ffp-contract=off", "-pthread", f"-I{INCLUDE}"]
BOOKS = 20_000
SEEN = ("books", "runs", "by the ladder", "liquidated", "lost", "drawn", "funded")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core and the program that asks it."""
    folder = tmp_path_factory.mktemp("books")

    def compiled(source: Path) -> Path:
        made = folder / f"{source.stem}.o"
        subprocess.run([*compiler(), *OPTIONS, "-c", source, "-o", made], check=True, capture_output=True, text=True)
        return made

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, SOURCES))
    subprocess.run([*compiler(), "-pthread", *objects, "-o", folder / "books"], check=True, capture_output=True)
    return folder / "books"


def agree(program: Path, books: int, seed: int) -> dict[str, int]:
    """What the program has seen; it ends at the first difference, which it names."""
    answer = subprocess.run([program, str(books), str(seed)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
    return dict(zip(SEEN, map(int, answer.stdout.split()), strict=True))


def test_the_ladder_and_the_ledger_agree_on_twenty_thousand_books(program):
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda seed: agree(program, BOOKS // 2, seed), (1, 2)))
    seen = {name: sum(part[name] for part in parts) for name in SEEN}
    assert seen["books"] == BOOKS
    assert seen["by the ladder"] > 0.5 * seen["runs"]
    for name in ("liquidated", "lost", "drawn"):
        assert seen[name] > 0.3 * seen["runs"], seen
    assert seen["funded"] > 0.2 * seen["books"], seen


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_the_ladder_and_the_ledger_agree_on_a_million_books(program):
    books = int(os.environ.get("LEVCORE_LADDER_PAIRS", "1000000")) // 2
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda seed: agree(program, books, seed), (3, 4)))
    assert sum(part["books"] for part in parts) == 2 * books
