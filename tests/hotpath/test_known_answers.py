"""What the world agrees on: FIPS 180-4 digests, blocks of the main chain, recorded shares."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

VECTORS = Path(__file__).parent.parent / "vectors" / "stratum-shares.json"

# NIST's SHA-256 examples and their additional vectors: the lengths around a block's border, and long ones.
SINGLE_DIGESTS = [
    (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (b"\xbd", "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
    (b"\xc9\x8c\x8e\x55", "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"),
    (
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
    (
        b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
        b"mnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    ),
    (bytes(55), "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"),
    (bytes(56), "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"),
    (bytes(57), "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"),
    (bytes(64), "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"),
    (bytes(1000), "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"),
    (b"A" * 1000, "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4"),
    (b"U" * 1005, "f4d62ddec0f3dd90ea1380fa16a5ff8dc4c54b21740650f24afc4120903552b0"),
    (b"a" * 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    (bytes(1_000_000), "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025"),
]


@pytest.mark.parametrize(("message", "single"), SINGLE_DIGESTS, ids=lambda x: str(len(x)))
def test_digest_is_sha256_of_nist_digest(twin: ModuleType, message: bytes, single: str) -> None:
    assert twin.sha256d(message) == hashlib.sha256(bytes.fromhex(single)).digest()


def test_digest_of_hello(twin: ModuleType) -> None:
    known = "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"
    assert twin.sha256d(b"hello").hex() == known


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the main chain; hashes as explorers display them, bytes reversed."""

    height: int
    hash: str
    previous: str
    time: int
    nbits: int
    nonce: int
    coinbase: str
    txid: str
    siblings: tuple[str, ...]
    """The merkle branch of the coinbase."""
    root: str


_COINBASE_INPUT = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff"
_FIFTY = "00f2052a01000000"
_BLOCK_100_000_PAIR = hashlib.sha256(
    hashlib.sha256(
        bytes.fromhex("6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4")[::-1]
        + bytes.fromhex("e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d")[::-1]
    ).digest()
).digest()

BLOCKS = [
    Block(
        height=0,
        hash="000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        previous="00" * 32,
        time=1231006505,
        nbits=0x1D00FFFF,
        nonce=2083236893,
        coinbase=_COINBASE_INPUT
        + "4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e"
        + "6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff01"
        + _FIFTY
        + "434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec1"
        + "12de5c384df7ba0b8d578a4c702b6bf11d5fac00000000",
        txid="4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
        siblings=(),
        root="4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
    ),
    Block(
        height=1,
        hash="00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048",
        previous="000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        time=1231469665,
        nbits=0x1D00FFFF,
        nonce=2573394689,
        coinbase=_COINBASE_INPUT
        + "0704ffff001d0104ffffffff01"
        + _FIFTY
        + "43410496b538e853519c726a2c91e61ec11600ae1390813a627c66fb8be7947be63c52da7589379515d4e0a604f8141781"
        + "e62294721166bf621e73a82cbf2342c858eeac00000000",
        txid="0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098",
        siblings=(),
        root="0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098",
    ),
    Block(
        height=170,
        hash="00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee",
        previous="000000002a22cfee1f2c846adbd12b3e183d4f97683f85dad08a79780a84bd55",
        time=1231731025,
        nbits=0x1D00FFFF,
        nonce=1889418792,
        coinbase=_COINBASE_INPUT
        + "0704ffff001d0102ffffffff01"
        + _FIFTY
        + "434104d46c4968bde02899d2aa0963367c7a6ce34eec332b32e42e5f3407e052d64ac625da6f0718e7b302140434bd7257"
        + "06957c092db53805b821a85b23a7ac61725bac00000000",
        txid="b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082",
        siblings=("f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16",),
        root="7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff",
    ),
    Block(
        height=100_000,
        hash="000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506",
        previous="000000000002d01c1fccc21636b607dfd930d31d01c3a62104612a1719011250",
        time=1293623863,
        nbits=0x1B04864C,
        nonce=274148111,
        coinbase=_COINBASE_INPUT
        + "08044c86041b020602ffffffff01"
        + _FIFTY
        + "4341041b0e8c2567c12536aa13357b79a073dc4444acb83c4ec7a0e2f99dd7457516c5817242da796924ca4e99947d087f"
        + "edf9ce467cb9f7c6287078f801df276fdf84ac00000000",
        txid="8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
        siblings=(
            "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
            _BLOCK_100_000_PAIR[::-1].hex(),
        ),
        root="f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766",
    ),
]


