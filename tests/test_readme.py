"""What README says is true: its code runs, its commands and files are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs_as_it_stands(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    said = capsys.readouterr().out
    assert "<levcore.Outcome>" in said
    assert "bad debt" in said
    assert len(names["stress"]) == 4
    assert "<levcore.Runs: 200 paths" in said
    assert (tmp_path / "report.html").exists()


def test_the_readme_has_one_command_for_the_demo_and_one_for_the_tests():
    commands = dict(re.findall(r"<!-- command: (\w+) -->\n```sh\n(.+)\n```", README))
    assert set(commands) == {"demo", "test"}
    assert commands["demo"].endswith("levcore demo")
    assert commands["test"].endswith("python -m pytest -n 2")


def test_every_file_that_the_readme_names_exists():
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
