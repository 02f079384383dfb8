"""The commands as a user types them: mistakes get sentences, a killed run goes on, tables repeat to the byte."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import offline_bench
from offline_bench.runs.store import read_records
from tests.conftest import MEDIUM

pytestmark = pytest.mark.slow

SMALL = "batch_size=32, hidden_units=[16, 16]"
SUITE = f"""
title = "A small suite"
[[grids]]
datasets = ["{MEDIUM}"]
algorithms = ["bc({SMALL})", "td3-plus-bc({SMALL})"]
relabelings = ["original", "zero"]
seeds = [0, 1]
steps = 60
episodes = 2
curve = [30]
"""
BROKEN = """
import numpy as np, offline_bench as ob
@ob.relabelings.register("nothing-but-nan")
def bad(data, rng):
    return np.full(data.n, np.nan)
@ob.relabelings.register("vandal")
def vandal(data, rng):
    data.true_rewards[0] = 9.0
    return data.true_rewards
@ob.relabelings.register("short")
def short(data, rng):
    return data.true_rewards[:-1]
"""


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "offline_bench.cli", *arguments]


def call(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OFFLINE_BENCH_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command(home, *arguments), env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def suite(small_home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "small" / "suite.toml"
    path.parent.mkdir()
    path.write_text(SUITE)
    return path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["reproduce", "quik"], "unknown suite 'quik'"),
        (["list", "relabeling"], "did you mean relabelings"),
        (["run", "--dataset", "offline-bench/hopper/medum-v0", "--algorithm", "bc"], "offline-bench/hopper/medium-v0"),
        (["run", "--dataset", MEDIUM, "--algorithm", "icl"], "did you mean iql"),
        (["run", "--dataset", MEDIUM, "--algorithm", "iql(expectil=0.9)"], "did you mean expectile"),
        (["run", "--dataset", MEDIUM, "--algorithm", "bc", "--relabeling", "random(low=0 high=1)"], "^"),
        (["run", "--dataset", MEDIUM, "--algorithm", "bc", "--relabeling", "constant"], "write constant(value=...)"),
        (["run", "--dataset", "../../etc", "--algorithm", "bc"], "../../etc"),
        (["run", "--dataset", MEDIUM, "--algorithm", "bc", "--steps", "0"], "steps must be a whole number from 1"),
        (["run", "--dataset", MEDIUM, "--algorithm", "bc", "--seed", "-1"], "seeds must be a list of whole numbers"),
        (
            ["run", "--dataset", MEDIUM, "--algorithm", "bc", "--seed", "0,1,2"],
            "repeat the option with one number each",
        ),
        (
            ["run", "--dataset", MEDIUM, "--algorithm", "bc", "--steps", "10", "--curve", "20"],
            "curve has step 20, but training ends at step 10",
        ),
        (
            ["run", "--dataset", MEDIUM, "--algorithm", "bc", "--seed", str(2**63)],
            "seeds must be a list of whole numbers below 2**63",
        ),
        (
            ["run", "--dataset", MEDIUM, "--algorithm", "bc", "--device", "gpu"],
            "device is cpu, cuda, cuda+tf32, not 'gpu'",
        ),
        (
            ["run", "--dataset", MEDIUM, "--algorithm", "bc(trainer='jax')"],
            "trainer is 'stacked' or 'd3rlpy', not 'jax'",
        ),
        (["run", "--dataset", MEDIUM, "--algorithm", "bc(gamma=2)"], "unknown parameter of bc 'gamma'"),
        (["run", "--dataset", MEDIUM, "--algorithm", "iql(gamma=2)"], "gamma of iql must be between 0 and 1"),
        (["--plugin", "no_such_file.py", "list", "suites"], "no_such_file.py"),
        (["datasets", "build", "offline-bench/hopper/hard-v0"], "unknown built-in dataset"),
        (["check", "relabeling", "zer"], "did you mean zero"),
        (["check", "algorithm", "iqk"], "did you mean iql"),
        (["check", "algorithm", "planning"], "refused every sample dataset"),
        (["audit"], "give --dataset ID or --algorithm SPEC"),
        (["audit", "--dataset", MEDIUM, "--algorithm", "bc"], "give --dataset ID or --algorithm SPEC"),
        (["audit", "--dataset", MEDIUM, "--budget", "hours"], "did you mean hour"),
        (["audit", "--dataset", "nobody/nothing-v0"], "nobody/nothing-v0"),
        (["audit", "--algorithm", "iql", "--suite", "coverag"], "unknown suite 'coverag'"),
    ],
)
def test_a_mistake_gets_a_sentence_and_never_a_traceback(small_home: Path, arguments: list[str], told: str) -> None:
    shown = call(small_home, *arguments, *(["--results", "/dev/null/x"] if arguments[0] == "run" else []))
    assert shown.returncode == 2
    assert shown.stderr.startswith("error: ")
    assert told in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize(
    ("scheme", "told"),
    [
        ("nothing-but-nan", "returned nan at row 0"),
        ("vandal", "tried to write into the data"),
        ("short", "returned shape"),
    ],
)
def test_a_broken_relabeling_is_refused_before_training(
    small_home: Path, tmp_path: Path, scheme: str, told: str
) -> None:
    plugin = tmp_path / "schemes.py"
    plugin.write_text(BROKEN)
    arguments = ["run", "--dataset", MEDIUM, "--algorithm", f"bc({SMALL})", "--relabeling", scheme]
    shown = call(small_home, "--plugin", str(plugin), *arguments, "--results", str(tmp_path / "out"))
    assert shown.returncode == 2
    assert scheme in shown.stderr
    assert told in shown.stderr
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("device", ["cuda", "cuda+tf32"])
@pytest.mark.parametrize("algorithm", [f"bc({SMALL})", f"bc({SMALL}, trainer='d3rlpy')"])
def test_a_device_that_is_not_there_is_told_before_anything_is_written(
    small_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, algorithm: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    before = sorted(small_home.rglob("*"))
    # A dataset that would have to be built first: not even that is begun.
    arguments = ["run", "--dataset", "offline-bench/hopper/medium-replay-v0", "--algorithm", algorithm]
    shown = call(small_home, *arguments, "--device", device, "--results", str(tmp_path / "out"))
    assert shown.returncode == 2
    assert shown.stderr.startswith(f"error: device {device}: torch ")
    assert shown.stderr.rstrip().endswith("finds no CUDA device here. Leave out --device.")
    assert not (tmp_path / "out").exists()
    assert sorted(small_home.rglob("*")) == before


def test_an_unwritable_results_folder_stops_before_training(small_home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    arguments = ["run", "--dataset", MEDIUM, "--algorithm", f"bc({SMALL})", "--results", str(tmp_path / "file" / "out")]
    shown = call(small_home, *arguments)
    assert shown.returncode == 2
    assert "cannot write" in shown.stderr
    assert "Traceback" not in shown.stderr


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_suite_loses_only_what_was_in_flight_and_goes_on(
    small_home: Path, suite: Path, tmp_path: Path, how: signal.Signals
) -> None:
    # The slab of td3-plus-bc is under way for long after that of bc is done, however the two are scheduled.
    long, short = (SUITE.replace("steps = 60", f"steps = {steps}") for steps in (6000, 1500))
    both = short.replace(f', "td3-plus-bc({SMALL})"', "") + long[long.index("[[grids]]") :]
    suite.write_text(both.replace(f'"bc({SMALL})", ', ""))
    folder = tmp_path / "out"
    arguments = ["reproduce", str(suite), "--results", str(folder)]
    environment = {**os.environ, "OFFLINE_BENCH_HOME": str(small_home), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(command(small_home, *arguments), env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 400
    # The records of a slab, all of them: a kill between two would leave a third half written.
    while len(list(folder.rglob("*.json"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    children = workers_of(process.pid)
    process.send_signal(how)
    _, told = process.communicate(timeout=30)
    assert how is signal.SIGKILL or "Run the same command again" in told
    time.sleep(2.0)
    assert children
    assert not [child for child in children if alive(child)]
    saved = {path: path.read_bytes() for path in folder.rglob("*.json")}
    assert 4 <= len(saved) < 8
    assert not list(folder.rglob("*.scratch"))

    assert call(small_home, *arguments).returncode == 0
    assert len(read_records(folder).records) == 8
    assert all(path.read_bytes() == content for path, content in saved.items())


def test_a_suite_done_twice_is_the_same_to_the_bit_and_so_are_its_tables(
    small_home: Path, suite: Path, tmp_path: Path
) -> None:
    for name, workers in (("one", "2"), ("two", "0")):
        shown = call(small_home, "reproduce", str(suite), "--results", str(tmp_path / name), "--workers", workers)
        assert shown.returncode == 0, shown.stderr
    one, two = (read_records(tmp_path / name).records for name in ("one", "two"))
    assert [(r.run, r.returns, r.fingerprints) for r in one] == [(r.run, r.returns, r.fingerprints) for r in two]
    tables = ("leaderboard.md", "leaderboard.csv", "README.md")
    before = {name: (tmp_path / "one" / name).read_bytes() for name in tables}
    assert call(small_home, "report", str(suite), "--results", str(tmp_path / "one")).returncode == 0
    assert {name: (tmp_path / "one" / name).read_bytes() for name in tables} == before

    published = call(small_home, "publish", str(suite), "--results", str(tmp_path / "one"))
    assert published.returncode == 0, published.stderr
    assert (suite.parent / "leaderboard.csv").read_bytes() == before["leaderboard.csv"]
    compared = call(small_home, "reproduce", str(suite), "--results", str(tmp_path / "two"))
    assert "8 of 8 runs equal the committed ones to the bit" in compared.stdout


def test_an_unfinished_suite_is_published_in_part_and_gone_on_with(
    small_home: Path, suite: Path, tmp_path: Path
) -> None:
    part = ["--only", "algorithm=bc"]
    assert call(small_home, "reproduce", str(suite), "--results", str(tmp_path / "one"), *part).returncode == 0
    refused = call(small_home, "publish", str(suite), "--results", str(tmp_path / "one"))
    assert refused.returncode == 2 and "only a finished suite is published" in refused.stderr
    suite.write_text("unfinished = true\n" + suite.read_text())
    assert call(small_home, "publish", str(suite), "--results", str(tmp_path / "one")).returncode == 0
    assert "**Not finished: 4 of 8 runs have a record.**" in (suite.parent / "README.md").read_text()
    went_on = call(small_home, "reproduce", str(suite), "--results", str(tmp_path / "two"))
    assert f"going on from the records in {suite.parent}" in went_on.stdout
    assert "4 of 8 runs are done" in went_on.stdout
    assert "Not finished" not in (tmp_path / "two" / "README.md").read_text()


def test_bc_scores_the_same_under_every_reward_in_a_real_suite(small_home: Path, suite: Path, tmp_path: Path) -> None:
    assert call(small_home, "reproduce", str(suite), "--results", str(tmp_path / "out")).returncode == 0
    records = read_records(tmp_path / "out").records
    weights = {(r.run.seed, r.fingerprints["policy"]) for r in records if r.run.algorithm.startswith("bc")}
    others = {r.fingerprints["policy"] for r in records if not r.run.algorithm.startswith("bc")}
    assert len(weights) == 2
    assert len(others) == 4


def test_status_tells_what_is_done_and_what_is_not(small_home: Path, suite: Path, tmp_path: Path) -> None:
    shown = call(small_home, "status", str(suite), "--results", str(tmp_path / "none"))
    assert "8 of 8 to do" in shown.stdout


def test_a_plugin_scheme_from_the_readme_runs(small_home: Path, tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    start = readme.index("@ob.relabelings.register", readme.index("## Add a reward"))
    plugin = tmp_path / "my_schemes.py"
    imports = "import numpy as np\nimport offline_bench as ob\n\n"
    plugin.write_text(imports + readme[start : readme.index("```", start)])
    assert call(small_home, "--plugin", str(plugin), "check", "relabeling", "my-reward(scale=0.25)").returncode == 0
    arguments = ["run", "--dataset", MEDIUM, "--algorithm", f"bc({SMALL})", "--relabeling", "my-reward(scale=0.25)"]
    budget = ["--steps", "20", "--episodes", "1", "--results", str(tmp_path / "out")]
    shown = call(small_home, "--plugin", str(plugin), *arguments, *budget)
    assert shown.returncode == 0, shown.stderr
    assert "my-reward(scale=0.25)" in shown.stdout


def test_a_truncated_record_is_named_and_the_rest_still_makes_the_tables(
    small_home: Path, suite: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    assert call(small_home, "reproduce", str(suite), "--results", str(folder)).returncode == 0
    victim = min(folder.rglob("*.json"))
    victim.write_bytes(victim.read_bytes()[:100])
    shown = call(small_home, "report", str(suite), "--results", str(folder))
    assert shown.returncode == 0
    assert str(victim) in shown.stderr
    page = (folder / "README.md").read_text()
    assert victim.name in page
    assert str(tmp_path) not in page
    assert "7 of 8 runs ended well; the others: 1 missing." in page
    assert "1 of 8 to do" in call(small_home, "status", str(suite), "--results", str(folder)).stdout


def test_the_package_runs_as_a_module_and_says_its_version(small_home: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "offline_bench", "--version"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"offline-bench {offline_bench.__version__}\n"
    assert call(small_home, "--version").stdout == shown.stdout


def test_list_without_a_family_names_the_families(small_home: Path) -> None:
    shown = call(small_home, "list")
    assert shown.returncode == 0, shown.stderr
    named = [line.split(" (")[0] for line in shown.stdout.splitlines() if not line.startswith(" ")]
    assert named == ["datasets", "relabelings", "curations", "algorithms", "suites"]
    for family in named:
        assert len(call(small_home, "list", family).stdout.splitlines()) // 2 == int(
            shown.stdout.split(f"{family} (")[1].split(")")[0]
        )


def test_list_datasets_shows_the_minari_sets_of_this_machine_too(small_home: Path, tmp_path: Path) -> None:
    shutil.copytree(small_home / "datasets" / "cache" / MEDIUM, tmp_path / "lab" / "own-v3")
    environment = {**os.environ, "OFFLINE_BENCH_HOME": str(small_home), "MINARI_DATASETS_PATH": str(tmp_path)}
    shown = subprocess.run(
        command(small_home, "list", "datasets"), env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert f"lab/own-v3\n    a Minari set in {tmp_path / 'lab' / 'own-v3'}\n" in shown
    assert shown.count(f"\n{MEDIUM}\n") == 1


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("offline-bench status surv", "survival"),
        ("offline-bench list al", "algorithms"),
        ("offline-bench run --relabeling neg", "negative"),
        ("offline-bench run --algorithm td3-", "td3-plus-bc"),
    ],
)
def test_a_shell_completes_names(words: str, completed: str) -> None:
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    environment = {**os.environ, **asked, "_OFFLINE_BENCH_COMPLETE": "complete_bash"}
    script = "import sys; sys.argv[0] = 'offline-bench'; from offline_bench.cli import main; main()"
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert shown.stdout.split() == [completed]


def test_a_suite_is_done_in_parts_and_each_part_stays_as_it_was(small_home: Path, suite: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["reproduce", str(suite), "--results", str(out), "--workers", "0"]
    told = call(small_home, *arguments, "--only", "algorithm=bc", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "0 of 4 runs are done" in told.stdout
    assert "| bc        |    4 |    0 |" in told.stdout
    assert "td3-plus-bc" not in told.stdout
    assert not out.exists()

    assert call(small_home, *arguments, "--only", "algorithm=bc", "--only", "seed=1").returncode == 0
    part = {path: path.read_bytes() for path in out.rglob("*.json")}
    assert len(part) == 2
    assert all("bc(" in path.read_text() and '"seed":1' in path.read_text().replace(" ", "") for path in part)

    whole = call(small_home, *arguments)
    assert "2 of 8 runs are done" in whole.stdout
    assert len(list(out.rglob("*.json"))) == 8
    assert {path: path.read_bytes() for path in part} == part


def test_a_part_that_is_none_is_refused_with_what_there_is(small_home: Path, suite: Path, tmp_path: Path) -> None:
    for more in ([], ["--dry-run"]):
        shown = call(
            small_home, "reproduce", str(suite), "--results", str(tmp_path / "out"), "--only", "algorithm=iql", *more
        )
        assert shown.returncode == 2
        assert shown.stderr.startswith(
            "error: --only algorithm=iql: no run has this algorithm. The suite has bc, td3-plus-bc"
        )
