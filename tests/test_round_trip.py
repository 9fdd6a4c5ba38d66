"""A user's script that sends a book and an outcome through everybody's tables runs, and is typed, as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import levcore

SCRIPT = Path(__file__).resolve().parents[1] / "docs/examples/round_trip.py"


def test_a_book_and_an_outcome_come_back_from_arrow_parquet_pandas_and_polars_to_the_last_bit() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ways = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert ways == ["through_arrow", "through_parquet", "through_pandas", "through_polars"]


def checked(script: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """What mypy says of a user's script in a folder of their own, without any configuration."""
    options = ["--strict", "--config-file=", "--follow-imports=silent", "--cache-dir", str(folder / "cache")]
    # Where it lies, whether it is installed or edited in place.
    path = {} if "site-packages" in levcore.__file__ else {"MYPYPATH": str(Path(levcore.__file__).parents[1])}
    command = [sys.executable, "-m", "mypy", *options, str(script)]
    return subprocess.run(command, cwd=folder, env=os.environ | path, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_the_script_passes_mypy_strict_and_one_that_is_wrong_does_not(tmp_path: Path) -> None:
    done = checked(SCRIPT, tmp_path)
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "wrong.py"
    text = SCRIPT.read_text(encoding="utf-8")
    assert text.count("seed=7") == 2
    wrong.write_text(text.replace("seed=7", "seed='7'").replace("lc.venues.hyperliquid", "lc.venues.hyperfluid"))
    told = checked(wrong, tmp_path).stdout
    assert told.count('Argument "seed" to "simulate" has incompatible type "str"') == 2
    assert 'Module has no attribute "hyperfluid"' in told
