"""What is installed: the version, the types, what an import costs, and what still works without each extra."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import levcore

ROOT = Path(__file__).resolve().parents[1]
IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml"}

# A small run, from the door to a picture of words: what must work with numpy alone.
SMALL_RUN = """
import levcore as lc
tiers = lc.MarginTiers(floor=[0], maintenance_rate=[0.005])
venue = lc.Venue([lc.LinearPerpetual("BTCUSDT", asset="BTC", tiers=tiers)])
columns = {"instrument": ["BTCUSDT"], "quantity": [1.0], "entry_price": [100.0], "margin": [10.0]}
book = lc.concat([lc.Book.from_frame(venue, columns), lc.Book(venue, **columns)])
market = lc.Market({"BTC": lc.Asset(100.0, impact=lc.LinearImpact(depth=1_000.0))})
outcome = lc.shock(book, market, -0.10)
assert outcome.liquidated_count == 2, outcome
assert all(repr(value) for value in (tiers, venue, book, market, outcome))
book.liquidation_map({"BTC": 100.0})
lc.show_versions()
"""

BLOCK = """
import importlib.abc, sys
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


def optional() -> dict[str, set[str]]:
    """The import names that each extra brings, and all of them as "none"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["optional-dependencies"].items()
    names = {extra: {re.match(r"[\w.-]+", line)[0].lower() for line in lines} - {"levcore"} for extra, lines in listed}
    brings = {extra: {IMPORT_NAMES.get(name, name) for name in found} for extra, found in names.items() if found}
    return brings | {"none": set().union(*brings.values())}


EXTRAS = optional()


def native_module() -> Path:
    return Path(levcore._core.__file__)


def test_the_version_is_one_and_the_same() -> None:
    assert importlib.metadata.version("levcore") == levcore.__version__


def test_the_package_says_that_it_is_typed() -> None:
    package = importlib.resources.files("levcore")
    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("_core.pyi").is_file()


def test_the_stub_tells_the_truth_about_the_native_core() -> None:
    allowed = ROOT / "tests/stubtest_allowlist.txt"
    command = [sys.executable, "-m", "mypy.stubtest", "levcore._core", "--allowlist", str(allowed)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_import_brings_numpy_and_nothing_else() -> None:
    result = run(
        "import sys\nbefore = set(sys.modules)\nimport levcore\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    assert result.returncode == 0, result.stderr
    foreign = {name for name in result.stdout.split() if name not in sys.stdlib_module_names}
    assert foreign - {"levcore", "numpy"} == set()


def test_only_numpy_is_required() -> None:
    required = [line for line in importlib.metadata.requires("levcore") or [] if "extra ==" not in line]
    assert [re.match(r"[\w.-]+", line)[0] for line in required] == ["numpy"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_core_runs_without_an_extra(extra: str) -> None:
    result = run(BLOCK.format(blocked=EXTRAS[extra]) + SMALL_RUN)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("extra", "use"),
    [
        ("io", "book.to_frame()"),
        ("report", "from levcore import report; report.write(None, 'report.html')"),
        ("cli", "lc.settings.load('scenario.toml')"),
        ("plot", "from levcore import plot; plot.liquidation_map(book.liquidation_map({'BTC': 100.0}))"),
    ],
)
def test_what_needs_a_missing_extra_names_the_command_that_installs_it(extra: str, use: str) -> None:
    result = run(BLOCK.format(blocked=EXTRAS[extra]) + SMALL_RUN + use)
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert "MissingExtraError" in last
    assert f"levcore[{extra}]" in last


def test_the_command_line_without_its_extra_says_what_to_install() -> None:
    start = "import sys; sys.argv = ['levcore', 'demo']; from levcore.__main__ import main; main()"
    result = run(BLOCK.format(blocked=EXTRAS["cli"]) + start)
    assert result.returncode == 1
    assert "levcore[cli]" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_native_core_takes_no_elementary_function_from_the_platform() -> None:
    if native_module().read_bytes()[:4] != b"\x7fELF":
        return  # other formats keep their symbols elsewhere; test_house.py has read the sources
    listing = subprocess.run(["nm", "-D", "-u", native_module()], check=True, capture_output=True, text=True)
    wanted = {line.split()[-1].partition("@")[0] for line in listing.stdout.splitlines()}
    forbidden = re.compile(r"^(exp|log|pow|sin|cos|tan|sinh|cosh|tanh|erf|cbrt|hypot|[lt]gamma)(2|10|m1|1p|c)?[fl]?$")
    assert not sorted(name for name in wanted if forbidden.match(name))


def test_the_sdist_holds_what_a_build_and_a_test_need(tmp_path: Path) -> None:
    code = f"import os, scikit_build_core.build as b; os.chdir({str(ROOT)!r}); print(b.build_sdist({str(tmp_path)!r}))"
    result = run(code)
    assert result.returncode == 0, result.stderr
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        members = {member.name.partition("/")[2]: member for member in opened.getmembers()}
    needed = [
        *("pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"),
        *("python/levcore/py.typed", "python/levcore/_core.pyi", "tests/reference.py", "docs/conf.py"),
    ]
    for pattern in (
        *("cpp/**/*.?pp", "python/levcore/**/*.py", "python/levcore/data/*", "python/levcore/templates/*"),
        *("tests/*.py", "tests/oracles/*"),
    ):
        needed += [path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern) if path.is_file()]
    assert sorted(set(needed) - members.keys()) == []
    unwanted = re.compile(r"(^|/)(build|site-[^/]*|\.git|\.ci|\.venv|__pycache__|[^/]*_cache)(/|$)|\.(so|o|a|pyc)$")
    assert sorted(name for name in members if unwanted.search(name)) == []
    assert sum(member.size for member in members.values()) < 20e6
