"""Each header of the core compiles alone, and twice included, without a warning."""

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


def name_of(header: Path) -> str:
    return header.relative_to(INCLUDE).as_posix()


def opens(source: Path, header: Path) -> bool:
    """Whether a source includes the header before anything else: then the core's build has compiled it alone."""
    lines = source.read_text(encoding="utf-8").splitlines() if source.exists() else []
    code = [line for line in lines if line.strip() and not line.startswith("//")]
    return code[:1] == [f'#include "{name_of(header)}"']


def complaint_about(header: Path) -> str:
    line = f'#include "{name_of(header)}"\n'
    command = [*compiler(), *STRICT, f"-I{INCLUDE}", "-x", "c++", "-"]
    result = subprocess.run(command, input=line * 2, capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


def test_each_header_compiles_alone() -> None:
    headers = sorted(INCLUDE.glob("levcore/*.hpp"))
    own = [header for header in headers if opens(ROOT / "cpp/src" / f"{header.stem}.cpp", header)]
    assert len(own) > 40
    others = [header for header in headers if header not in own]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = dict(zip(others, pool.map(complaint_about, others), strict=True))
    assert not {header.name: text for header, text in complaints.items() if text}


def test_each_header_may_come_twice() -> None:
    for header in INCLUDE.glob("levcore/*.hpp"):
        code = [line for line in header.read_text(encoding="utf-8").splitlines() if not line.startswith("//")]
        assert next(filter(None, code)) == "#pragma once", header.name
