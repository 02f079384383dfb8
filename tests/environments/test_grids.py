"""The grids: they act as their models say, and their datasets hold what could have happened."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from offline_bench.behaviors import behaviors
from offline_bench.behaviors.collect import find_recipe, write_collected
from offline_bench.core.errors import EnvironmentMismatchError, SpecError
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import load
from offline_bench.data.loaders.cards import load_cards
from offline_bench.environments.layout import MOVES, STAY, Layout
from offline_bench.environments.make import find_model, make_environment
from offline_bench.environments.model import TabularModel
from offline_bench.environments.name import find_spec
from offline_bench.evaluation.exact import optimal_return, uniform_return
from offline_bench.evaluation.rollout import roll_out

GRID = "offline_bench/SurvivalGrid-v0"
CORRIDOR = "offline_bench/CoinCorridor-v0"
MOVED = "offline_bench/CoinCorridor-Moved-v0"
TABULAR = [GRID, CORRIDOR, MOVED]
CUT = "offline-bench/survival-grid/cut-v0"
LAVA = "offline-bench/survival-grid/lava-v0"
RIGHT = "offline-bench/coin-corridor/right-v0"


def model_of(environment: str) -> TabularModel:
    model = find_model(environment)
    assert model is not None
    return model


def outcome(model: TabularModel, state: int, action: int, onto: int) -> int:
    """Which outcome of the action leads there; fails where none can."""
    (places,) = np.nonzero((model.successors[state, action] == onto) & (model.probabilities[state, action] > 0))
    assert len(places) == 1
    return int(places[0])


@pytest.mark.parametrize("environment", TABULAR)
def test_gymnasium_finds_nothing_to_say_about_the_environments(environment: str) -> None:
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make_environment(environment).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("environment", TABULAR)
def test_the_clock_of_the_environment_is_that_of_the_model(environment: str) -> None:
    assert find_spec(environment).max_episode_steps == model_of(environment).horizon


@pytest.mark.parametrize("environment", TABULAR)
def test_every_step_of_a_roll_out_is_one_that_the_model_has_with_its_reward_and_end(environment: str) -> None:
    model, rng = model_of(environment), np.random.default_rng(0)
    for episode in roll_out(lambda x: rng.integers(model.n_actions, size=len(x)), environment, range(40)):
        states = model.states_of(episode.observations)
        assert model.initial[states[0]] > 0
        for at, (state, action, onto) in enumerate(zip(states, episode.actions, states[1:], strict=False)):
            assert episode.rewards[at] == model.rewards[state, action, outcome(model, state, action, onto)]
        assert bool(model.terminal[states[-1]]) == episode.terminated
        assert not model.terminal[states[:-1]].any()


def test_outcomes_come_as_often_as_the_model_says() -> None:
    model, environment = model_of(GRID), make_environment(GRID).unwrapped
    start = int(model.initial.argmax())
    counts = np.zeros(model.successors.shape[2])
    for seed in range(3000):
        environment.reset(seed=seed)
        _, _, _, _, info = environment.step(1)
        counts[outcome(model, start, 1, info["state"])] += 1
    expected = model.probabilities[start, 1]
    assert expected.min() > 0
    assert (np.abs(counts / 3000 - expected) < 4 * np.sqrt(expected / 3000)).all()


@pytest.mark.parametrize("environment", TABULAR)
def test_the_same_seed_gives_the_same_episode_and_another_seed_another(environment: str) -> None:
    episodes = roll_out(lambda x: np.full(len(x), 1), environment, [5, 5, *range(6, 16)])
    shown = [episode.observations.tobytes() for episode in episodes]
    assert shown[0] == shown[1]
    assert len(set(shown)) > 2


def test_the_step_tells_which_events_took_place() -> None:
    environment = make_environment(GRID)
    environment.reset(seed=0)
    _, _, _, _, info = environment.step(4)
    assert (info["key"], info["lava"]) == (False, False)


def test_walking_on_a_layout_slips_to_the_sides_and_stops_at_the_edge() -> None:
    successors, probabilities = Layout(("...", "...")).walk(0.2)
    shares = dict(zip(successors[0, 1], probabilities[0, 1], strict=True))
    # From the upper left corner to the right: there, off the grid and so in place, or down.
    assert shares == pytest.approx({1: 0.8, 0: 0.1, 3: 0.1})
    assert probabilities.sum(axis=2) == pytest.approx(np.ones((6, len(MOVES))))
    assert (successors[:, STAY, 0] == np.arange(6)).all()


def test_moving_the_coin_changes_where_episodes_start_and_nothing_else() -> None:
    here, moved = model_of(CORRIDOR), model_of(MOVED)
    for name in ("observations", "successors", "probabilities", "rewards", "terminal"):
        assert np.array_equal(getattr(here, name), getattr(moved, name))
    coin_of = here.observations[:, here.observations.shape[1] // 2 :].argmax(axis=1)
    assert len(set(coin_of[here.initial > 0])) == 1
    assert len(set(coin_of[moved.initial > 0])) > 20
    assert not set(coin_of[here.initial > 0]) & set(coin_of[moved.initial > 0])


def test_a_model_that_contradicts_itself_is_refused() -> None:
    model = model_of(GRID)
    with pytest.raises(ValueError, match="sum to 1"):
        replace(model, probabilities=model.probabilities * 0.9)
    with pytest.raises(ValueError, match="distinct"):
        replace(model, observations=np.zeros_like(model.observations))
    with pytest.raises(ValueError, match="starts where it has ended"):
        replace(model, initial=model.terminal / model.terminal.sum())
    with pytest.raises(ValueError, match="belongs to no state"):
        model.states_of(np.zeros((1, model.n_states), np.float32))


@pytest.mark.parametrize("dataset", [CUT, LAVA, RIGHT])
def test_the_references_on_the_cards_are_the_exact_returns(dataset: str) -> None:
    task = load_cards()[dataset].task
    model = model_of(task.environment)
    assert task.expert_return == pytest.approx(optimal_return(model), abs=1e-12)
    assert task.random_return == pytest.approx(uniform_return(model), abs=1e-12)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("seek(event='kay')", SpecError, "did you mean key"),
        ("seek(event='key', avoid='lawa')", SpecError, "did you mean lava"),
        ("seek(event='key', noise=1.5)", SpecError, "noise must be a share"),
    ],
)
def test_a_behavior_that_cannot_be_says_why(text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        behaviors.bind(text)(GRID, np.random.default_rng(0))


def test_seeking_needs_a_model() -> None:
    with pytest.raises(EnvironmentMismatchError, match="CartPole-v1 shows no tabular model"):
        behaviors.bind("seek(event='key')")("CartPole-v1", np.random.default_rng(0))


def test_the_careful_way_to_the_key_is_longer_and_no_slip_on_it_is_the_end() -> None:
    model, ways = model_of(GRID), {}
    for careful in (False, True):
        act_in = behaviors.bind(f"seek(avoid='lava', careful={careful}, event='key')")(GRID, np.random.default_rng(0))
        state, way = int(model.initial.argmax()), []
        while not way or not model.events["key"][way[-1]].any():
            action = int(act_in(np.zeros(1), model.observations[[state]])[0])
            way.append((state, action))
            state = int(model.successors[state, action, model.probabilities[state, action].argmax()])
        ways[careful] = way
    assert len(ways[False]) == 8
    assert len(ways[True]) == 14
    assert any(model.events["lava"][step].any() for step in ways[False])
    assert not any(model.events["lava"][step].any() for step in ways[True])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """The three datasets at 1,500 transitions, by their recipes."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: cache)
        patch.setenv("MINARI_DATASETS_PATH", str(cache))
        for dataset in (CUT, LAVA, RIGHT):
            card = load_cards()[dataset]
            write_collected(card, replace(find_recipe(card), transitions=1500), dataset, lambda share: None)
        return {dataset: load(dataset) for dataset in (CUT, LAVA, RIGHT)}


