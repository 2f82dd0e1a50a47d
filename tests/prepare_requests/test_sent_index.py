"""The table of what was sent, against a dict."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.prepare_requests.sent_index import DIGEST, SentIndex

# Few first bytes, so that digests meet in the table; zeros, which a free slot holds too.
DIGESTS = st.builds(
    lambda head, tail: head + b"\0" * 7 + tail,
    st.sampled_from([b"\0", b"\1", b"\xff"]),
    st.binary(min_size=4, max_size=4),
)


@given(st.lists(st.tuples(DIGESTS, st.integers(0, 70_000)), max_size=200))
def test_it_knows_what_a_dict_knows(rows: list[tuple[bytes, int]]) -> None:
    known: dict[bytes, int] = {}
    with SentIndex(500) as index:
        for digest, number in rows:
            assert index.find(digest) == known.get(digest)
            if digest not in known:
                index.add(digest, number)
                known[digest] = number
        assert {digest: index.find(digest) for digest in known} == known


def test_it_holds_as_many_as_it_was_made_for() -> None:
    digests = [hashlib.sha256(b"%d" % n).digest()[:DIGEST] for n in range(3_000)]
    with SentIndex(3_000) as index:
        for number, digest in enumerate(digests):
            assert index.find(digest) is None
            index.add(digest, number)
        assert [index.find(digest) for digest in digests] == list(range(3_000))


def test_a_search_goes_on_from_the_end_to_the_beginning() -> None:
    last = [b"\xff" * 8 + bytes([n]) * 4 for n in range(9)]
    with SentIndex(1) as index:
        for number, digest in enumerate(last):
            assert index.find(digest) is None
            index.add(digest, number)
        assert [index.find(digest) for digest in last] == list(range(9))


def test_nothing_is_noted_that_was_not_looked_for() -> None:
    with SentIndex(1) as index, pytest.raises(LookupError):
        index.add(b"x" * DIGEST, 0)
