"""Sphinx settings. Pages read well offline, without scripts or formulas from a network; examples run at build time."""

import re
from pathlib import Path

project = "levcore"
author = "the levcore developers"
copyright = "2026, the levcore developers"
release = re.search(
    r'__version__ = "([^"]+)"', (Path(__file__).parents[1] / "python/levcore/_version.py").read_text(encoding="utf-8")
)[1]
version = release

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_build", "images/*.md", "generated/.ipynb_checkpoints", "jupyter_execute", ".jupyter_cache"]
nitpicky = False

html_theme = "furo"
html_title = f"levcore {release}"
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_in_temp = True  # a page may write files
nb_merge_streams = True

autosummary_generate = True
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say it with units and shapes
numpydoc_show_class_members = False
numpydoc_show_inherited_class_members = False
