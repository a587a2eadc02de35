from proxy.adapters.simulated.pool.desk import Extranonces


def test_every_value_is_handed_out_once_and_then_none() -> None:
    extranonces = Extranonces(1, seed=3)
    taken = [extranonces.take() for _ in range(256)]
    values = {pair[1] for pair in taken if pair is not None}
    assert len(values) == 256
    assert extranonces.take() is None
    extranonces.release(b"\x07")
    again = extranonces.take()
    assert again is not None
    assert again[1] == b"\x07"


def test_a_session_comes_back_to_its_value_once_it_is_free() -> None:
    extranonces = Extranonces(4, seed=3)
    first = extranonces.take()
    assert first is not None
    session, value = first
    other = extranonces.take(session)
    assert other is not None
    assert other[1] != value
    extranonces.release(value)
    assert extranonces.take(session) == (session, value)


def test_an_unknown_session_gets_a_new_value() -> None:
    assert Extranonces(4, seed=3).take("never seen") is not None
