"""`python -m deploy.image`: build an image, start it, search it, weigh it. Status 1 if anything is wrong."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from core.errors import TrimtabError
from deploy.image import base, dockerfile, pip_settings, scan
from deploy.image.archive import Archive
from deploy.image.engine import Engine, found
from deploy.image.products import CONTROLLER, PROJECT, Product, serving, sources
from deploy.image.report import Report, printed
from deploy.image.start import Tried, tried

ENGINES = ("auto", "docker", "buildah")
COLUMNS = 110
"""Where the output is no terminal, as in a page of docs/."""

BASE_LABEL = "dev.trimtab.base"


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit status."""
    wanted = _parser().parse_args(arguments)
    try:
        product = serving(wanted.serving) if wanted.serving else CONTROLLER
        report = built(product, found(wanted.engine), new_base=wanted.new_base)
    except TrimtabError as error:
        sys.stderr.write(f"trimtab: {error}\n")
        return 1
    console = Console()
    printed(report, console if console.is_terminal else Console(width=COLUMNS))
    return 0 if report.passed else 1


def built(product: Product, engine: Engine, *, new_base: bool) -> Report:
    """Build the image, start it sealed for every check, and search all its layers.

    Raises:
        TrimtabError: something that is needed is missing, or the build failed.
    """
    _make_base(product, engine, anew=new_base)
    settings, ours = pip_settings.of_this_user(), sources(product.packages)
    with tempfile.TemporaryDirectory(prefix="trimtab-image-") as folder:
        _build(product, engine, settings.secrets(Path(folder)))
        checks = _told(product, engine)
        saved = Path(folder) / "image.tar"
        engine.save(product.tag, saved)
        with Archive(saved) as archive:
            result = scan.search(archive.entries(), settings.places, allowed=product.allowed)
            told = scan.of_settings(archive.settings, settings.places)
            absent = scan.missing(result.view, ours, product.home)
            return Report(
                tag=product.tag,
                engine=engine.name,
                base=_origin(archive),
                layers=archive.layers(),
                view=result.view,
                tried=checks,
                findings=[*result.findings, *told, *absent],
            )


def _make_base(product: Product, engine: Engine, *, anew: bool) -> None:
    needed = dockerfile.base((PROJECT / product.dockerfile).read_text(encoding="utf-8"))
    if engine.makes_base and (anew or not engine.has(dockerfile.qualified(needed.name))):
        base.make(needed, engine)


def _build(product: Product, engine: Engine, secrets: Sequence[str]) -> None:
    arguments = [part for value in product.arguments for part in ("--build-arg", value)]
    file = PROJECT / product.dockerfile
    engine.build(file=file, tag=product.tag, context=PROJECT, options=[*arguments, *secrets])


def _told(product: Product, engine: Engine) -> list[Tried]:
    """Try everything, saying each outcome at once."""
    outcomes = []
    for outcome in tried(product.checks, tag=product.tag, engine=engine, data=product.data):
        sys.stdout.write(f"{outcome.what}: {'ok' if outcome.passed else 'FAILED'}, {outcome.said}\n")
        sys.stdout.flush()
        outcomes.append(outcome)
    return outcomes


def _origin(archive: Archive) -> str:
    labels = archive.settings["config"].get("Labels") or {}
    return f"made here by {labels[BASE_LABEL]}" if BASE_LABEL in labels else "the official image of Python"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.image", description=__doc__)
    parser.add_argument(
        "--serving", metavar="PIPELINE", help="the image that serves this pipeline, e.g. id-card"
    )
    parser.add_argument(
        "--engine", choices=ENGINES, default="auto", help="auto: Docker where its daemon answers"
    )
    parser.add_argument(
        "--new-base", action="store_true", help="make the base anew, for Debian's latest fixes"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
