"""Every public name says what it is, in numpydoc, with an example; every example runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import levcore

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Asked for as levcore.<name>, and public by their own __all__.
PUBLIC_MODULES = (
    *("plot", "datasets", "report", "risk", "study", "synthetic", "funding_rates", "variance_reduction"),
    *("venues", "venues.deleveraging", "venues.drift", "venues.dydx"),
    *(f"adapters.{backtester}" for backtester in ("backtesting", "nautilus", "vectorbt")),
    *(f"loaders.{source}" for source in ("binance", "ccxt", "dydx", "hyperliquid", "tardis")),
)
# What users read of them is the one sentence.
SELF_EVIDENT = (BaseException, str)


def modules() -> Iterator[ModuleType]:
    yield levcore
    for found in pkgutil.walk_packages(levcore.__path__, "levcore."):
        if not found.name.rpartition(".")[2].startswith("_"):
            yield importlib.import_module(found.name)


def public_names() -> dict[str, object]:
    names = {name: getattr(levcore, name) for name in levcore.__all__ if name != "__version__"}
    for module in (importlib.import_module(f"levcore.{name}") for name in PUBLIC_MODULES):
        callables = {name: getattr(module, name) for name in module.__all__ if callable(getattr(module, name))}
        names.update({f"{module.__name__.rpartition('.')[2]}.{name}": value for name, value in callables.items()})
    return names


def public_methods() -> dict[str, object]:
    """Methods and properties of public classes, as levcore defines them."""
    found = {}
    for name, value in public_names().items():
        if not inspect.isclass(value) or issubclass(value, SELF_EVIDENT):
            continue
        for base in value.__mro__:
            if not base.__module__.startswith("levcore"):
                continue
            for attribute, member in vars(base).items():
                if not attribute.startswith("_") and (callable(member) or isinstance(member, property | classmethod)):
                    found[f"{name}.{attribute}"] = member
    return found


def sections(text: str) -> dict[str, str]:
    """The sections of a numpydoc docstring by their titles; the summary under ""."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}$", text, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def described(section: str) -> set[str]:
    """The names that a section lists: `a, b : float`, `**options`."""
    heads = re.findall(r"^(\S[^:\n]*?)(?: :.*)?$", section, re.MULTILINE)
    return {name.strip(" *") for head in heads for name in head.split(",")}


def arguments(value: object) -> list[str]:
    """The names of the arguments of a function or a constructor."""
    found = inspect.signature(value).parameters.values()  # type: ignore[arg-type]
    hidden = ("self", "cls")
    return [parameter.name for parameter in found if parameter.name not in hidden and parameter.name[0] != "_"]


NAMES = public_names()
METHODS = public_methods()
EXAMPLES = [test for module in modules() for test in doctest.DocTestFinder().find(module) if test.examples]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_opens_with_one_sentence(name: str) -> None:
    summary = sections(inspect.getdoc(NAMES[name]) or "")[""].strip()
    paragraph = summary.split("\n\n")[0]
    assert paragraph.endswith((".", "?")), f"{name}: {paragraph!r}"


@pytest.mark.parametrize("name", METHODS)
def test_a_public_method_opens_with_one_sentence(name: str) -> None:
    member = METHODS[name]
    text = inspect.getdoc(getattr(member, "__func__", member)) or ""
    assert text.split("\n\n")[0].endswith((".", ":")), f"{name}: {text!r}"


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_has_an_example_and_describes_its_arguments(name: str) -> None:
    value = NAMES[name]
    if inspect.isclass(value) and issubclass(value, SELF_EVIDENT):
        return
    found = sections(inspect.getdoc(value) or "")
    assert ">>>" in found.get("Examples", "")
    wanted = set() if "Attributes" in found else set(arguments(value))  # what users only receive has attributes
    assert wanted <= described(found.get("Parameters", ""))


def test_there_are_examples_to_run() -> None:
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda test: test.name)
def test_the_example_of_a_docstring_runs(
    example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    outcome = doctest.DocTestRunner(optionflags=OPTIONS).run(example, out=said.append)
    assert not outcome.failed, "".join(said)
