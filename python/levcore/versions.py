"""What is installed: for bug reports."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys

from levcore import simd
from levcore._version import __version__

#: Distributions whose versions matter to a report.
PACKAGES = ("numpy", "pandas", "polars", "pyarrow", "matplotlib", "plotly", "jinja2", "typer", "rich", "pydantic")


def show_versions() -> None:
    """Print the versions of levcore, Python, the machine and the packages that levcore can use, and the SIMD level.

    Examples
    --------
    >>> import levcore as lc
    >>> lc.show_versions()  # doctest: +ELLIPSIS
    levcore     ...
    """
    rows = [
        ("levcore", __version__),
        ("python", sys.version.split()[0]),
        ("platform", platform.platform()),
        ("machine", f"{platform.machine()}, {os.cpu_count()} CPUs"),
        ("simd", f"{simd.IN_USE} (of {', '.join(simd.AVAILABLE)})"),
    ]
    for name in PACKAGES:
        try:
            rows.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    for name, version in rows:
        print(f"{name:<12}{version}")
