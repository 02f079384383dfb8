"""The terms of ATAC and PSPI against numbers worked out by hand, and one whole step of each on linear networks.

The linear example: state s of one number, actions of two, noise 0, and

    s, a, r, s', d   1, (½, ½), 1, 2, no      2, (0, 0), 2, 3, yes
    Q1 = s + a1      Q2 = 2s + 2 a2           Q̄1 = 4, Q̄2 = 2       γ = ½, τ = ¼
    π                mean 0, deviation 1 everywhere: ã = a' = (0, 0), log π = -log 2π over the two dimensions
"""

import math

import numpy as np
import pytest
import torch

from offline_bench.algorithms.library import import_d3rlpy

d3rlpy = import_d3rlpy()

from offline_bench.algorithms.native import ATACConfig, PSPIConfig, losses  # noqa: E402

ENTROPY = math.log(2 * math.pi)
BATCH = d3rlpy.dataset.TransitionMiniBatch(
    observations=np.float32([[1], [2]]),
    actions=np.float32([[0.5, 0.5], [0, 0]]),
    rewards=np.float32([[1], [2]]),
    next_observations=np.float32([[2], [3]]),
    next_actions=np.float32([[0, 0], [0, 0]]),
    terminals=np.float32([[0], [1]]),
    intervals=np.float32([[1], [1]]),
    transitions=[],
)