def displayed(digest: bytes) -> str:
    return digest[::-1].hex()


def prepared(twin: ModuleType, block: Block, start: int, size: int) -> tuple[Any, bytes]:
    """Return the block's job with the hole cut out of its coinbase, and the bytes that were in the hole."""
    coinbase = bytes.fromhex(block.coinbase)
    job = twin.PreparedJob(
        coinb1=coinbase[:start],
        coinb2=coinbase[start + size :],
        extranonce_size=size,
        branches=[bytes.fromhex(sibling)[::-1] for sibling in block.siblings],
        version=1,
        prevhash=bytes.fromhex(block.previous)[::-1],
        nbits=block.nbits,
    )
    return job, coinbase[start : start + size]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"block-{block.height}")
def test_block_of_the_main_chain(twin: ModuleType, block: Block) -> None:
    job, extranonce = prepared(twin, block, start=58, size=8)
    assert displayed(twin.sha256d(job.coinbase(extranonce))) == block.txid
    assert displayed(job.merkle_root(extranonce)) == block.root
    assert displayed(twin.sha256d(job.header(extranonce, block.time, block.nonce, 1))) == block.hash
    assert displayed(job.share_hash(extranonce, block.time, block.nonce, 1)) == block.hash


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"block-{block.height}")
def test_miner_finds_the_block_again(twin: ModuleType, block: Block) -> None:
    job, extranonce = prepared(twin, block, start=58, size=8)
    difficulty_one = twin.Target(0xFFFF << 208)
    found = job.search(extranonce, block.time, 1, block.nonce - 300, 700, difficulty_one)
    assert found == block.nonce


@given(start=st.integers(0, 204), size=st.integers(0, 32))
def test_genesis_block_wherever_its_coinbase_is_cut(twin: ModuleType, start: int, size: int) -> None:
    genesis = BLOCKS[0]
    job, extranonce = prepared(twin, genesis, start, min(size, len(genesis.coinbase) // 2 - start))
    assert displayed(job.share_hash(extranonce, genesis.time, genesis.nonce, 1)) == genesis.hash


def test_header_of_block_125552(twin: ModuleType) -> None:
    header = (
        "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1e"
        "b942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695"
    )
    known = "00000000000000001e8d6829a8a21adc5d38d0a473b144b6765798e61f98bd1d"
    assert displayed(twin.sha256d(bytes.fromhex(header))) == known


SHARES: list[dict[str, Any]] = json.loads(VECTORS.read_text())


@pytest.mark.parametrize("share", SHARES, ids=lambda share: str(share["name"]))
def test_recorded_share(twin: ModuleType, share: dict[str, Any]) -> None:
    _, swapped, coinb1, coinb2, branches, version, nbits, _, _ = share["notify"]
    words = bytes.fromhex(swapped)
    job = twin.PreparedJob(
        bytes.fromhex(coinb1),
        bytes.fromhex(coinb2),
        15,
        [bytes.fromhex(branch) for branch in branches],
        int(version, 16),
        b"".join(words[i : i + 4][::-1] for i in range(0, 32, 4)),
        int(nbits, 16),
    )
    extranonce = bytes.fromhex(share["extranonce1"] + share["extranonce2"])
    rolled = int(share["computed"]["version"], 16)
    ntime, nonce = int(share["ntime"], 16), int(share["nonce"], 16)
    computed = share["computed"]
    assert len(job.coinbase(extranonce)) == computed["coinbase_len"]
    assert displayed(twin.sha256d(job.coinbase(extranonce))) == computed["coinbase_txid"]
    assert job.merkle_root(extranonce).hex() == computed["merkle_root_internal"]
    assert job.header(extranonce, ntime, nonce, rolled).hex() == computed["header"]
    digest = job.share_hash(extranonce, ntime, nonce, rolled)
    assert displayed(digest) == share["expect"]["hash"]
    assert twin.Target(int((0xFFFF << 208) / computed["share_diff"] * (1 + 1e-9))).met_by(digest)
    assert not twin.Target(int((0xFFFF << 208) / computed["share_diff"] * (1 - 1e-9))).met_by(digest)
