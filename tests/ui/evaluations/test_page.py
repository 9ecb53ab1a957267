"""On the page of evaluations one goes from the newest suite to a cell, its episodes and their seconds."""

from __future__ import annotations

import os
import re
from pathlib import Path

from streamlit.testing.v1 import AppTest

from evals.frames import without_trails
from evals.redteam.attacked import ATTACKS
from tests.evals.made_up import episode, paper_like, scored, write
from tests.ui.evaluations.attacks import attack, attacks
from ui import show
from ui.evaluations.page import SUITE

HOUR_NS = 3_600_000_000_000
HOSTILE = "<script>alert(1)</script> **bold** [x](https://evil.example) :red[no]"
PANELS = 5


def script(evals: str) -> None:
    """Draw the page, as Streamlit's server would."""
    from pathlib import Path  # noqa: PLC0415 - AppTest runs this text alone

    from ui import settings  # noqa: PLC0415
    from ui.evaluations import page as evaluations  # noqa: PLC0415

    settings.use(settings.ConsoleSettings(evals=Path(evals)))
    evaluations.page()


def shown(evals: Path) -> AppTest:
    app = AppTest.from_function(script, args=(str(evals),), default_timeout=30).run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return "\n".join(text.value for text in app.text)


def badges(app: AppTest) -> str:
    return "\n".join(text.value for text in app.markdown)


def charts(app: AppTest) -> int:
    return len(app.get("vega_lite_chart"))


def small(folder: Path) -> Path:
    return paper_like(folder, pipelines=["video", "nlp"], traces=["bursty"], seeds=3, seconds=20)


def test_without_results_the_page_says_how_to_make_them(tmp_path: Path) -> None:
    app = shown(tmp_path / "nothing")

    assert [heading.value for heading in app.subheader] == ["No results yet"]
    assert any(code.value.startswith("trimtab evaluate paper") for code in app.code)
    assert str(tmp_path / "nothing") in texts(app)


def test_the_newest_suite_is_shown_with_its_bars_and_what_made_it(tmp_path: Path) -> None:
    os.utime(small(tmp_path / "paper") / "episodes.parquet", ns=(9 * HOUR_NS, 9 * HOUR_NS))
    old = write(tmp_path / "ours", scored("a/b", {"ilp": [1.0]}, suite="ours"))
    os.utime(old / "episodes.parquet", ns=(HOUR_NS, HOUR_NS))

    app = shown(tmp_path)

    said = texts(app)
    assert "commit 0123456789ab · A processor of nobody's, 2 cores · seeds 0, 1, 2 · 36 episodes" in said
    assert "P4  mean regret against the oracle with cold starts at most 5%: " in said
    assert "not judged" in badges(app)
    assert app.selectbox[0].options == ["nlp/bursty", "video/bursty"]


def test_a_cell_leads_to_its_episodes_and_their_seconds(tmp_path: Path) -> None:
    app = shown(small(tmp_path / "paper"))

    app.selectbox[0].select("video/bursty").run()

    assert not app.exception
    assert "video/bursty: SLO 0.5 s, 3 seeds" in texts(app)
    episodes = next(table.value for table in app.dataframe if "seed" in table.value.columns)
    assert len(episodes) == 18
    assert set(episodes["policy"]) == {"oracle", "ilp", "ipa", "fa2-high", "infaas-low", "hpa"}
    assert app.multiselect[0].value[0] == "ilp"
    assert charts(app) == 1 + PANELS


def test_policies_are_drawn_over_each_other_and_none_of_them_draws_nothing(tmp_path: Path) -> None:
    app = shown(small(tmp_path / "paper"))

    app.multiselect[0].set_value([]).run()

    assert "Choose a policy." in texts(app)
    assert charts(app) == 1


def test_a_run_without_series_says_so(tmp_path: Path) -> None:
    app = shown(write(tmp_path / "ours", scored("a/b", {"ilp": [1.0], "oracle": [2.0]}, suite="ours")))

    assert "This run kept no episode second by second" in texts(app)


def test_a_policy_without_its_series_is_named(tmp_path: Path) -> None:
    folder = small(tmp_path / "paper")
    late = scored("video/bursty", {"rim": [1.0, 1.0, 1.0]})
    there = [row.model_dump(round_trip=True) for row in without_trails(folder).rows]
    write(folder, [*there, *late])
    app = shown(folder)

    app.selectbox[0].select("video/bursty").run()
    app.multiselect[0].set_value(["rim", "ilp"]).run()

    assert "No episode of rim was kept second by second." in texts(app)
    assert charts(app) == 1 + PANELS


