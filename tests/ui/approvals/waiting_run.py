"""A loop in mode approve on the embedded cluster, which looks for answers in its folder as in production."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from streamlit.testing.v1 import AppTest

from agent.episode import EmbeddedRun, embedded_run
from agent.planners import Planner
from core.decision import Decision, Mode
from tests.agent.toy import AT_ONCE, INTERVAL_S, pipeline_of
from ui.places import Place

LOAD_RPS = 10.0


@contextmanager
def loop_in(
    folder: Path,
    planner: Planner,
    *,
    mode: Mode = "approve",
    load_rps: Sequence[float] = (LOAD_RPS,) * 300,
    real_time: bool = False,
) -> Iterator[EmbeddedRun]:
    """Yield a loop that keeps its record in *folder*."""
    settings = replace(AT_ONCE, mode=mode)
    with embedded_run(
        pipeline_of(), load_rps, folder, planner=planner, settings=settings, seed=1, real_time=real_time
    ) as run:
        run.loop.recover()
        yield run


def turn(run: EmbeddedRun) -> Decision | None:
    """Let an interval pass and decide; None where the turn waits for a person."""
    run.cluster.pass_time(INTERVAL_S)
    return run.loop.tick()


def place_of(folder: Path) -> Place:
    """Return where the console finds that loop, with *folder* as its data folder."""
    return Place(folder, "toy", "toy")


def script(data: str, writable: bool) -> None:
    """Draw the page, as Streamlit's server would."""
    from pathlib import Path  # noqa: PLC0415 - AppTest runs this text alone

    from ui import settings  # noqa: PLC0415
    from ui.approvals import page as approvals  # noqa: PLC0415

    settings.use(settings.ConsoleSettings(data=Path(data), writable=writable))
    approvals.page()


def shown(place: Place, *, writable: bool = True) -> AppTest:
    """Return the page of approvals and controls, drawn for an admin or a viewer."""
    app = AppTest.from_function(script, args=(str(place.folder), writable), default_timeout=20).run()
    assert not app.exception
    return app


def press(app: AppTest, words: str) -> AppTest:
    """Click the one button that is labelled so."""
    (found,) = [b for b in app.button if b.label == words]
    found.click().run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    """Return what the page says, a line for each text."""
    return "\n".join(t.value for t in app.text)
