"""Write down what was said: PocketSphinx with a small dictionary, at several efforts.

All variants share the English acoustic model (semi-continuous, 16 kHz) and the English trigram model that
ship in the wheel, and a dictionary of `phrases.vocabulary()`: a home's recogniser knows the words that can
be said to it, not the sentences. With the wheel's whole dictionary a request took over five times as long
and was understood less often. `each-N` scores the sound at every N-th of its 10 ms frames only and follows
fewer hypotheses the larger N is; all search in one pass. PocketSphinx's second pass (`fwdflat`, `bestpath`)
cost another 60 % here and found nothing more, so no variant makes it.

Requests are searched one after another: a batch costs what its items cost, and gives the same texts.
PocketSphinx carries its estimate of the noise from one recording to the next, also into a stranger's
(cmusphinx/pocketsphinx issue 498); `reinit_feat` forgets it, in microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pocketsphinx

from pipelines.audio.phrases import vocabulary
from pipelines.audio.sound import Samples, loudness
from pipelines.files import replaced
from pipelines.weights import present

DICTIONARY = "dictionary.txt"
"""Made by `write_dictionary`."""
MOST_ERRORS = 0.25
"""Share of the words that may be wrong: a request is still understood without one word of four."""
LEAST_LOUDNESS = 30.0
"""Root mean square of 32767, 60 dB below the loudest: in a silent recording PocketSphinx hears some word."""

ONE_PASS: Mapping[str, Any] = {"fwdflat": False, "bestpath": False}
EFFORTS: Mapping[str, Mapping[str, Any]] = {
    "each-4": {**ONE_PASS, "ds": 4, "topn": 2, "maxhmmpf": 400},
    "each-2": {**ONE_PASS, "ds": 2, "topn": 2, "maxhmmpf": 1000},
    "each-1": ONE_PASS,
}
"""PocketSphinx's settings; `topn` is how many Gaussians count, `maxhmmpf` how many hypotheses live on."""


@dataclass(frozen=True, slots=True)
class Transcriber:
    """A decoder of PocketSphinx: a variant of the stage `transcribe`."""

    decoder: Any

    def __call__(self, items: Sequence[Samples]) -> list[list[str]]:
        """Return the text of each recording; nothing where no word was heard."""
        return [self._text(samples) for samples in items]

    def _text(self, samples: Samples) -> list[str]:
        if loudness(samples) < LEAST_LOUDNESS:
            return []
        self.decoder.reinit_feat()
        self.decoder.start_utt()
        self.decoder.process_raw(samples.tobytes(), no_search=False, full_utt=True)
        self.decoder.end_utt()
        found = self.decoder.hyp()
        return [found.hypstr] if found is not None and found.hypstr else []


def write_dictionary(folder: Path) -> None:
    """Write the pronunciations of the vocabulary, taken out of the wheel's CMU dictionary."""
    words = vocabulary()
    entries = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines()
    ours = [entry for entry in entries if entry.split(" ", 1)[0].split("(", 1)[0] in words]
    replaced(folder / DICTIONARY, "\n".join(ours) + "\n", sync="none")


def close(text: str, truth: str) -> bool:
    """Say whether at most MOST_ERRORS of the true words are wrong, missing or surplus."""
    true = truth.split()
    return _distance(text.split(), true) <= MOST_ERRORS * len(true)


def _distance(words: Sequence[str], true: Sequence[str]) -> int:
    """Return how many words must be changed, added or dropped (Levenshtein)."""
    row = list(range(len(true) + 1))
    for i, word in enumerate(words, 1):
        above, row = row, [i]
        for j, other in enumerate(true, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != other)))
    return row[-1]


def _loaded(effort: Mapping[str, Any], folder: Path) -> Transcriber:
    config = pocketsphinx.Config(
        hmm=pocketsphinx.get_model_path("en-us/en-us"),
        lm=pocketsphinx.get_model_path("en-us/en-us.lm.bin"),
        dict=str(present(DICTIONARY, folder)),
        cmn="batch",
        loglevel="FATAL",
        **effort,
    )
    return Transcriber(pocketsphinx.Decoder(config))


VARIANTS: Mapping[str, Callable[[Path], Transcriber]] = {
    name: partial(_loaded, effort) for name, effort in EFFORTS.items()
}
"""How each variant is loaded, given the folder that was prepared; cheapest first."""