class Joined(torch.nn.Module):
    """No hidden layer: what enters is what the head sees. d3rlpy asks an encoder's parameters for its device."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x, action=None):
        return x if action is None else torch.cat([x, action], dim=1)


class NoLayers(d3rlpy.models.EncoderFactory):
    def create(self, observation_shape):
        return Joined()

    def create_with_action(self, observation_shape, action_size, discrete_action=False):
        return Joined()

    @staticmethod
    def get_type():
        return "no-layers"


def head(module, weight, bias):
    module.weight.data = torch.tensor(weight)
    module.bias.data = torch.tensor(bias)


@pytest.fixture
def linear(monkeypatch):
    monkeypatch.setattr(torch.distributions.Normal, "rsample", lambda self, shape=(): self.loc + 0.0)

    def build(config=ATACConfig, n_warm_start_steps=0, **settings):
        rates = ("actor", "warm_start_actor", "critic", "temp")
        sgd = {f"{name}_optim_factory": d3rlpy.optimizers.SGDFactory() for name in ("actor", "critic", "temp")}
        encoders = {f"{name}_encoder_factory": NoLayers() for name in ("actor", "critic")}
        numbers = {f"{name}_learning_rate": 0.1 for name in rates} | {"gamma": 0.5, "tau": 0.25}
        numbers |= {"initial_temperature": math.e, "n_warm_start_steps": n_warm_start_steps}
        atac = config(**(sgd | encoders | numbers | settings)).create()
        atac.create_impl((1,), 2)
        modules = atac.impl.modules
        head(modules.q_funcs[0]._fc, [[1.0, 1.0, 0.0]], [0.0])
        head(modules.q_funcs[1]._fc, [[2.0, 0.0, 2.0]], [0.0])
        head(modules.targ_q_funcs[0]._fc, [[0.0, 0.0, 0.0]], [4.0])
        head(modules.targ_q_funcs[1]._fc, [[0.0, 0.0, 0.0]], [2.0])
        head(modules.policy._mu, [[0.0], [0.0]], [0.0, 0.0])
        head(modules.policy._logstd, [[0.0], [0.0]], [0.0, 0.0])
        return atac

    return build


def close(tensor, numbers, tolerance=1e-5):
    return np.allclose(tensor.detach().numpy(), numbers, rtol=0, atol=tolerance)


def test_the_bounded_sum_has_no_coefficient_above_one() -> None:
    loss, regularizer = torch.tensor(3.0), torch.tensor(5.0)
    assert losses.bounded_sum(loss, regularizer, 0.25) == 3 + 0.25 * 5
    assert losses.bounded_sum(loss, regularizer, 1.0) == 8
    assert losses.bounded_sum(loss, regularizer, 4.0) == 3 / 4 + 5
    assert losses.bounded_sum(loss, regularizer, 0.0) == 3
    assert losses.bounded_sum(loss, regularizer, torch.tensor(4.0)) == 3 / 4 + 5


def test_the_backup_stops_at_terminals_and_at_the_bounds() -> None:
    rewards, values, terminals = (
        torch.tensor([[1.0], [2.0]]),
        torch.tensor([[[6.0], [8.0]]]),
        torch.tensor([[0.0], [1.0]]),
    )
    assert losses.backup(rewards, values, terminals, 0.5).tolist() == [[[4.0], [2.0]]]
    assert losses.backup(rewards, values, terminals, 0.5, (-1.0, 3.0)).tolist() == [[[3.0], [2.0]]]
    assert losses.backup(rewards, -values, terminals, 0.5, (-1.0, 3.0)).tolist() == [[[-1.0], [2.0]]]


def test_dqra_is_half_a_temporal_difference_and_half_a_residual_whose_both_sides_are_differentiated() -> None:
    values = torch.tensor([[[1.0], [3.0]], [[0.0], [0.0]]], requires_grad=True)
    backed_up = torch.tensor([[[2.0], [1.0]], [[4.0], [0.0]]], requires_grad=True)
    errors = losses.dqra(values, torch.tensor([[2.0], [5.0]]), backed_up)
    # Critic 1: ½·(1 + 4)/2 + ½·(1 + 4)/2; critic 2: ½·(4 + 25)/2 + ½·(16 + 0)/2.
    assert errors.tolist() == [2.5, 11.25]
    errors.sum().backward()
    # Half of each difference, of both parts on the left and of the residual alone, with the other sign, on the right.
    assert values.grad.flatten().tolist() == [-1.0, 0.0, -3.0, -2.5]
    assert backed_up.grad.flatten().tolist() == [0.5, -1.0, 2.0, 0.0]


def test_pessimism_lowers_the_policy_against_the_data_or_at_the_start() -> None:
    policy_values, data_values = torch.tensor([[[1.0], [4.0]]]), torch.tensor([[[3.0], [0.0]]])
    assert losses.relative_pessimism(policy_values, data_values).tolist() == [1.0]
    assert losses.initial_pessimism(policy_values).tolist() == [2.5]


def test_the_temperature_rises_where_entropy_is_below_its_target() -> None:
    for entropy, slope in ((-5.0, -3.0), (-1.0, 1.0)):
        log_temp = torch.full((1, 1), 0.5, requires_grad=True)
        loss = losses.temperature_loss(log_temp, torch.tensor(entropy, requires_grad=True), target=-2)
        loss.backward()
        assert loss.item() == 0.5 * slope
        assert log_temp.grad.item() == slope


def test_the_projection_scales_long_matrices_and_leaves_short_ones_and_biases() -> None:
    long, short, bias = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.3, 0.4]]), torch.tensor([30.0, 40.0])
    losses.project([long, short, bias], 1.0)
    assert close(long, [[0.6, 0.8]])
    assert close(short, [[0.3, 0.4]], 1e-7)
    assert close(bias, [30.0, 40.0], 0)


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [((1, 2), (0, 4)), ((0, 0), (-2, 0)), ((-3, -1), (-6, 0)), ((-1, 3), (-2, 6)), ((0.1, 0.2), (-1.6, 0.4))],
)
def test_value_bounds_hold_zero_and_one_unit_of_reward(rewards, expected) -> None:
    assert losses.value_bounds(rewards, 0.5) == pytest.approx(expected)


def test_one_step_of_atac_by_hand(linear) -> None:
    """y = (1 + ½·2, 2) = (2, 2).

    Q1: (3/2, 2) against (2, 2), residual target (1 + ½·2, 2) = (2, 2): E1 = 1/16 + 1/16; P1 = mean(1 - 3/2, 2 - 2).
    Q2: (3, 4) against (2, 2), residual target (1 + ½·4, 2) = (3, 2): E2 = 5/4 + 1; P2 = mean(2 - 3, 4 - 4).
    β = 4: P/4 + E.
    """
    atac = linear(beta=4.0)
    modules = atac.impl.modules
    metrics = atac.update(BATCH)
    assert metrics["bellman"] == pytest.approx((1 / 8 + 9 / 4) / 2)
    assert metrics["pessimism"] == pytest.approx((-1 / 4 - 1 / 2) / 2)
    assert metrics["critic_loss"] == pytest.approx(-1 / 16 + 1 / 8 - 1 / 8 + 9 / 4)

    # In (s, a1, a2, 1), Q1: pessimism (0, -1/16, -1/16, 0), difference (-1/4, -1/8, -1/8, -1/4), residual
    # ½·(-½)·[(1, ½, ½, 1) - ½(2, 0, 0, 1)] = (0, -1/8, -1/8, -1/8).
    critic = modules.q_funcs[0]._fc
    assert close(critic.weight.grad, [[-1 / 4, -5 / 16, -5 / 16]])
    assert close(critic.bias.grad, [-3 / 8])
    assert close(critic.weight, [[1.025, 1.03125, 0.03125]])
    assert close(critic.bias, [0.0375])
    # The target moves a quarter of the way to the updated critic.
    assert close(modules.targ_q_funcs[0]._fc.weight, [[1.025 / 4, 1.03125 / 4, 0.03125 / 4]])
    assert close(modules.targ_q_funcs[0]._fc.bias, [3 + 0.0375 / 4])

    # λ = 1 and H = log 2π, summed over the dimensions, against H* = -2.
    assert metrics["entropy"] == pytest.approx(ENTROPY)
    assert metrics["temp_loss"] == pytest.approx(ENTROPY + 2)
    alpha = math.exp(1 - 0.1 * (ENTROPY + 2))
    assert metrics["temp"] == pytest.approx(alpha)
    # α > 1; the updated Q1 at ã is 1.025 s + 0.0375, 1.575 in the mean.
    assert metrics["actor_loss"] == pytest.approx(-1.575 / alpha - ENTROPY)
    assert close(modules.policy._mu.bias, [0.103125 / alpha, 0.003125 / alpha])
    assert close(modules.policy._mu.weight, [[0.1546875 / alpha], [0.0046875 / alpha]])
    assert close(modules.policy._logstd.bias, [0.1, 0.1])


def test_below_one_beta_weighs_the_bellman_error(linear) -> None:
    assert linear(beta=0.5).update(BATCH)["critic_loss"] == pytest.approx(-1 / 4 + 1 / 16 - 1 / 2 + 9 / 8)


def test_one_step_of_pspi_by_hand(linear) -> None:
    """From s0 = 5: P1 = 5 and P2 = 10; E as for ATAC."""
    pspi = linear(PSPIConfig, beta=0.5, batch_size=3)
    pspi.observe(np.float32([[5]]), (1.0, 2.0))
    metrics = pspi.update(BATCH)
    assert metrics["pessimism"] == pytest.approx(7.5)
    assert metrics["critic_loss"] == pytest.approx(5 + 1 / 16 + 10 + 9 / 8)
    # Pessimism (5, 0, 0, 1) and half of (-1/4, -1/4, -1/4, -3/8).
    assert close(pspi.impl.modules.q_funcs[0]._fc.weight.grad, [[5 - 1 / 8, -1 / 8, -1 / 8]])
    assert close(pspi.impl.modules.q_funcs[0]._fc.bias.grad, [1 - 3 / 16])


def test_one_step_of_the_warm_start_by_hand(linear) -> None:
    """No pessimism; the actor descends N(-mean log π(a|s), -H; α)."""
    atac = linear(n_warm_start_steps=1, beta=4.0)
    metrics = atac.update(BATCH)
    assert metrics["pessimism"] == 0
    assert metrics["critic_loss"] == pytest.approx(1 / 8 + 9 / 4)
    # log π(a|s) = -log 2π - Σ(u²/2 + log(1 - a²)), u = atanh a, which the second row's a = 0 has not.
    u = math.atanh(0.5)
    log_likelihood = -ENTROPY - (u**2 / 2 + math.log(0.75))
    assert metrics["actor_loss"] == pytest.approx(-log_likelihood / metrics["temp"] - ENTROPY)
    # d log π / dμ = u in the first row, each dimension.
    assert close(atac.impl.modules.policy._mu.bias, [0.1 * u / 2 / metrics["temp"]] * 2)
    assert np.allclose(
        atac.impl.modules.targ_q_funcs[0]._fc.bias.item(), 3 + 0.25 * atac.impl.modules.q_funcs[0]._fc.bias.item()
    )


def test_data_actions_on_the_border_are_clipped_inside_the_logarithm(linear) -> None:
    border = d3rlpy.dataset.TransitionMiniBatch(**{**vars(BATCH), "actions": np.float32([[1, 0], [-1, 0]])})
    metrics = linear(n_warm_start_steps=1).update(border)
    u = math.atanh(1 - 1e-6)
    log_likelihood = -ENTROPY - (u**2 / 2 + math.log(1 - (1 - 1e-6) ** 2))
    assert metrics["actor_loss"] == pytest.approx(-log_likelihood / metrics["temp"] - ENTROPY, rel=0.01)


@pytest.mark.parametrize(("n_warm_start_steps", "config"), [(0, ATACConfig), (1, ATACConfig), (0, PSPIConfig)])
def test_no_gradient_reaches_what_a_step_must_not_move(linear, config, n_warm_start_steps) -> None:
    atac = linear(config, n_warm_start_steps, tau=0.0, actor_learning_rate=0.0, warm_start_actor_learning_rate=0.0)
    atac.observe(np.float32([[5]]), (1.0, 2.0))
    modules = atac.impl.modules
    atac.update(BATCH)
    assert all(p.grad is None for p in modules.targ_q_funcs.parameters())
    assert close(modules.targ_q_funcs[0]._fc.bias, [4.0], 0)
    assert close(modules.policy._mu.bias, [0.0, 0.0], 0)
    alone = linear(config, n_warm_start_steps, tau=0.0)
    alone.observe(np.float32([[5]]), (1.0, 2.0))
    # The actor's loss without the critic in it.
    alone.impl._first_value = lambda observations, actions: actions.sum(dim=1, keepdim=True)
    alone.update(BATCH)
    for critic, expected in zip(modules.q_funcs, alone.impl.modules.q_funcs, strict=True):
        assert torch.equal(critic._fc.weight.grad, expected._fc.weight.grad)
        assert torch.equal(critic._fc.bias.grad, expected._fc.bias.grad)


def test_every_step_projects_the_critics_before_the_targets_move(linear) -> None:
    for warm in (0, 1):
        atac = linear(n_warm_start_steps=warm, norm_bound=0.5, tau=1.0, critic_learning_rate=0.0)
        atac.impl.modules.q_funcs[0]._fc.bias.data.fill_(3.0)
        atac.update(BATCH)
        for critics in (atac.impl.modules.q_funcs, atac.impl.modules.targ_q_funcs):
            assert critics[0]._fc.weight.norm().item() == pytest.approx(0.5)
            assert critics[0]._fc.bias.item() == 3.0


def test_clipping_uses_the_scaled_rewards_the_dataset_holds(linear) -> None:
    flipped = d3rlpy.preprocessing.MultiplyRewardScaler(-1.0)
    atac = linear(clip_values=True, reward_scaler=flipped)
    with pytest.raises(ValueError, match="reward range of the dataset are not known"):
        atac.update(BATCH)
    atac.observe(np.float32([[5]]), (-3.0, 2.0))
    assert atac.impl._bounds == (-4.0, 6.0)
