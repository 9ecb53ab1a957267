"""The alert rules are rules, are about series that exist, fire when they should, and are explained."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.folders import DEPLOY, Json
from tests.deploy.kustomize import load
from tests.deploy.watching import unknown_in
from tests.pipelines.serving.servers import need

RULES = DEPLOY / "components" / "alerts" / "rules.yaml"
PLAYED = Path(__file__).parent / "alerts.yaml"
GUIDE = DEPLOY.parent / "docs" / "operate.md"
[SPEC] = [each["spec"] for each in load(RULES)]
ALERTS = [rule for group in SPEC["groups"] for rule in group["rules"]]


def alert_id(rule: Json) -> str:
    return str(rule["alert"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the rules as a plain file, as Prometheus without the operator takes them."""
    (tmp_path / "rules.yaml").write_text(json.dumps(SPEC), encoding="utf-8")
    shutil.copy(PLAYED, tmp_path)
    return tmp_path


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    need(shutil.which("promtool"), "promtool, which comes with prometheus,")
    return subprocess.run(
        ["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_prometheus_takes_the_rules(folder: Path) -> None:
    checked = promtool(folder, "check", "rules", "rules.yaml")

    assert checked.returncode == 0, checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout


def test_alerts_fire_when_a_person_is_needed_and_only_then(folder: Path) -> None:
    played = promtool(folder, "test", "rules", "alerts.yaml")

    assert played.returncode == 0, played.stdout + played.stderr


@pytest.mark.parametrize("rule", ALERTS, ids=alert_id)
def test_an_alert_is_about_series_that_exist(rule: Json) -> None:
    assert not list(unknown_in(rule["expr"]))


@pytest.mark.parametrize("rule", ALERTS, ids=alert_id)
def test_an_alert_says_how_urgent_it_is_and_what_it_means_in_one_line(rule: Json) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert "\n" not in rule["annotations"]["summary"].strip()


@pytest.mark.parametrize("rule", ALERTS, ids=alert_id)
def test_the_guide_says_what_to_do_about_an_alert(rule: Json) -> None:
    assert f"| `{rule['alert']}` |" in GUIDE.read_text(encoding="utf-8")
