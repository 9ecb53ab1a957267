"""The page of decisions drawn by Streamlit without a browser, and what is to be read on it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest


def _script(data: str) -> None:
    from pathlib import Path  # noqa: PLC0415 - AppTest runs this text alone

    from ui import settings  # noqa: PLC0415 - as above
    from ui.decisions import page as decision_page  # noqa: PLC0415 - as above

    settings.use(settings.ConsoleSettings(data=Path(data)))
    decision_page.page()


def shown(data: Path, **address: str) -> AppTest:
    page = AppTest.from_function(_script, kwargs={"data": str(data)}, default_timeout=30)
    for key, value in address.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    return "\n".join(str(e.value) for e in page.text)


def drawn(page: AppTest) -> str:
    """Return what is drawn as Markdown, without what is escaped in it."""
    elements = (
        *page.markdown,
        *page.caption,
        *page.title,
        *page.subheader,
        *page.error,
        *page.warning,
        *page.success,
        *page.metric,
        *page.expander,
        *page.button,
    )
    return re.sub(
        r"\\.", "", "\n".join(f"{getattr(e, 'label', '')} {getattr(e, 'value', '')}" for e in elements)
    )


def clicked(page: AppTest, label: str) -> AppTest:
    next(b for b in page.button if b.label == label).click().run()
    assert not page.exception
    return page


def tables(page: AppTest) -> list[list[dict[str, Any]]]:
    return [json.loads(d.value.to_json(orient="records")) for d in page.dataframe]
