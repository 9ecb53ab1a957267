"""The search of an image finds what is planted, in what runs and in what is hidden, and nothing else."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from deploy.image.archive import Archive
from deploy.image.rules import RULES
from deploy.image.scan import Scan, missing, of_settings, search
from deploy.image.view import View
from tests.deploy.images import GOOD_CONFIG, Planted, saved

KEY = b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n"
CLEAN = (
    Planted("./usr/bin/python3.11", mode=0o755),
    Planted("tmp", mode=0o1777, kind=tarfile.DIRTYPE),
    Planted("data", mode=0o755, owner=10001, kind=tarfile.DIRTYPE),
    Planted("usr/bin/ld.so", mode=0o755),
    Planted("usr/lib/python3.11/__pycache__/os.cpython-311.pyc"),
    Planted("etc/ssl/certs/ca.pem", b"-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n"),
    Planted("opt/trimtab/lib/python3.11/site-packages/ssh.py", b'MARK = b"-----BEGIN PRIVATE KEY-----"\n'),
    Planted("opt/trimtab/lib/python3.11/site-packages/jinja2/tests.py"),
    Planted("etc/pip.conf"),
    Planted("var/lib/dpkg/status", b"Package: libc6\nDescription: see libc6-dev\n"),
)

PLANTED = {
    "compiler": Planted("usr/bin/x86_64-linux-gnu-gcc-12", mode=0o755),
    "development file": Planted("opt/trimtab/lib/python3.11/site-packages/numpy/_core/lib/libnpymath.a"),
    "installer": Planted("opt/trimtab/lib/python3.11/site-packages/pip/__main__.py"),
    "cache": Planted("root/.cache/pip/http/0/1"),
    "bytecode": Planted("opt/trimtab/lib/python3.11/site-packages/__pycache__/x.cpython-311.pyc"),
    "test": Planted("opt/trimtab/lib/python3.11/site-packages/numpy/tests/test_a.py"),
    "version control": Planted("opt/trimtab/.git/HEAD", b"ref: refs/heads/main\n"),
    "private key": Planted("etc/ssl/tls.pem", KEY),
    "credentials": Planted("root/.netrc", b"machine example login me password word\n"),
    "install settings": Planted("etc/pip.conf", b"[global]\nindex-url = https://mirror.example\n"),
    "set-id program": Planted("usr/bin/su", mode=0o4755),
    "open to all": Planted("opt/trimtab/lib/x.py", mode=0o666),
    "own code": Planted("opt/trimtab/lib/y.py", owner=10001),
}


def test_nothing_is_found_in_a_clean_image(tmp_path: Path) -> None:
    assert _rules(_searched(saved(tmp_path, CLEAN))) == []


def test_there_is_a_planted_thing_for_every_rule() -> None:
    assert set(PLANTED) == {rule.name for rule in RULES}


@pytest.mark.parametrize("rule", PLANTED)
def test_what_is_planted_is_found_by_its_rule_alone(tmp_path: Path, rule: str) -> None:
    assert _rules(_searched(saved(tmp_path, (*CLEAN, PLANTED[rule])))) == [rule]


@pytest.mark.parametrize(
    ("rule", "planted"),
    [
        ("compiler", Planted("usr/bin/cc", kind=tarfile.SYMTYPE)),
        ("compiler", Planted("usr/local/bin/clang++-14", mode=0o755)),
        ("development file", Planted("usr/include/stdio.h")),
        ("development file", Planted("var/lib/dpkg/status", b"Package: libc6\n\nPackage: libc6-dev\n")),
        ("installer", Planted("usr/local/bin/pip3.11", mode=0o755)),
        ("installer", Planted("usr/share/python-wheels/pip-23.whl")),
        ("cache", Planted("var/lib/apt/lists/deb.debian.org_dists_InRelease")),
        ("cache", Planted("var/cache/apt/archives/python3.deb")),
        ("private key", Planted("x", b"-----BEGIN RSA PRIVATE KEY-----\r\n" + b"A" * 64)),
        ("private key", Planted("x", b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAA\n")),
        ("private key", Planted("x", b"-----BEGIN PRIVATE KEY-----\nProc-Type: 4\n\n" + b"A" * 64)),
        ("credentials", Planted("data/.kube/config")),
        ("install settings", Planted("etc/apt/apt.conf.d/9proxy", b'Acquire::http::Proxy "http://p:1";')),
        ("set-id program", Planted("usr/bin/wall", mode=0o2755)),
        (
            "set-id program",
            Planted("usr/bin/ping", headers=(("SCHILY.xattr.security.capability", "\x01"),)),
        ),
        ("open to all", Planted("srv", mode=0o777, kind=tarfile.DIRTYPE)),
    ],
)
def test_other_shapes_of_the_same_are_found_too(tmp_path: Path, rule: str, planted: Planted) -> None:
    assert _rules(_searched(saved(tmp_path, [planted]))) == [rule]


def test_what_a_later_layer_removes_runs_nowhere(tmp_path: Path) -> None:
    gone = Planted("usr/bin/.wh.su")

    assert _rules(_searched(saved(tmp_path, [PLANTED["set-id program"]], [gone]))) == []


def test_a_program_that_lost_its_rights_in_a_later_layer_is_no_finding(tmp_path: Path) -> None:
    harmless = Planted("usr/bin/su", mode=0o755)

    assert _rules(_searched(saved(tmp_path, [PLANTED["set-id program"]], [harmless]))) == []


@pytest.mark.parametrize(
    "removal",
    [
        pytest.param(Planted("etc/ssl/.wh.tls.pem"), id="the file"),
        pytest.param(Planted("etc/.wh.ssl"), id="its folder"),
        pytest.param(Planted("etc/ssl/.wh..wh..opq"), id="all in its folder"),
    ],
)
def test_a_key_that_a_later_layer_hides_is_found_and_said_to_be_hidden(
    tmp_path: Path, removal: Planted
) -> None:
    [finding] = _searched(saved(tmp_path, CLEAN, [PLANTED["private key"]], [removal])).findings

    assert finding.where == "/etc/ssl/tls.pem (hidden, in layer 1)"


def test_a_folder_that_is_emptied_and_filled_in_one_layer_keeps_what_is_new(tmp_path: Path) -> None:
    layers = ([Planted("etc/old")], [Planted("etc/new"), Planted("etc/.wh..wh..opq")])

    assert set(_searched(saved(tmp_path, *layers)).view.files) == {"etc/new"}


def test_a_file_that_names_a_mirror_is_found_even_where_it_is_hidden(tmp_path: Path) -> None:
    note = Planted("opt/trimtab/direct_url.json", b'{"url": "https://mirror.example/x.whl"}')
    image = saved(tmp_path, [note], [Planted("opt/trimtab/.wh.direct_url.json")])

    with Archive(image) as archive:
        found = search(archive.entries(), ["https://mirror.example"])

    assert _rules(found) == ["mention"]


def test_a_rule_that_an_image_may_break_is_not_applied(tmp_path: Path) -> None:
    with Archive(saved(tmp_path, [PLANTED["bytecode"], PLANTED["test"]])) as archive:
        found = search(archive.entries(), allowed=("bytecode",))

    assert _rules(found) == ["test"]


@pytest.mark.parametrize(
    ("rule", "config"),
    [
        ("user", {"User": ""}),
        ("user", {"User": "trimtab"}),
        ("user", {"User": "0:0"}),
        ("secret", {"User": "10001", "Env": ["OPENAI_API_KEY=sk-123"]}),
        ("secret", {"User": "10001", "Labels": {"registry_password": "word"}}),
        ("password", {"User": "10001", "Env": ["INDEX=https://me:word@mirror.example"]}),
        ("install settings", {"User": "10001", "Env": ["PIP_INDEX_URL=https://mirror.example"]}),
    ],
)
def test_settings_that_tell_too_much_are_found(rule: str, config: dict[str, Any]) -> None:
    assert [finding.rule for finding in of_settings({"config": config, "history": []})] == [rule]


def test_a_secret_is_never_printed_again() -> None:
    [finding] = of_settings({"config": {"User": "10001", "Env": ["API_KEY=sk-123"]}})

    assert "sk-123" not in f"{finding}"


def test_the_steps_that_made_the_layers_are_read_too() -> None:
    history = [{"created_by": "RUN TOKEN=abc curl x"}, {"created_by": "RUN pip -i mirror.example"}]

    findings = of_settings({"config": GOOD_CONFIG, "history": history}, ["mirror.example"])

    assert [finding.rule for finding in findings] == ["secret", "mention"]


def test_mounted_secrets_and_the_print_of_a_public_key_are_no_secrets() -> None:
    config = {**GOOD_CONFIG, "Env": ["GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D"]}
    history = [{"created_by": "RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf true"}]

    assert of_settings({"config": config, "history": history}) == []


def test_our_files_that_are_not_where_python_looks_are_missing() -> None:
    view = View()
    view.files = {"opt/trimtab/core/a.py": (0, 1), "elsewhere/core/b.yaml": (0, 1)}

    found = missing(view, ["core/a.py", "core/b.yaml"], re.compile(r"opt/trimtab/(.+)"))

    assert [finding.where for finding in found] == ["core/b.yaml"]


def _searched(image: Path) -> Scan:
    with Archive(image) as archive:
        return search(archive.entries())


def _rules(scan: Scan) -> list[str]:
    return [finding.rule for finding in scan.findings]
