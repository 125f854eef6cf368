"""``gauntlet run | crashpoints | fuzz | replay | promote | compare | sim | mutants | judge | show | list | acl | doctor``:
the suite of ``pytest scenarios/``, plans and mutants, and their record, from any directory."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.arguments import Backend, Gcs, Keyword, Long, Marked, Paths, RayletImage, RedisImage, Store
from harness.arguments import minutes as minutes_given
from harness.arguments import workers as workers_given
from harness.choices import chosen, in_project
from harness.process.grpc_log import errors_only
from harness.show import show

ROOT = Path(__file__).parents[1]
SCENARIOS = ROOT / "scenarios"

_SHOWING = ("--progress", "auto", "-o", "console_output_style=classic")
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
USAGE_STATUS = 4
"""Of a command line that cannot be understood, as pytest's own. 2, which typer would exit with, is inconclusive."""
next(one for one in typer.BadParameter.__mro__ if one.__name__ == "UsageError").exit_code = USAGE_STATUS  # type: ignore[attr-defined]


def pytest_command(options: Sequence[str], paths: Sequence[str]) -> list[str]:
    """How pytest is called, wherever the package lies and whatever directory we are in.

    A path that does not exist from here is looked for below ``scenarios/``.
    """
    settings = ["-p", "harness.plugin", "--rootdir", str(ROOT), "--import-mode=importlib"]
    settings += ["-o", "timeout=120", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
    project = ROOT / "pyproject.toml"
    settings += ["-c", str(project)] if project.exists() else []
    return [sys.executable, "-m", "pytest", *settings, *options, *(_found(path) for path in paths or [""])]


def _found(path: str) -> str:
    name, separator, rest = path.partition("::")
    place = Path(name) if name and Path(name).exists() else SCENARIOS / name.removeprefix("scenarios/")
    return f"{place}{separator}{rest}"


def _given(**options: str | None) -> list[str]:
    return [word for name, value in options.items() if value is not None for word in (name, value)]


@app.command()
def run(
    gcs: Gcs = None,
    store: Store = None,
    backend: Backend = None,
    redis_image: RedisImage = None,
    raylet_image: RayletImage = None,
    workers: Annotated[str | None, typer.Option("-n", metavar="N", callback=workers_given, help="Scenarios at once (pytest-xdist).")] = None,
    keyword: Keyword = None,
    marked: Marked = None,
    long: Long = False,
    junitxml: Annotated[str | None, typer.Option("--junitxml", metavar="FILE", help="Write JUnit XML.")] = None,
    runs: Annotated[str, typer.Option("--run-dir", metavar="DIR", help="Where each run's folder goes.")] = "runs",
    expectations: Annotated[str | None, typer.Option("--expectations", metavar="FILE", help="Known breakages.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the clusters' directories and logs.")] = False,
    update: Annotated[bool, typer.Option("--update-expectations", help="Run what fails five times and rewrite the target's file of known breakages.")] = False,
    paths: Paths = None,
) -> None:  # fmt: skip
    """Judge a GCS. Exit status: 0 conforms, 1 broken, 2 inconclusive, 3 environment."""
    options = _given(**{"--gcs": gcs, "--store": store, "-n": workers, "-k": keyword, "-m": marked})
    options += _given(**{"--backend": backend, "--redis-image": redis_image, "--raylet-image": raylet_image})
    options += [name for name, on in (("--long", long), ("--keep", keep)) if on]
    if update:
        _update(options, paths or [], gcs, expectations)
    options += _given(**{"--junitxml": junitxml, "--expectations": expectations})
    _become(options, paths or [], runs)


def _become(options: Sequence[str], paths: Sequence[str], runs: str) -> NoReturn:
    """Turn into the pytest that does it."""
    command = pytest_command([*_SHOWING, "--run-dir", str(Path(runs).absolute()), *options], paths)
    sys.stdout.flush()
    os.execv(command[0], command)


def _update(options: Sequence[str], paths: Sequence[str], gcs: str | None, known: str | None) -> NoReturn:
    from harness.expecting import update

    found = _choose("--gcs", gcs)
    raise typer.Exit(
        update(lambda more, which: pytest_command([*_SHOWING, *more], which), options, paths, found, known)
    )


@app.command()
def crashpoints(
    gcs: Gcs = None,
    store: Store = None,
    backend: Backend = None,
    redis_image: RedisImage = None,
    raylet_image: RayletImage = None,
    workers: Annotated[str, typer.Option("-n", metavar="N", callback=workers_given, help="Points at once.")] = "4",
    only: Annotated[list[str] | None, typer.Option("--only", metavar="RPC", help="Only this RPC or flow; may be given again.")] = None,
    point: Annotated[list[str] | None, typer.Option("--point", metavar="ID", help="Only this point, like RegisterActor:2:kill-before.")] = None,
    runs: Annotated[str, typer.Option("--run-dir", metavar="DIR", help="Where each run's folder goes.")] = "runs",
    expectations: Annotated[str | None, typer.Option("--expectations", metavar="FILE", help="Known breakages, or none.")] = None,
    update: Annotated[bool, typer.Option("--update-expectations", help="Run what fails five times and rewrite the target's file of known breakages.")] = False,
) -> None:  # fmt: skip
    """Crash a GCS at every store command of every request, flow and recovery, in every way."""
    options = _given(**{"--gcs": gcs, "--store": store, "-n": "0" if point else workers})
    options += ["--crash-points", "all"]
    options += _given(**{"--backend": backend, "--redis-image": redis_image, "--raylet-image": raylet_image})
    options += [word for one in only or [] for word in ("--only", one)]
    options += [word for one in point or [] for word in ("--point", one)]
    paths = ["test_crash_points.py"]
    if update:
        _update(options, paths, gcs, expectations)
    _become([*options, *_given(**{"--expectations": expectations})], paths, runs)


@app.command()
def mutants(
    names: Annotated[list[str] | None, typer.Argument(help="Mutants by name; default: all.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Only say which there are.")] = False,
    every: Annotated[bool, typer.Option("--all-scenarios", help="On all scenarios, not only on those chosen for each.")] = False,
    points: Annotated[bool, typer.Option("--crash-points", help="At all crash points.")] = False,
    sound: Annotated[bool, typer.Option("--sound", help="The reference without a fault, too, which must pass (with --fuzz always).")] = False,
    fuzz: Annotated[bool, typer.Option("--fuzz", help="With the fuzzer alone: how many plans until each is found.")] = False,
    checks: Annotated[bool, typer.Option("--checks", help="Only that each check is broken by its mutant, on each engine that it judges.")] = False,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", help="With --fuzz: campaigns for each.")] = 20,
    plans: Annotated[int, typer.Option("--plans", metavar="P", help="With --fuzz: plans in a campaign, at most.")] = 200,
    real: Annotated[int, typer.Option("--real", metavar="P", help="With --fuzz: plans on real processes, at most, for each that is not simulated; 0: none.")] = 40,
    write: Annotated[bool, typer.Option("--write", help="With --fuzz: rewrite the tables of reference_gcs/mutants/DETECTION.md.")] = False,
    backend: Backend = None,
    workers: Annotated[str | None, typer.Option("-n", metavar="N", callback=workers_given, help="Scenarios (pytest-xdist), or with --fuzz mutants, at once.")] = None,
    runs: Annotated[str, typer.Option("--run-dir", metavar="DIR", help="Where the folder of all their runs goes.")] = "runs",
) -> None:  # fmt: skip
    """Try the suite on broken variants of the reference: each must be found broken. Exit status: 1 if one survives."""
    from harness.mutants import choosing, fuzzing, proofs, suite

    if listing:
        choosing.listed()
    elif checks and (names or fuzz or every or points or sound):
        print("gauntlet: --checks knows its mutants and their cases itself", file=sys.stderr)
        raise typer.Exit(3)
    elif checks:
        raise typer.Exit(proofs.check_all(_given(**{"--backend": backend, "-n": workers}), Path(runs)))
    elif fuzz and (every or points or backend):
        print("gauntlet: --fuzz runs no scenarios, no crash points and no containers", file=sys.stderr)
        raise typer.Exit(3)
    elif fuzz:
        raise typer.Exit(fuzzing.fuzz(names or [], seeds, plans, real, workers or "2", write, Path(runs)))
    else:
        options = _given(**{"--backend": backend, "-n": workers})
        raise typer.Exit(suite.mutants(names or [], options, every, points, sound, Path(runs)))


@app.command()
def sim(
    minutes: Annotated[float, typer.Option("--minutes", metavar="M", callback=minutes_given, help="How long.")] = 1.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed draws the same plans.")] = 0,
    mutant: Annotated[str | None, typer.Option("--mutant", metavar="NAME", help="Of this broken variant of the reference.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Say which lines and branches of the core it reaches instead.")] = False,
    replay: Annotated[bool, typer.Option("--replay/--no-replay", help="Carry out the plan of a failure on real processes, too.")] = True,
    also_real: Annotated[int, typer.Option("--also-real", metavar="N", help="So many calm plans of that seed on real processes, too: they must come to the same.")] = 0,
    runs: Annotated[str, typer.Option("--run-dir", metavar="DIR", help="Where the plan of a failure goes.")] = "runs",
) -> None:  # fmt: skip
    """Fuzz the reference's core in virtual time. Exit status: 0 held, 1 broken, 2 inconclusive, 3 environment.

    1 as well: a plan of --also-real comes to something else on real processes.
    """
    if coverage:  # in a process that has not imported the core yet
        command = [
            sys.executable,
            "-m",
            "harness.fuzz.coverage",
            "--minutes",
            str(minutes),
            "--seed",
            str(seed),
        ]
        os.execv(command[0], command)
    from harness.fuzz.real.beside_sim import differing, replayed
    from harness.fuzz.showing import sim as simulate

    spec, below = f"reference+{mutant}" if mutant else "reference", Path(runs) / "fuzz"

    def both() -> int:
        lines = []
        for line in differing(seed, also_real, "reference", below):
            print(line, flush=True)
            lines.append(line)
        if also_real:
            print(
                f"{also_real - len(lines)} of {also_real} plans come to the same, simulated and on real processes"
            )
        status = simulate(
            minutes * 60, seed, below, mutant,
            (lambda plan, kinds: replayed(plan, kinds, spec)) if replay else None,
        )  # fmt: skip
        return 1 if lines else status

    _exit_with(both)


@app.command()
def fuzz(
    gcs: Gcs = None,
    store: Store = None,
    backend: Backend = None,
    minutes: Annotated[float, typer.Option("--minutes", metavar="M", callback=minutes_given, help="How long, without what a failure takes afterwards.")] = 1.0,
    plans: Annotated[int | None, typer.Option("--plans", metavar="N", help="How many plans at most.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed draws the same plans.")] = 0,
    workers: Annotated[str | None, typer.Option("-n", metavar="N", callback=workers_given, help="Plans at once; default: two a processor.")] = None,
    expectations: Annotated[str | None, typer.Option("--expectations", metavar="FILE", help="Known breakages, or none.")] = None,
    shrink: Annotated[float, typer.Option("--shrink", metavar="S", help="Seconds in which a new failure's plan is made shorter; 0: not at all.")] = 60.0,
    ladders: Annotated[bool, typer.Option("--ladders", help="Plans in which each kill is followed by many more, in or after the recoveries.")] = False,
    runs: Annotated[str, typer.Option("--run-dir", metavar="DIR", help="Where the plans of failures go.")] = "runs",
) -> None:  # fmt: skip
    """Fuzz a GCS on real processes. Exit status: 0 held, 1 a new breakage, 2 inconclusive, 3 environment."""
    from harness.fuzz.brisk import BRISK, LADDERS
    from harness.fuzz.real.showing import fuzz as search

    size = LADDERS if ladders else BRISK
    _exit_with(
        lambda: search(
            _choose("--gcs", gcs), minutes * 60, plans, seed, workers, expectations, shrink, Path(runs), size,
            _choose("--backend", backend), _choose("--store", store),
        )
    )  # fmt: skip


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A plan that fuzz or sim has saved.")],
    gcs: Gcs = None,
    store: Store = None,
    backend: Backend = None,
    times: Annotated[int, typer.Option("--times", metavar="N", help="How often.")] = 1,
    workers: Annotated[str | None, typer.Option("-n", metavar="N", callback=workers_given, help="How many at once.")] = None,
    expectations: Annotated[str | None, typer.Option("--expectations", metavar="FILE", help="Known breakages, or none.")] = None,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the first run's record there, for gauntlet show.")] = None,
) -> None:  # fmt: skip
    """Carry out a saved plan on any GCS. Exit status: 0 held, 1 a new breakage, 2 inconclusive, 3 environment."""
    from harness.fuzz.real.showing import replay as carry_out

    _exit_with(
        lambda: carry_out(
            file, _choose("--gcs", gcs), times, workers, expectations, keep,
            _choose("--backend", backend), _choose("--store", store),
        )
    )  # fmt: skip