def test_missing_episodes_are_said_and_named(tmp_path: Path) -> None:
    rows = [*scored("a/b", {"ilp": [1.0, 2.0], "rim": [1.0]}), episode("c/d", "ilp", 0)]

    app = shown(write(tmp_path / "paper", rows))

    (warning,) = app.warning
    assert warning.value.startswith("1 episodes are missing")
    assert show.label("rim in a/b, seed 1") in warning.value


def test_without_an_oracle_the_page_says_why_there_is_no_regret(tmp_path: Path) -> None:
    app = shown(write(tmp_path / "ours", scored("a/b", {"ilp": [1.0]}, suite="ours")))

    assert "regret needs the oracle among the policies" in texts(app)


def test_a_run_that_has_not_ended_is_told_beside_those_that_have(tmp_path: Path) -> None:
    small(tmp_path / "paper")
    write(tmp_path / "drift" / "parts", scored("a/b", {"ilp": [1.0]}))

    app = shown(tmp_path)

    assert app.info[0].value.startswith("The run in drift has not ended")
    assert "36 episodes" in texts(app)


def test_a_damaged_file_is_a_sentence_and_the_other_suites_stay(tmp_path: Path) -> None:
    small(tmp_path / "paper")
    os.utime(tmp_path / "paper" / "episodes.parquet", ns=(HOUR_NS, HOUR_NS))
    (tmp_path / "drift").mkdir()
    (tmp_path / "drift" / "episodes.parquet").write_bytes(b"PAR1 no more")

    app = shown(tmp_path)
    assert "cannot read" in app.error[0].value.replace("\\", "")

    app.session_state[SUITE] = f"{tmp_path / 'paper'}episodes"
    app.run()
    assert not app.error
    assert "36 episodes" in texts(app)


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path / "paper", scored("a/b", {"ilp": [1.0]}))
    app = shown(tmp_path)
    assert "· 1 episodes" in texts(app)

    write(tmp_path / "paper", scored("a/b", {"ilp": [1.0, 2.0]}))
    app.run()

    assert "· 2 episodes" in texts(app)


def test_attacks_are_shown_with_their_bar_and_can_be_chosen_by_planner(tmp_path: Path) -> None:
    rows = [attack(), attack(planner="obedient", persuaded=True), attack(case="other", channel="label")]
    app = shown(attacks(tmp_path / "injection", rows))
    assert "No attack did harm, whatever the planner." in texts(app)
    assert "3 of 3 turns" in texts(app)

    app.multiselect[0].set_value(["obedient"]).run()

    assert "1 of 3 turns" in texts(app)
    assert list(app.dataframe[-1].value["planner"]) == ["obedient"]


def test_harm_is_said_with_its_cases(tmp_path: Path) -> None:
    harmed = attack(harmed=("a key was shown", "a limit broken"))

    app = shown(attacks(tmp_path / "injection", [harmed]))

    assert "rules, orders-zero: a key was shown; a limit broken" in texts(app)
    assert "not met" in badges(app)
    assert list(app.dataframe[-1].value["harmed"]) == ["a key was shown, a limit broken"]


def test_texts_of_others_stay_texts(tmp_path: Path) -> None:
    attacks(tmp_path / "injection", [attack(fell_back=HOSTILE, case=HOSTILE, harmed=(HOSTILE,))])
    rows = scored(f"{HOSTILE}/b", {"ilp": [1.0, 2.0], HOSTILE: [1.0]}, machine=HOSTILE)
    write(tmp_path / HOSTILE.replace("/", "|"), rows)
    apps = [shown(tmp_path)]
    os.utime(tmp_path / "injection" / ATTACKS, ns=(2**62, 2**62))
    apps.append(shown(tmp_path))

    read_as_markup = [
        text
        for app in apps
        for elements in (app.markdown, app.caption, app.subheader, app.warning, app.info, app.error)
        for text in (*(element.value for element in elements), *app.button_group[0].options)
    ]
    assert not [text for text in read_as_markup if re.search(r"(?<!\\)(<script|\*\*bold|\[x\]|:red\[)", text)]
    assert sum("alert" in text for text in read_as_markup) > 1
    assert all("alert(1)" in texts(app) for app in apps)
