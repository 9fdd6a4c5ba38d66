"""The kernels as sources: every level and the plain arrays give the same bits, and no two objects share a symbol."""

from __future__ import annotations

import itertools
import platform
import re
import subprocess
from pathlib import Path

import mpmath
import numpy as np
import pytest

from levcore import simd
from test_headers import INCLUDE, ROOT, compiler

KERNELS = ROOT / "cpp/src/kernels"
EXACT = ["-std=c++20", "-ffp-contract=off", "-fno-fast-math", "-fPIC", f"-I{INCLUDE}"]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
X86 = platform.machine() in {"x86_64", "AMD64"}
LEVELS = simd.LEVELS if X86 else simd.LEVELS[:1]
SIZE = 4_096


def flags(level: str) -> list[str]:
    """What CMakeLists.txt compiles a level with."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    found = re.search(rf'kernels/{level}\.cpp PROPERTIES COMPILE_OPTIONS\s+"([^"]*)"', text)
    assert found or level == "baseline"
    return found[1].split(";") if found else []


def compile_with(*options: str | Path) -> None:
    result = subprocess.run([*compiler(), *EXACT, *STRICT, *options], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def words_and_doubles() -> tuple[np.ndarray, np.ndarray]:
    """Both words of each block, the ends of their ranges first; pairs of doubles, halves and signed zeros first."""
    random = np.random.default_rng(5)
    ends = [0, 2**11 - 1, 2**11, 2**12, 2**63, 2**64 - 2**11, 2**64 - 2**12, 2**64 - 1]
    ends += [eighth * 2**61 + by for eighth in range(1, 8) for by in (-(2**11), -1, 0, 2**11)]
    ends += [int(np.sqrt(0.5) * 2.0**64) + by * 2**11 for by in (-2, -1, 0, 1, 2)]
    words = random.integers(0, 2**64, (2, SIZE), dtype=np.uint64)
    pairs = np.array(list(itertools.product(ends, ends)), dtype=np.uint64)
    words[:, : len(pairs)] = pairs.T
    doubles = np.abs(random.standard_normal((2, SIZE))) * 10.0 ** random.integers(-3, 12, SIZE)
    doubles[0, ::2] *= -1.0
    doubles[:, :8] = [[0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.0, -3.0], [-0.0, 0.0, 0.5, 2.5, 1.0, 0.0, 2.0, 4.0]]
    return words, doubles


WORDS, DOUBLES = words_and_doubles()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the program says at each level that this CPU has, and with plain arrays."""
    folder = tmp_path_factory.mktemp("lanes")
    builds = {level: ["-O2", *flags(level)] for level in simd.AVAILABLE}
    builds |= {"plain": ["-O2", "-DLEVCORE_PLAIN_LANES"], "unoptimised": ["-O0", *flags(simd.AVAILABLE[-1])]}
    said = {}
    for name, options in builds.items():
        program = folder / name
        compile_with(*options, ROOT / "tests/cpp/lanes.cpp", "-o", program)
        given = WORDS.tobytes() + DOUBLES.tobytes()
        said[name] = subprocess.run([program, str(SIZE)], input=given, check=True, capture_output=True).stdout
    return said


def test_every_level_and_plain_arrays_give_the_same_bits(answers):
    assert {len(said) for said in answers.values()} == {8 * SIZE * 8}
    assert len(set(answers.values())) == 1


def test_normals_are_within_four_units_in_the_last_place_out_to_the_ends(answers):
    ours = np.frombuffer(answers["baseline"])[: 2 * SIZE].reshape(SIZE, 2)
    with mpmath.workprec(140):
        for (low, high), pair in zip(WORDS.T.tolist(), ours.tolist(), strict=True):
            radius = mpmath.sqrt(-2 * mpmath.log(mpmath.mpf((low >> 11) + 1) / 2**53))
            turns = 2 * mpmath.mpf(high >> 11) / 2**53
            for number, exact in zip(pair, (radius * mpmath.cospi(turns), radius * mpmath.sinpi(turns)), strict=True):
                assert abs(number - exact) <= 4 * np.spacing(abs(float(exact))), (low, high)


def test_the_operations_of_lanes_are_those_of_their_numbers(answers):
    a, b = DOUBLES
    columns = np.frombuffer(answers["baseline"])[2 * SIZE :].reshape(6, SIZE)
    expected = [
        *(np.where(a < b, a, b), np.where(b < a, a, b), np.rint(a), np.floor(a)),
        *(np.where(np.signbit(a), a, b), np.sqrt(b)),
    ]
    for column, values in zip(columns, expected, strict=True):
        assert np.array_equal(column, values)


@pytest.mark.parametrize("optimisation", ["-O0", "-O3"])
def test_no_symbol_of_a_kernel_is_in_the_object_of_another_level(tmp_path, optimisation):
    # The linker keeps one of equal inline functions: it may be the one that this CPU cannot run.
    defined = {}
    for level in LEVELS:
        compile_with(optimisation, *flags(level), "-c", KERNELS / f"{level}.cpp", "-o", tmp_path / f"{level}.o")
        listing = subprocess.run(
            ["nm", "--defined-only", "--extern-only", "--demangle", tmp_path / f"{level}.o"],
            check=True,
            capture_output=True,
            text=True,
        )
        defined[level] = {line.split(maxsplit=2)[2] for line in listing.stdout.splitlines()}
        assert len(defined[level]) >= 2
        assert all(name.startswith(f"levcore::{level}::") for name in defined[level]), defined[level]
    for one, other in itertools.combinations(LEVELS, 2):
        assert not defined[one] & defined[other]


def test_every_level_has_a_source_that_is_compiled():
    assert sorted(path.stem for path in KERNELS.glob("*.cpp")) == sorted(simd.LEVELS)
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert all(f"cpp/src/kernels/{level}.cpp" in text for level in simd.LEVELS)


def test_plain_arrays_and_vectors_offer_the_same_operations(tmp_path):
    for level in LEVELS:
        for lanes in ([], ["-DLEVCORE_PLAIN_LANES"]):
            out = tmp_path / "kernel.o"
            compile_with("-O1", *lanes, *flags(level), "-c", KERNELS / f"{level}.cpp", "-o", out)
            assert out.stat().st_size > 0
