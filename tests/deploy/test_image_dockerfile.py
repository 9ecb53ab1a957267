"""Which images a Dockerfile builds on."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import UsageError
from deploy.image.dockerfile import Base, base, images, qualified
from deploy.image.products import PROJECT


def test_an_argument_in_from_is_filled_in_and_stages_of_the_file_itself_are_no_bases() -> None:
    text = (
        "ARG TAG=3.11\nFROM --platform=linux/amd64 python:${TAG} AS one\nFROM one\nFROM alpine:$TAG as two\n"
    )

    assert images(text) == ("python:3.11", "alpine:3.11")


def test_each_base_is_named_once_and_the_empty_image_never() -> None:
    assert images("FROM debian:12 AS a\nFROM scratch\nFROM debian:12\n") == ("debian:12",)


def test_an_argument_without_a_value_is_refused_with_the_line_to_write() -> None:
    with pytest.raises(UsageError, match=r"write 'ARG TAG=\.\.\.' above it"):
        images("ARG TAG\nFROM python:$TAG\n")


@pytest.mark.parametrize("file", ["Dockerfile", "Dockerfile.serving"])
def test_our_own_files_build_on_a_base_that_can_be_made_here(file: str) -> None:
    text = Path(PROJECT, file).read_text(encoding="utf-8")

    assert base(text) == Base(name="python:3.11-slim-bookworm", python="3.11", suite="bookworm")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM alpine:3\n", id="no Python on Debian"),
        pytest.param("FROM python:3.11-slim-bookworm AS a\nFROM debian:12\n", id="two bases"),
        pytest.param("FROM scratch\n", id="none"),
    ],
)
def test_a_base_that_cannot_be_made_here_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="only one base"):
        base(text)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("python:3", "docker.io/library/python:3"),
        ("bitnami/etcd:3", "docker.io/bitnami/etcd:3"),
        ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("localhost/trimtab", "localhost/trimtab"),
        ("registry:5000/a", "registry:5000/a"),
    ],
)
def test_a_name_is_stored_with_its_registry(name: str, stored: str) -> None:
    assert qualified(name) == stored
