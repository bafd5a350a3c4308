#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Locks, switches and schedules: what they cost, with koi's checks and without.

bench/locks.py BUILD_DIR [--quick]

Loops of bench/module/koi_locks.c in `koi shell` with --checks all and --checks stock, rounds interleaved; the median counts. Time is
the process's own CPU time, read from outside; instructions are counted by single steps of a running loop (bench/step_count: valgrind
cannot run koi, whose addresses are fixed). Schedules a second are those of
`koi explore` on tests/modules/interleave.c: two threads with 16 steps in all. Prints a table and writes
bench/results/<date>-<machine>-locks.json.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import time

import run

HERE = pathlib.Path(__file__).resolve().parent
LOOPS = {"spin lock+unlock": "spin", "spin_lock_irqsave+restore": "spin_irqsave", "mutex lock+unlock": "mutex",
         "context switch (yield)": "switch", "wait+wake": "wake", "lock-heavy loop": "heavy"}
# Long enough to be still running when their instructions are counted.
COUNTED = {"spin lock+unlock": "spin 30000000", "spin_lock_irqsave+restore": "spin_irqsave 30000000",
           "mutex lock+unlock": "mutex 30000000", "context switch (yield)": "switch 3000000", "wait+wake": "wake 3000000"}
# Two threads do the turns of these together.
TURNS_OF = {"switch": 2, "wake": 2}


class Koi(run.Competitor):
    def __init__(self, name, koi, module, options):
        super().__init__(name, [koi, "shell", "--timeout=1000000", *options])
        begin = int(self.send(f"insmod {module}\ncat /sys/module/koi_locks/sections/.text\n"), 0)
        self.text_range = (f"{begin:x}", f"{begin + 0x1000:x}")

    def text(self):
        return self.text_range

    def request(self, loop):
        return f"echo {loop} > /proc/koi_locks\ncat /proc/koi_locks\n"


def build_module(koi, directory, sources):
    directory.mkdir(exist_ok=True)
    for source in sources:
        (directory / source.name).write_bytes(source.read_bytes())
    (directory / "Kbuild").write_text(f"obj-m := {sources[0].stem}.o\n")
    subprocess.run([koi, "build", str(directory), "--", "-s"], check=True, stdout=subprocess.DEVNULL)
    return str(directory / (sources[0].stem + ".ko"))


def schedules_a_second(koi, module, strategy, jobs, count):
    """What koi explore says of itself, and the wall clock around it."""
    start = time.monotonic()
    done = subprocess.run([koi, "explore", module, "steps=8", "quiet=1", "--strategy", strategy, "--jobs", str(jobs),
                           "--seeds", f"1..{count}"], capture_output=True, text=True, check=True)
    told = re.search(r"(\d+) schedules in ([\d.]+) s", done.stderr)
    return {"schedules": count, "jobs": jobs, "seconds": float(told[2]), "with_boot_seconds": time.monotonic() - start,
            "a_second": count / float(told[2])}


def whole_run(koi, module, options):
    """CPU time of one `koi run` that takes 200,000 locks while it loads the module, in ms."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([koi, "run", *options, module, "at_load=100000"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="fewer turns and three rounds: a look, not a result")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results")
    options = parser.parse_args()
    build = options.build.resolve()
    koi = str(build / "koi")
    module = build_module(koi, build / "bench-locks", [HERE / "module" / "koi_locks.c"])
    threads = build_module(koi, build / "bench-interleave", [HERE.parent / "tests" / "modules" / "interleave.c"])
    turns = 50_000 if options.quick else 500_000
    modes = {"checks on": ["--checks", "all"], "checks off": ["--checks", "stock"]}
    competitors = [Koi(name, koi, module, words) for name, words in modes.items()]
    results = {what: {c.name: [] for c in competitors} for what in LOOPS}
    for what, loop in LOOPS.items():
        for competitor in competitors:
            competitor.run(f"{loop} {turns // 10}")
    for _ in range(3 if options.quick else 9):
        for what, loop in LOOPS.items():
            for competitor in competitors:
                results[what][competitor.name].append(competitor.run(f"{loop} {turns}") / TURNS_OF.get(loop, 1))
    median = run.medians(results)
    counter = str(build / "bench" / "step_count")
    instructions = {what: {c.name: c.instructions(counter, loop.split()[0], int(loop.split()[1])) for c in competitors} for what, loop in COUNTED.items()}
    for competitor in competitors:
        competitor.close()
    print(f"{'ns, median':28}" + "".join(f"{name:>22}" for name in modes))
    for what in LOOPS:
        cells = [f"{median[what][name]:.1f}" for name in modes]
        print(f"{what:28}" + "".join(f"{cell:>22}" for cell in cells))
    print(f"\n{'instructions a turn':28}" + "".join(f"{name:>22}" for name in modes))
    for what, row in instructions.items():
        print(f"{what:28}" + "".join(f"{row[n]:22.1f}" if row[n] is not None else f"{'-':>22}" for n in modes))
    print()
    whole = {name: [] for name in modes}
    for _ in range(5 if options.quick else 21):
        for name, words in modes.items():
            whole[name].append(whole_run(koi, module, words))
    cells = [f"{statistics.median(whole[name]):.1f} ms" for name in modes]
    print(f"{'whole run, 200,000 locks':28}" + "".join(f"{cell:>22}" for cell in cells))
    slower = statistics.median(whole["checks on"]) / statistics.median(whole["checks off"])
    verdicts = [("spin lock+unlock, checks on, ns", median["spin lock+unlock"]["checks on"], 40),
                ("mutex lock+unlock, checks on, ns", median["mutex lock+unlock"]["checks on"], 40),
                ("whole lock-heavy run, on / off", slower, 1.15)]
    print()
    for what, figure, most in verdicts:
        print(f"{what:36}{figure:8.2f}   target {most:6.2f}  {'ok' if figure <= most else 'MISSED'}")
    count = 500 if options.quick else 5_000
    explored = {f"{strategy}, {jobs} at a time": schedules_a_second(koi, threads, strategy, jobs, count)
                for strategy in ("random", "pct") for jobs in sorted({1, os.cpu_count()})}
    print()
    for what, row in explored.items():
        print(f"schedules a second, {what:24}{row['a_second']:8.0f}")
    document = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": run.machine(),
                "turns": turns, "unit": "nanoseconds of CPU time per turn", "ns": results, "instructions": instructions, "whole_run_ms": whole,
                "verdicts": [list(v) for v in verdicts], "schedules": explored}
    if not options.quick:
        options.out.mkdir(exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9]+", "-", document["machine"]["cpu"]).strip("-").lower()
        out = options.out / f"{document['date'][:10]}-{name}-locks.json"
        out.write_text(json.dumps(document, indent=1) + "\n")
        print(f"\nraw numbers: {out}")


if __name__ == "__main__":
    main()
