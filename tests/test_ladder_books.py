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


def agree(program: Path, books: int, seed: int, first: int = 0, *kind: str) -> dict[str, int]:
    """What the program has seen of a seed's books from the first on; it ends at a difference, which it names."""
    numbers = map(str, (books, seed, first))
    answer = subprocess.run([program, *numbers, *kind], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
    return dict(zip(SEEN, map(int, answer.stdout.split()), strict=True))


@pytest.mark.timeout(1_200)  # a slow machine compiles the core, and takes a minute for each half of the books
def test_the_ladder_and_the_ledger_agree_on_twenty_thousand_books(program):
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda seed: agree(program, BOOKS // 2, seed), (1, 2)))
    seen = {name: sum(part[name] for part in parts) for name in SEEN}
    assert seen["books"] == BOOKS
    assert seen["by the ladder"] > 0.5 * seen["runs"]
    for name in ("liquidated", "lost", "drawn"):
        assert seen[name] > 0.3 * seen["runs"], seen
    assert seen["funded"] > 0.2 * seen["books"], seen


def test_rounding_is_no_deficit_where_every_row_of_a_stretch_has_been_asked(program):
    """On plain book 90,445 of seed 3 what rounding left of a sum was a loss that its empty fund could not pay."""
    seen = agree(program, 20, 3, 90_435, "plain")
    assert seen["books"] == 20
    assert seen["by the ladder"] > 0
    assert seen["lost"] > 0


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_the_ladder_and_the_ledger_agree_on_a_million_books(program):
    books = int(os.environ.get("LEVCORE_LADDER_PAIRS", "1000000")) // 2
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda seed: agree(program, books, seed), (3, 4)))
    assert sum(part["books"] for part in parts) == 2 * books
