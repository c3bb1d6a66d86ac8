"""config/alerts.yml and the channels' URLs: who is told what, and what is refused."""

from __future__ import annotations

import pytest

from dagster_project.alerts.alert import Alert, Kind
from dagster_project.alerts.channels import AlertSettingsError, channels
from dagster_project.alerts.routes import routes
from ingestion.home import Home


def alert(**changed: object) -> Alert:
    return Alert(
        **{
            "id": "m",
            "kind": Kind.INCIDENT,
            "detector": "daily_spend, runaway_loop",
            "subject_type": "key",
            "subject_id": "key_1",
            "severity": "medium",
            "status": "open",
            "title": "t",
            "source": "infron",
            "workspace_id": "ws_1",
            **changed,
        }
    )


def routed(home: Home, text: str, **changed: object) -> dict[str, bool]:
    home.config.mkdir(exist_ok=True)
    home.alert_routes.write_text(text)
    return routes(home, ()).of(alert(**changed))


def test_without_a_file_every_channel_is_told_all_and_only_high_severity_at_once(home: Home) -> None:
    chosen = routes(home, ["ops", "mail"])
    assert chosen.of(alert(severity="high")) == {"mail": True, "ops": True}
    assert chosen.of(alert(severity="low")) == {"mail": False, "ops": False}


def test_a_severity_nobody_knows_is_high(home: Home) -> None:
    assert routes(home, ["ops"]).of(alert(severity="catastrophic")) == {"ops": True}


@pytest.mark.parametrize(
    ("condition", "fits", "fits_not"),
    [
        ("workspaces: [ws_1]", {}, {"workspace_id": "ws_2"}),
        ("workspaces: [ws_1]", {}, {"workspace_id": None}),
        ("sources: infron", {}, {"source": "aisa"}),
        ("detectors: [runaway_loop]", {}, {"detector": "daily_spend"}),
        ("severity: medium", {"severity": "medium"}, {"severity": "low"}),
    ],
)
def test_a_route_tells_only_what_fits_all_it_names(
    home: Home, condition: str, fits: dict, fits_not: dict
) -> None:
    text = f"routes: [{{channels: [ops], {condition}}}]"
    assert routed(home, text, **fits) == {"ops": False}
    assert routed(home, text, **fits_not) == {}


def test_a_channel_that_any_route_tells_at_once_is_told_at_once(home: Home) -> None:
    text = "routes: [{channels: [ops, mail], immediate: never}, {channels: [ops], immediate: low}]"
    assert routed(home, text) == {"ops": True, "mail": False}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "config/alerts.yml: must be settings"),
        ("routes: [{channels: []}]", "config/alerts.yml: routes.0.channels: "),
        ("routes: [{}]", "config/alerts.yml: routes.0.channels: is missing; write it"),
        ("routes: [{channels: ops, severity: huge}]", "routes.0.severity: "),
        ("routes: [{channels: ops, colour: red}]", "routes.0.colour: unknown setting"),
        ("routes: []\nroutes: []", "config/alerts.yml: not valid YAML, line 2"),
        ("routes: []\nremind_days: 0", "config/alerts.yml: remind_days: "),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_file_and_key(home: Home, text: str, said: str) -> None:
    with pytest.raises(AlertSettingsError) as error:
        routed(home, text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "routes: [{channels: ['json://host/hunter2hunter2']}]",
        "routes: [{channels: ops, severity: 'json://host/hunter2hunter2'}]",
        "routes: [{channels: ops}\n  json://host/hunter2hunter2: [",
    ],
)
def test_a_url_written_into_the_routes_is_not_repeated(home: Home, text: str) -> None:
    with pytest.raises(AlertSettingsError) as error:
        routed(home, text)
    assert "hunter2" not in str(error.value)


def test_urls_come_from_the_environment_before_the_file(home: Home) -> None:
    home.config.mkdir()
    home.alert_urls.touch(mode=0o600)
    home.alert_urls.write_text("# ours\nops = json://file/a?b=c=d\nmail = mailto://file\n")
    found = channels(home, {"TOLLBOOK_ALERT_URL_OPS": "json://environment", "HOME": "/"})
    assert {name: channel.url for name, channel in found.items()} == {
        "ops": "json://environment",
        "mail": "mailto://file",
    }
    assert "environment" not in repr(found["ops"])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_of_urls_that_others_can_read_is_refused(home: Home, mode: int) -> None:
    home.config.mkdir()
    home.alert_urls.write_text("ops = json://host/hunter2hunter2\n")
    home.alert_urls.chmod(mode)
    with pytest.raises(AlertSettingsError) as error:
        channels(home, {})
    assert f"chmod 600 {home.alert_urls}" in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("line", ["json://host/hunter2hunter2", "OPS! = json://host/hunter2hunter2", "ops ="])
def test_a_line_that_is_no_channel_is_named_by_its_number_alone(home: Home, line: str) -> None:
    home.config.mkdir()
    home.alert_urls.touch(mode=0o600)
    home.alert_urls.write_text(f"mail = mailto://host\n{line}\n")
    with pytest.raises(AlertSettingsError) as error:
        channels(home, {})
    assert "config/alert_urls:2: " in str(error.value)
    assert "hunter2" not in str(error.value)