@pytest.mark.slow
@pytest.mark.parametrize("dataset", [CUT, LAVA, RIGHT])
def test_every_transition_of_a_built_grid_is_one_of_the_model(built: dict[str, Dataset], dataset: str) -> None:
    data = built[dataset]
    model = model_of(data.environment)
    assert data.n == 1500
    assert data.actions.dtype == np.int64
    states, onto = model.states_of(data.observations), model.states_of(data.next_observations)
    for row in range(data.n):
        at = states[row], data.actions[row]
        assert data.true_rewards[row] == model.rewards[at][outcome(model, *at, onto[row])]
    assert np.array_equal(model.terminal[onto], data.terminals)


@pytest.mark.slow
def test_cut_data_never_shows_an_end_and_is_otherwise_what_was_seen(built: dict[str, Dataset]) -> None:
    cut, seen = built[CUT], built[LAVA]
    lava = model_of(GRID).terminal
    assert not cut.terminals.any()
    assert seen.terminals.any()
    assert not lava[model_of(GRID).states_of(cut.next_observations)].any()
    # Those of the first batch are the same episodes.
    some = 16
    ended = seen.terminals[seen.episode_ends[:some]]
    assert ended.any()
    assert np.array_equal(cut.lengths[:some], seen.lengths[:some] - ended)


@pytest.mark.slow
def test_the_coin_of_the_corridor_data_lies_always_in_one_place(built: dict[str, Dataset]) -> None:
    data = built[RIGHT]
    coin = data.observations[:, data.observations.shape[1] // 2 :]
    assert (coin == coin[0]).all()
    assert data.terminals[data.episode_ends].mean() > 0.9
