"""Each header of the core compiles alone, twice included, without a warning."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = ROOT / "cpp/include"
STRICT = shlex.split("-std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only")


def compiler() -> list[str]:
    """The compiler that built the core, as CMake would find it."""
    named = os.environ.get("CXX")
    found = next(filter(shutil.which, ["c++", "g++", "clang++"]), None)
    assert named or found, "no C++ compiler: set CXX"
    return shlex.split(named) if named else [str(found)]


def complaint_about(header: Path) -> str:
    line = f'#include "{header.relative_to(INCLUDE).as_posix()}"\n'
    command = [*compiler(), *STRICT, f"-I{INCLUDE}", "-x", "c++", "-"]
    result = subprocess.run(command, input=line * 2, capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


def test_each_header_compiles_alone() -> None:
    headers = sorted(INCLUDE.glob("levcore/*.hpp"))
    assert headers
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = dict(zip(headers, pool.map(complaint_about, headers), strict=True))
    assert not {header.name: text for header, text in complaints.items() if text}
