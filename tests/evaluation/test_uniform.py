"""What acting at random is worth, measured: the same at every call, and near what is known of the task."""

import numpy as np

from offline_bench.evaluation.uniform import measure_random_returns


def test_it_repeats_and_more_episodes_extend_it() -> None:
    few, many = measure_random_returns("CartPole-v1", 5), measure_random_returns("CartPole-v1", 40)
    assert np.array_equal(few, many[:5])
    # Uniform actions keep the pole up for some twenty steps.
    assert 15.0 < many.mean() < 35.0
