"""The rules of the house, checked: who may include whom, what the core may not hold, how big a room may be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import cpp_source

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted([*ROOT.glob("cpp/include/levcore/*.hpp"), *ROOT.glob("cpp/src/*.cpp")])
# Compiled once for each level of vector instructions; they have no headers of their own.
KERNELS = sorted(ROOT.glob("cpp/src/kernels/*.?pp"))
HEADERS = [path for path in CORE if path.suffix == ".hpp"]
BINDINGS = sorted(ROOT.glob("cpp/bindings/*.?pp"))
MODULES = sorted(ROOT.glob("python/levcore/**/*.py"))
TESTS = sorted(ROOT.glob("tests/**/test_*.py")) + sorted(ROOT.glob("benchmarks/bench_*.py"))

LEVELS = (
    {"real", "sum", "normal", "random", "simd", "kernels", "parallel", "message", "unset", "prefetch"},
    {"tiers", "impact", "depth_reaction", "path_block", "garch", "jumps", "heston", "regimes", "process", "scenario"},
    {"instrument"},
    {"venue", "book", "market"},
    {"margin"},
    {
        "liquidation",
        "backstop",
        "control",
        "accounts",
        "watches",
        "watch_queue",
        "price_lines",
        "liquidation_order",
        "sorted_book",
        "reachable",
        "counterparties",
        "sharing",
    },
    {"cross_state", "state", "outcome", "outcome_columns"},
    {
        "orders",
        "reach",
        "run",
        "deleveraging",
        "freeing",
        "partial",
        "closing",
        "account_orders",
        "cross",
        "funding",
        "ledger",
        "losses",
        "owners",
        "touched",
        "topping_up",
        "watch",
        "row_trades",
        "quote_walk",
        "price_walk",
        "rows_apart",
        "ladder_spans",
        "ladder_build",
        "ladder_fall",
        "ladder_till",
        "ladder_money",
        "ladder_money_spans",
        "ladder_walk",
        "ladder_pushes",
        "rate_classes",
        "class_money",
        "class_tally",
        "class_walk",
        "ladder_tally",
        "ladder_falls",
        "ladder_blocks",
    },
    {"cascade"},
    {"montecarlo"},
)
# Rooms of one level that build on each other, in this order.
ORDERED = (
    ("sum", "real", "normal", "random"),
    ("simd", "kernels", "random"),
    ("kernels", "real"),
    ("path_block", "garch", "jumps", "heston", "regimes", "process", "scenario"),
    ("outcome", "outcome_columns"),
    ("liquidation", "backstop"),
    ("accounts", "watches", "watch_queue", "sorted_book"),
    ("accounts", "price_lines", "liquidation_order", "sorted_book"),
    ("price_lines", "liquidation_order", "reachable"),
    ("cross_state", "state"),
    (
        "orders",
        "run",
        "quote_walk",
        "price_walk",
        "row_trades",
        "rows_apart",
        "ladder_spans",
        "ladder_build",
        "ladder_fall",
        "ladder_till",
        "ladder_money",
        "ladder_money_spans",
        "ladder_walk",
        "ladder_tally",
        "ladder_pushes",
        "ladder_falls",
        "ladder_blocks",
    ),
    (
        "orders",
        "funding",
        "quote_walk",
        "price_walk",
        "row_trades",
        "ladder_build",
        "ladder_till",
        "rate_classes",
        "class_money",
        "class_tally",
        "class_walk",
    ),
    (
        "orders",
        "losses",
        "touched",
        "reach",
        "run",
        "deleveraging",
        "freeing",
        "partial",
        "closing",
        "account_orders",
        "watch",
        "cross",
        "funding",
        "owners",
        "topping_up",
        "ledger",
    ),
)

ELEMENTARY = (
    "exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|cbrt|hypot|sin|cos|tan|asin|acos|atan|atan2"
    "|sinh|cosh|tanh|asinh|acosh|atanh|erf|erfc|tgamma|lgamma"
)
FORBIDDEN_HEADERS = re.compile(
    r"pybind11|^Python\.h$|^(random|chrono|ctime|time\.h|sys/.*|unistd\.h|unordered_map|unordered_set|iostream|fstream"
    r"|filesystem|iomanip|sstream|regex|functional|execution|omp\.h|math\.h|memory_resource)$"
)
FORBIDDEN_CODE = {
    "Python": r"\bpy::|\bPyObject\b|\bpybind11\b",
    "an elementary function of the platform": rf"\bstd::({ELEMENTARY})[fl]?\b",
    "randomness of the platform": r"\brandom_device\b|\bmt19937\w*|(?<![\w.:>])s?rand\s*\(",
    "a clock": r"\bchrono\b|\b_clock\b|\bclock\s*\(\)|\btime\s*\(\s*(nullptr|NULL|0)\s*\)",
    "an unordered container": r"\bunordered_",
    "the environment or a file": r"\bgetenv\b|\bFILE\b|\bf(open|printf|puts)\b|(?<!sn)\bprintf\b|\bputs\b",
    "inheritance": r"\bvirtual\b|\boverride\b|\bdynamic_cast\b",
    "shared ownership": r"\bshared_ptr\b",
    "a callback": r"\bstd::function\b",
    "a macro": r"^[ \t]*#[ \t]*define\b",
    "fused or reassociated arithmetic": r"\bomp\b|fast-math|\bFP_CONTRACT\b|__builtin_(exp|log|pow|sin|cos)",
}

# Bases other than an error of the standard library and the pack of an overload set.
INHERITS = re.compile(
    r"(?<!enum )\b(struct|class)\s+\w+(\s+final)?\s*:(?!:)(?!\s*(public\s+)?std::\w+_error\b)(?!\s*\w+\.\.\.)[^{]*"
)

BINDERS = {
    "arrow_columns",
    "backstop",
    "book",
    "cascade",
    "clustering",
    "control",
    "depth_reaction",
    "egarch",
    "heston",
    "impact",
    "instruments",
    "jumps",
    "leaning",
    "liquidation",
    "market",
    "montecarlo",
    "path_runs",
    "process",
    "regimes",
    "replaying",
    "sampling",
    "scenario",
    "simd",
    "size_margin",
    "tiers",
    "valuation",
    "venue",
}
NEVER_BINDERS = {
    *("risk", "estimates", "tails", "systemic", "quantile_regression", "attribution", "shapley"),
    *("variance_reduction", "grouped"),
    *("run_measures", "risk_table", "study", "study_parameters", "study_shocks", "study_funds", "study_leverage"),
    "sweeps",
    *("study_stability", "study_exploitation", "plot_books", "plot_style"),
    *("plot_maps", "plot_paths", "plot_risk", "plot_studies", "report_times"),
    *("report", "plot", "adapters", "loaders", "__main__", "demo", "venues"),
}
# Rooms that are made of an extra from top to bottom; the others import them inside functions.
OF_AN_EXTRA = {
    "settings_types": {"pydantic"},
    "settings_liquidation": {"pydantic"},
    "settings_venue": {"pydantic"},
    "settings_models": {"pydantic"},
    "settings_processes": {"pydantic"},
    "settings_across": set(),
    "settings_build": set(),
    "commands": {"typer"},
    "_nautilus": {"nautilus_trader"},
    "_nautilus_margin": {"nautilus_trader"},
}
PROVIDES = {"PIL": "pillow", "yaml": "pyyaml"}  # import names that differ from the distribution's

LONGEST_ROOM = 350
LONGEST_FUNCTION = 60  # a screen


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def level_of(room: str) -> int:
    found = [level for level, rooms in enumerate(LEVELS) if room in rooms]
    assert len(found) == 1, f"{room}: no room of the plan; give it a level in LEVELS"
    return found[0]


def builds_on(room: str, other: str) -> bool:
    """Whether a room may include the other."""
    if level_of(other) < level_of(room):
        return True
    return any(room in row and other in row and row.index(other) < row.index(room) for row in ORDERED)


def is_third_party(name: str) -> bool:
    return name not in sys.stdlib_module_names and name not in {"levcore", "numpy"}


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Every import: the full name, relative ones as levcore's, and where it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, ["levcore" if node.level else "", node.module or ""]))
            yield from ((f"{module}.{alias.name}", node) for alias in node.names)


def run_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: nothing inside functions or `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def extras() -> set[str]:
    """The distributions that pyproject.toml offers as extras."""
    listed = project()["project"]["optional-dependencies"].values()  # type: ignore[index]
    names = {re.match(r"[\w.-]+", line)[0].lower() for group in listed for line in group}  # type: ignore[index]
    return names - {"levcore"}


def versioned_files() -> list[Path]:
    """What is versioned, or would be; outside a repository (an unpacked sdist), all that is no build's leaving."""
    if (ROOT / ".git").exists():
        listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, check=True, capture_output=True).stdout.decode().split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    left = re.compile(
        r"^(build|dist|site-.*|\.venv|venv|_build|generated|__pycache__|.*\.egg-info|\..*(_cache|hypothesis))$"
    )
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file() and not any(left.match(part) for part in path.relative_to(ROOT).parts)
    ]


