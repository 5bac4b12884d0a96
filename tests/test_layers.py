"""The parts of a network against plain formulas."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gram.models.layers import (
    Attention,
    Block,
    GroupMixer,
    PositionMixer,
    SwiGLU,
    relation_matrices,
    rms_norm,
)
from gram.tasks.sudoku.task import Sudoku

SUDOKU = Sudoku(4)
SPEC = SUDOKU.spec
B, L, D = 3, SPEC.length, 8


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_rms_norm():
    x = 3 * draw(B, L, D)
    expected = x / (x.pow(2).sum(-1, keepdim=True) / D + 1e-5).sqrt()
    torch.testing.assert_close(rms_norm(x), expected)
    assert rms_norm(x.bfloat16()).dtype == torch.bfloat16
    torch.testing.assert_close(rms_norm(x.bfloat16()).float(), expected, atol=0.02, rtol=0.02)


def test_swiglu():
    layer = SwiGLU(D, 5, 3)
    gate, up, down = draw(5, D, seed=1), draw(5, D, seed=2), draw(3, 5, seed=3)
    with torch.no_grad():
        layer.gate_up.weight.copy_(torch.cat([gate, up]))
        layer.down.weight.copy_(down)
    x = draw(B, L, D)
    g = x @ gate.T
    torch.testing.assert_close(layer(x), (g * torch.sigmoid(g) * (x @ up.T)) @ down.T)


def attention(rope: bool) -> Attention:
    layer = Attention(D, 2, L, rope)
    with torch.no_grad():
        layer.qkv.weight.copy_(draw(3 * D, D, seed=1))
        layer.out.weight.copy_(draw(D, D, seed=2))
    return layer


def test_rope_turns_pairs_by_their_position():
    layer, width = attention(rope=True), D // 2
    x = draw(B, 2, L, width)
    pairs = torch.complex(x[..., : width // 2], x[..., width // 2 :])
    angle = torch.arange(L)[:, None] * 10_000.0 ** (-2 * torch.arange(width // 2) / width)
    turned = pairs * torch.polar(torch.ones_like(angle), angle)
    torch.testing.assert_close(layer.rotate(x), torch.cat([turned.real, turned.imag], -1), atol=1e-5, rtol=1e-5)


def test_rope_sees_relative_positions_only():
    layer = attention(rope=True)
    q, k = (draw(D // 2, seed=s).expand(1, 1, L, D // 2) for s in (1, 2))
    scores = (layer.rotate(q) @ layer.rotate(k).transpose(-1, -2))[0, 0]
    for distance in range(-L + 1, L):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4, rtol=1e-4)
    assert scores[0].std() > 0.01  # and they do differ with the distance


@pytest.mark.parametrize("rope", [True, False])
def test_attention_is_that_of_torch(rope):
    layer, x = attention(rope), draw(B, L, D)
    q, k, v = (x @ layer.qkv.weight.T).view(B, L, 3, 2, D // 2).permute(2, 0, 3, 1, 4)
    if rope:
        q, k = layer.rotate(q), layer.rotate(k)
    mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, L, D)
    torch.testing.assert_close(layer(x), mixed @ layer.out.weight.T)


def test_attention_without_positions_commutes_with_permutations():
    x, order = draw(B, L, D), torch.randperm(L, generator=torch.Generator().manual_seed(0))
    for rope in (False, True):
        layer = attention(rope)
        assert torch.allclose(layer(x[:, order]), layer(x)[:, order], atol=1e-4) is not rope


def test_position_mixer_is_one_swiglu_for_every_channel():
    layer, x = PositionMixer(L, 5), draw(B, L, D)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(draw(*p.shape))
    mixed = layer(x)
    for d in range(D):
        torch.testing.assert_close(mixed[..., d], layer.mlp(x[..., d]))
    with torch.no_grad():  # sampling: weights on the left
        torch.testing.assert_close(layer(x), mixed)


def group_mixer() -> GroupMixer:
    layer = GroupMixer(D, 3, relation_matrices(SPEC))
    with torch.no_grad():
        layer.message_gate.weight.copy_(draw(2 * 3 * 3, D, seed=1))
        layer.out.weight.copy_(draw(D, 3 * 3, seed=2))
    return layer


def test_group_mixer_sums_over_the_peers_of_each_relation():
    layer, x = group_mixer(), draw(B, L, D)
    message, gate = (x @ layer.message_gate.weight.T).chunk(2, -1)
    received = torch.zeros(B, L, 9)
    for r, groups in enumerate(SPEC.relations):
        for group in groups:
            for i in group:
                peers = [j for j in group if j != i]
                received[:, i, 3 * r : 3 * r + 3] = message[:, peers, 3 * r : 3 * r + 3].sum(1) / math.sqrt(len(peers))
    torch.testing.assert_close(layer(x), (received * F.silu(gate)) @ layer.out.weight.T)


def symmetries() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Permutations of the cells that keep every relation, and some that do not (transposition swaps two of them)."""
    matrices = relation_matrices(SPEC)
    drawn = torch.from_numpy(SUDOKU.symmetry(np.random.default_rng(0), 20).positions)
    keeps = [bool((matrices[:, order][:, :, order] == matrices).all()) for order in drawn]
    return [o for o, k in zip(drawn, keeps, strict=True) if k], [o for o, k in zip(drawn, keeps, strict=True) if not k]


def test_group_mixer_commutes_with_the_symmetries_of_its_relations():
    kept, broken = symmetries()
    assert min(len(kept), len(broken)) > 3
    layer, x = group_mixer(), draw(B, L, D)
    for order in kept:
        torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order])
    for order in broken:
        assert not torch.allclose(layer(x[:, order]), layer(x)[:, order], atol=1e-3)


def test_block_is_post_norm():
    block, x = Block(attention(rope=True), D, 6), draw(B, L, D)
    with torch.no_grad():
        for p in block.mlp.parameters():
            p.copy_(draw(*p.shape))
    y = rms_norm(x + block.mixer(x))
    torch.testing.assert_close(block(x), rms_norm(y + block.mlp(y)))


S = len(SPEC.symbols)


def test_group_mixer_of_pairs_joins_groups_of_one_symbol_and_symbols_of_one_position():
    pairs = [tuple(tuple(i * S + s for i in group) for group in groups for s in range(S)) for groups in SPEC.relations]
    pairs.append(tuple(tuple(range(i * S, i * S + S)) for i in range(L)))
    plain = GroupMixer(D, 3, relation_matrices(replace(SPEC, relations=tuple(pairs), length=L * S)))
    layer = GroupMixer(D, 3, relation_matrices(SPEC), S)
    with torch.no_grad():
        for weight, other in zip(layer.parameters(), plain.parameters(), strict=True):
            weight.copy_(draw(*weight.shape))
            other.copy_(weight)
    x = draw(B, L * S, D, seed=1)
    torch.testing.assert_close(layer(x), plain(x))
