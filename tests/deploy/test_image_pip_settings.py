"""What of the user's pip settings a build gets to see."""

from __future__ import annotations

from pathlib import Path

from deploy.image.pip_settings import parsed

LISTING = """\
:env:.timeout='180'
global.cert='/etc/ssl/certs/ca.crt'
global.constraint='/home/user/constraints.txt'
global.extra-index-url='file:///home/user/simple https://mirror.example/more'
global.find-links='/home/user/wheels'
global.index-url='https://someone:word@mirror.example/simple'
global.timeout='15'
"""


def test_mirrors_are_passed_on_folders_of_this_machine_are_not() -> None:
    lines = parsed(LISTING).lines

    assert "index-url = https://someone:word@mirror.example/simple" in lines
    assert "extra-index-url = https://mirror.example/more" in lines
    assert not [line for line in lines if "/home/user" in line]


def test_the_environment_wins_over_the_files() -> None:
    assert "timeout = 180" in parsed(LISTING).lines


def test_no_image_may_name_where_its_builder_installs_from() -> None:
    places = parsed(LISTING).places

    assert places == ("https://someone:word@mirror.example/simple", "https://mirror.example/more")


def test_settings_and_certificates_reach_the_build_as_secrets_of_the_names_in_the_dockerfile(
    tmp_path: Path,
) -> None:
    options = parsed(LISTING).secrets(tmp_path)

    assert options == [
        *("--secret", f"id=pip.conf,src={tmp_path / 'pip.conf'}"),
        *("--secret", "id=ca.pem,src=/etc/ssl/certs/ca.crt"),
    ]
    assert "cert = /run/ca.pem" in (tmp_path / "pip.conf").read_text().splitlines()


def test_who_has_no_settings_passes_nothing_on(tmp_path: Path) -> None:
    assert parsed("").secrets(tmp_path) == []