# --- The core ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_a_core_file_includes_only_what_lies_below_it(path: Path) -> None:
    room = path.stem
    for mark, included in cpp_source.includes(path):
        if mark == "<":
            assert "/" not in included, f"{included}: the core includes itself and the standard library only"
            continue
        folder, _, file = included.rpartition("/")
        assert (folder, Path(file).suffix) == ("levcore", ".hpp"), f'"{included}" is no header of the core'
        other = Path(file).stem
        if other == room:
            assert path.suffix == ".cpp"
        else:
            assert builds_on(room, other), f"{room} (level {level_of(room)}) includes {other} (level {level_of(other)})"


def test_a_kernel_includes_nothing_that_another_object_could_share() -> None:
    # What has a body elsewhere may be compiled for one level and run at another: lanes are internal to their file, and
    # of the standard library there is only what has none.
    assert KERNELS
    for path in [*KERNELS, ROOT / "cpp/include/levcore/kernels.hpp", ROOT / "cpp/include/levcore/simd.hpp"]:
        allowed = {"levcore/kernels.hpp", "levcore/simd.hpp", "immintrin.h", "cmath", "cstddef", "cstdint", "cstring"}
        assert {name for _, name in cpp_source.includes(path) if not name.endswith(".inc.hpp")} <= allowed