@app.command()
def promote(file: Annotated[Path, typer.Argument(help="A plan that fuzz or sim has saved.")]) -> None:
    """Print a saved plan as a scenario, to be pasted into a file below scenarios/."""
    from harness.fuzz.promoting.promote import promoted

    def show_it() -> int:
        print(promoted(file), end="")
        return 0

    _exit_with(show_it)


@app.command()
def compare(
    file: Annotated[Path | None, typer.Argument(help="A saved plan; without one, plans are drawn.")] = None,
    gcs: Annotated[list[str] | None, typer.Option("--gcs", metavar="SPEC", help="A target; give it twice or more.")] = None,
    store: Store = None,
    backend: Backend = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed draws the same plans.")] = 0,
    plans: Annotated[int, typer.Option("--plans", metavar="P", help="How many plans are drawn.")] = 10,
    times: Annotated[int, typer.Option("--times", metavar="N", help="In how many runs of each something must differ.")] = 3,
    runs: Annotated[str, typer.Option("--run-dir", metavar="DIR", help="Where plans that show a difference go.")] = "runs",
) -> None:  # fmt: skip
    """One plan on several targets: what they answer and come to otherwise. Exit status: 0 nothing, 1 something, 3 environment."""
    from harness.fuzz.differing.running import compare as carry_out
    from harness.guarantees import CLAUSES

    words = {id: one.statement for id, one in CLAUSES.items()}
    _exit_with(
        lambda: carry_out(
            file, seed, plans, gcs or [], Path(runs) / "compare", times,
            _choose("--store", store), _choose("--backend", backend), words,
        )
    )  # fmt: skip


