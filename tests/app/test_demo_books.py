"""The comparing of the demo's three books: agreement passes, every planted error is found."""

from dataclasses import replace

import pytest

from proxy.app.books import Books, MinerBook, PoolBook, ProxyBook, total

AGREEING = Books(
    MinerBook(found=100, accepted=95, rejected=5),
    ProxyBook(accepted=95, rejected=5, forwarded=10, pool_accepted=9, pool_rejected=1),
    PoolBook(submits=10, accepted=9, rejected=1),
)
BROKEN = replace(
    AGREEING, proxy=replace(AGREEING.proxy, pool_accepted=7, unknown=2, unsent=3), pools=PoolBook(9, 8, 1)
)
"""A pool's connection was lost: of two shares nobody knows, three never went out."""


def planted(miners: dict[str, int], proxy: dict[str, int], pools: dict[str, int]) -> Books:
    return Books(
        replace(AGREEING.miners, **miners), replace(AGREEING.proxy, **proxy), replace(AGREEING.pools, **pools)
    )


def test_books_that_agree_have_nothing_to_say() -> None:
    assert AGREEING.violations(pools_broken=False) == []
    assert (AGREEING.lost, AGREEING.doubled) == (0, 0)


@pytest.mark.parametrize(
    ("miners", "proxy", "pools"),
    [
        ({"found": 101}, {}, {}),
        ({"found": 101}, {"accepted": 96}, {}),
        ({"accepted": 94}, {}, {}),
        ({}, {"accepted": 94}, {}),
        ({"accepted": 94, "rejected": 6}, {}, {}),
        ({}, {"forwarded": 11}, {"submits": 11}),
        ({}, {"forwarded": 11, "unknown": 1}, {"submits": 11}),
        ({}, {"unsent": 1}, {}),
        ({}, {"answered_twice": 1}, {}),
        ({}, {"pool_duplicates": 1}, {"duplicates": 1}),
        ({}, {}, {"duplicates": 1}),
        ({}, {}, {"submits": 9}),
        ({}, {"pool_accepted": 10, "pool_rejected": 0}, {}),
        ({"reconnects": 1}, {}, {}),
        ({"set_extranonces": 1}, {}, {}),
    ],
)
def test_a_planted_error_is_found(
    miners: dict[str, int], proxy: dict[str, int], pools: dict[str, int]
) -> None:
    assert planted(miners, proxy, pools).violations(pools_broken=False)


@pytest.mark.parametrize(
    ("miners", "proxy", "pools"),
    [
        ({"found": 101}, {}, {}),
        ({}, {"forwarded": 11}, {}),
        ({}, {"pool_duplicates": 1}, {}),
        ({}, {"pool_accepted": 10, "pool_rejected": 0}, {}),
        ({}, {}, {"accepted": 11}),
    ],
)
def test_a_broken_pool_excuses_none_of_this(
    miners: dict[str, int], proxy: dict[str, int], pools: dict[str, int]
) -> None:
    assert planted(miners, proxy, pools).violations(pools_broken=True)


def test_unknown_and_unsent_shares_are_in_order_only_where_a_pool_was_broken() -> None:
    assert BROKEN.violations(pools_broken=True) == []
    assert BROKEN.violations(pools_broken=False)


def test_a_share_without_a_verdict_and_one_without_settlement_are_both_lost() -> None:
    books = planted({"found": 103}, {"forwarded": 14}, {})
    assert books.lost == 7


def test_a_share_that_was_never_sent_by_the_miner_is_not_lost() -> None:
    assert planted({"found": 103, "withheld": 3}, {}, {}).violations(pools_broken=False) == []


@pytest.mark.parametrize(
    ("proxy", "pools"),
    [
        ({"accepted": 97}, {}),
        ({"pool_accepted": 11}, {}),
        ({"answered_twice": 2}, {}),
        ({"pool_duplicates": 2}, {"duplicates": 2}),
        ({}, {"accepted": 12}),
    ],
)
def test_what_counts_twice_anywhere_is_doubled(proxy: dict[str, int], pools: dict[str, int]) -> None:
    assert planted({}, proxy, pools).doubled == 2


def test_a_share_repeated_over_a_new_connection_is_not_doubled() -> None:
    books = planted({}, {}, {"submits": 11, "duplicates": 1, "rejected": 2})
    assert (books.repeated, books.doubled) == (1, 0)
    assert books.violations(pools_broken=True) == []


def test_the_site_is_the_sum_of_its_tenants() -> None:
    site = Books.of([AGREEING, BROKEN])
    assert (site.miners.found, site.proxy.unknown, site.pools.submits) == (200, 2, 19)
    assert total([], MinerBook()) == MinerBook()


def test_an_error_of_one_tenant_is_not_hidden_by_another() -> None:
    more, less = planted({"found": 101}, {}, {}), planted({"found": 99}, {}, {})
    assert Books.of([more, less]).violations(pools_broken=False) == []
    assert more.violations(pools_broken=False)
    assert less.violations(pools_broken=False)
