"""Texts as TOML has them."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from mbap.tomltext import toml_key, toml_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS)
def test_any_key_and_text_are_read_as_they_were(key: str, text: str) -> None:
    assert tomllib.loads(f"{toml_key(key)} = {toml_text(text)}") == {key: text}


@given(st.text())
def test_what_is_not_to_be_printed_never_is(text: str) -> None:
    assert toml_text(text).isprintable()


def test_a_key_of_letters_and_digits_is_bare() -> None:
    assert toml_key("pump-1_a") == "pump-1_a"
    assert toml_key("pump 1") == '"pump 1"'