def _choose(option: str, given: str | None) -> str:
    """As pytest does: command line, environment, ini file, default."""
    return chosen(option, given, in_project(ROOT / "pyproject.toml"))


def _exit_with(do: Callable[[], int]) -> NoReturn:
    """Exit with the status that ``do`` gives; a problem of the environment is one sentence and 3."""
    from harness.errors import EnvironmentProblem

    try:
        status = do()
    except EnvironmentProblem as problem:
        print(f"gauntlet: {problem}", file=sys.stderr)
        raise typer.Exit(3) from problem
    except Exception:  # noqa: BLE001 - a bug of ours must not look like one of the target
        traceback.print_exc()
        raise typer.Exit(3) from None
    raise typer.Exit(status)


@app.command()
def judge(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")] = Path("runs/latest"),
    expectations: Annotated[str | None, typer.Option("--expectations", metavar="FILE", help="Known breakages, or none.")] = None,
) -> None:  # fmt: skip
    """Judge a stored run again with today's checks. No server is started."""
    from harness.rejudge import judge as judge_again

    raise typer.Exit(judge_again(run, expectations))


app.command()(show)


@app.command()
def acl(
    gcs: Gcs = None,
    namespace: Annotated[str, typer.Option("--namespace", metavar="NS", help="The cluster's external_storage_namespace.")] = "default",
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="What the user is called.")] = "ray",
) -> None:  # fmt: skip
    """Print the least rights of a Redis user that a GCS works with, as a line of redis.conf (Redis 7, Valkey)."""
    from harness.errors import EnvironmentProblem
    from harness.store.acl import minimal
    from harness.target.parse import parse_target
    from harness.target.reference import Reference

    try:
        target = parse_target(_choose("--gcs", gcs))
    except EnvironmentProblem as problem:
        print(f"gauntlet: {problem}", file=sys.stderr)
        raise typer.Exit(3) from problem
    release = None if isinstance(target, Reference) else str(target.dialect.release)
    print(minimal(namespace, release, user))


@app.command("list")
def list_scenarios(keyword: Keyword = None, marked: Marked = None, paths: Paths = None) -> None:
    """List scenarios with the promises, clauses and behaviours that they judge, and their needs."""
    options = [
        "--list-scenarios",
        "--collect-only",
        "-qq",
        "--long",
        *_given(**{"-k": keyword, "-m": marked}),
    ]
    command = pytest_command(options, paths or [])
    sys.stdout.flush()
    os.execv(command[0], command)


@app.command()
def doctor() -> None:
    """Say what this machine can run, and why not the rest."""
    from harness.doctor import examine

    raise typer.Exit(examine())


def _print_version(wanted: bool) -> None:
    if wanted:
        from reference_gcs.options import installed_version

        print(f"gauntlet {installed_version()}")
        raise typer.Exit


@app.callback()
def gauntlet(
    _version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")] = False,
) -> None:  # fmt: skip
    """Kill, pause, restart and move a Ray GCS, and judge what Ray promises about it."""


def main() -> None:
    """The entry point."""
    errors_only()
    app(prog_name="gauntlet")


if __name__ == "__main__":
    main()