def test_every_source_of_the_core_has_a_header() -> None:
    headers = {path.stem for path in HEADERS}
    assert headers, "no headers found"
    assert {path.stem for path in CORE} <= headers


def test_every_room_of_the_core_has_one_level() -> None:
    for path in CORE:
        level_of(path.stem)
    for row in ORDERED:
        assert len({level_of(room) for room in row}) == 1


@pytest.mark.parametrize("path", CORE + KERNELS, ids=name_of)
def test_the_core_holds_nothing_of_python_of_the_platform_or_of_the_day(path: Path) -> None:
    code = cpp_source.code_only(path.read_text(encoding="utf-8"))
    found = [f"<{name}>" for _, name in cpp_source.includes(path) if FORBIDDEN_HEADERS.search(name)]
    for what, pattern in FORBIDDEN_CODE.items():
        found += [f"{what}: {match[0].strip()}" for match in re.finditer(pattern, code, re.MULTILINE)]
    found += [f"inheritance: {match[0]}" for match in INHERITS.finditer(code)]
    assert not found


def test_elementary_functions_are_our_own() -> None:
    # Unqualified, `log` could be the C library's: a file that calls it includes real.hpp, which declares ours.
    ours = set(
        re.findall(r"\b(\w+)\(", cpp_source.code_only((ROOT / "cpp/include/levcore/real.hpp").read_text("utf-8")))
    )
    called = re.compile(rf"(?<![\w.:>])(?:::)?({ELEMENTARY})[fl]?\s*\(")
    included = {path: {Path(name).stem for mark, name in cpp_source.includes(path) if mark == '"'} for path in CORE}
    reachable = {path.stem: set(included[path]) for path in HEADERS}
    for _ in LEVELS:
        for room, rooms in reachable.items():
            reachable[room] = rooms.union(*(reachable.get(other, set()) for other in rooms))
    for path in CORE:
        calls = set(called.findall(cpp_source.code_only(path.read_text(encoding="utf-8"))))
        assert calls <= ours, f"{name_of(path)} calls {sorted(calls - ours)}"
        seen = included[path].union(*(reachable.get(room, set()) for room in included[path]), {path.stem})
        assert not calls or "real" in seen, f"{name_of(path)} calls {sorted(calls)} without levcore/real.hpp"


@pytest.mark.parametrize("path", CORE + KERNELS + BINDINGS, ids=name_of)
def test_native_code_has_no_mutable_globals(path: Path) -> None:
    assert not cpp_source.mutable_globals(path.read_text(encoding="utf-8"))


def test_mutable_globals_are_found_where_they_hide() -> None:
    hidden = """
        namespace a { namespace {
        int counter = 0;                    constexpr int fine = 0;
        const char* name = "x";             const char* const also_fine = "x";
        inline std::vector<int> cache;      template <class T> constexpr T zero{};
        double table[2] = {1.0, 2.0};       constexpr auto rows = [] { return 1; }();
        int seen() { static int n = 0; static const int m = 1; return n + m; }
        struct S { static int shared; static constexpr int kept = 1; int own = 0; static S make(); };
        thread_local int mine;              void declared(int a = {});
        }}"""
    assert len(cpp_source.mutable_globals(hidden)) == 8  # mine counts twice: it is a global, and thread local


