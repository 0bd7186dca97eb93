"""The workflows: no action that can change under us, no right that is not needed."""

import re

import notebooks
import pytest
import yaml

WORKFLOWS = sorted((notebooks.ROOT / ".github" / "workflows").glob("*.yml"))
RIGHTS = {("site", "deploy"): {"pages": "write", "id-token": "write"}}


def test_there_are_the_five_that_the_book_promises():
    assert {path.stem for path in WORKFLOWS} == {"test", "site", "links", "colab", "vscode"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_commit_and_says_which_version_that_is(path):
    used = re.findall(r"uses:[ \t]*(.*)", path.read_text())
    pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+(\.\d+)*")
    assert used
    assert [line for line in used if not pinned.fullmatch(line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_read_and_nothing_else_unless_listed(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job.get("permissions") == RIGHTS.get((path.stem, name))
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_text_of_a_stranger_reaches_a_shell(path):
    """A title or branch name pasted into `run:` would be executed."""
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("name", ["links", "colab", "vscode"])
def test_the_weekly_ones_run_weekly(name):
    text = (notebooks.ROOT / ".github" / "workflows" / f"{name}.yml").read_text()
    assert re.search(r'cron: "\d+ \d+ \* \* [0-6]"', text)