@pytest.mark.parametrize("path", HEADERS, ids=name_of)
def test_a_header_opens_with_what_it_is_in_at_most_eight_lines(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    opening = next(at for at, line in enumerate(lines) if not line.startswith("//"))
    assert 1 <= opening <= 8
    assert lines[opening] == "#pragma once"


def test_nothing_in_the_build_loosens_the_arithmetic() -> None:
    loose = re.compile(
        r"-(?!fno)f?fast-math|-Ofast|-funsafe|-fassociative|-freciprocal|openmp|-march=|-mfma|/fp:fast", re.I
    )
    for path in [*ROOT.glob("CMake*"), ROOT / "pyproject.toml", *ROOT.glob("cpp/**/CMakeLists.txt")]:
        text = path.read_text(encoding="utf-8").replace("-fno-fast-math", "")
        assert not loose.findall(text), name_of(path)
    assert "-ffp-contract=off" in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


# --- The Python side --------------------------------------------------------------------------------------------------


def test_the_native_core_is_imported_only_by_its_own_concerns() -> None:
    importers = {
        path.relative_to(ROOT / "python/levcore").with_suffix("").parts[0]
        for path in MODULES
        for name, _ in imports(parsed(path))
        if name == "levcore._core" or name.startswith("levcore._core.")
    }
    assert importers <= BINDERS
    assert not importers & NEVER_BINDERS


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_numpy_is_needed_at_import(path: Path) -> None:
    names = {
        name
        for node in run_at_import(parsed(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name, _ in imports(ast.Module([node], []))
    }
    third = {name.partition(".")[0] for name in names if is_third_party(name.partition(".")[0])}
    assert third <= OF_AN_EXTRA.get(path.stem, set())
    if path.stem not in OF_AN_EXTRA:
        assert not {name for name in names if name.startswith("levcore.") and name.split(".")[1] in OF_AN_EXTRA}


def test_every_optional_import_is_an_extra_and_every_extra_is_used() -> None:
    used = {name.partition(".")[0] for path in MODULES for name, _ in imports(parsed(path))}
    distributions = {PROVIDES.get(name, name).lower() for name in used if is_third_party(name)}
    assert distributions == extras()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_evaluates_text_or_unpickles(path: Path) -> None:
    tree = parsed(path)
    assert not {name for name, _ in imports(tree)} & {"pickle", "marshal", "shelve", "dill"}
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [func.id for func in calls if isinstance(func, ast.Name) and func.id in {"eval", "exec", "compile"}]
    assert "allow_pickle=True" not in path.read_text(encoding="utf-8")


# --- Size and words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CORE + KERNELS + BINDINGS + MODULES, ids=name_of)
def test_a_room_is_small(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_ROOM


@pytest.mark.parametrize("path", CORE + KERNELS + BINDINGS, ids=name_of)
def test_a_native_function_fits_on_a_screen(path: Path) -> None:
    functions = cpp_source.Reader(path.read_text(encoding="utf-8")).functions
    assert not [(function.head, function.lines) for function in functions if function.lines > LONGEST_FUNCTION]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_python_function_fits_on_a_screen(path: Path) -> None:
    long = {}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = node.end_lineno - body[0].lineno + 1 if body and node.end_lineno else 0
            if length > LONGEST_FUNCTION:
                long[node.name] = length
    assert not long


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_the_name_of_a_test_is_a_sentence(path: Path) -> None:
    names = [node.name for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    tests = [name for name in names if re.match(r"(test|bench)_", name)]
    assert not [name for name in tests if len(name.split("_")) < 4]


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_no_test_is_switched_off(path: Path) -> None:
    used = {node.attr for node in ast.walk(parsed(path)) if isinstance(node, ast.Attribute)}
    assert not used & {"skip", "skipif", "xfail", "importorskip", "expectedFailure"}


def test_files_speak_of_the_thing_and_not_of_how_it_was_made() -> None:
    # Written in two halves, so that this list does not find itself.
    unwanted = re.compile(
        "|".join(
            [
                *(rf"\b{a}{b}\b" for a, b in [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK")]),
                *(rf"(?i:\b{a}{b}\b)" for a, b in [("place", "holder"), ("is", r"sue #?\d+"), ("is", "sue tracker")]),
                *(rf"(?i:\b{a}{b})" for a, b in [("clau", "de"), ("anthro", "pic"), ("chat", "gpt"), ("sub", "agent")]),
                *(rf"(?i:\b{a}{b}\b)" for a, b in [("this ses", "sion"), ("a ses", "sion of"), ("the le", "ad agent")]),
                *(rf"(?i:/work/{a}{b})" for a, b in [("sha", "red"), ("no", "tes"), ("ma", "in")]),
            ]
        )
    )
    found = []
    for path in versioned_files():
        content = path.read_bytes()
        if b"\0" in content or path.suffix in {".gz", ".png"} or "oracles" in path.parts or "data" in path.parts:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            found += [f"{name_of(path)}:{number}: {match[0]}" for match in unwanted.finditer(line)]
    assert not found


def test_the_changelog_speaks_of_this_version() -> None:
    source = (ROOT / "python/levcore/_version.py").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "([^"]+)"', source)
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert version
    assert {"Unreleased", version[1]} & set(headings)
