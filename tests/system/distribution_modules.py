#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""distribution_modules.py FLOOR: the distribution's own modules, under koi.

Every module below lib/ and crypto/ of Debian's linux-image (6.1, amd64), and of those folders beside them that need no hardware
to load (LEAVES), is asked about and run:
  - `koi symbols` and the loader agree: the module loads, or is refused naming exactly the missing symbols;
  - a module that loads has its dependencies loaded first, is run and unloaded, without an oops, a finding or a koi fault;
  - the self-testing ones print that they passed.
The counts may only rise: FLOOR holds what was reached.

The package is fetched with `apt-get download` into KOI_IMAGES (default: $XDG_CACHE_HOME/koi-images) and unpacked there.
Without it and without network the test is skipped, by name, unless CI is set.
"""
import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KOI = os.environ["KOI"]
SKIPPED = 77
# They reach for I/O ports as soon as they are loaded, and there is no hardware: an oops.
HARDWARE = {"tlclk", "c2port_duramar2150"}
LEAVES = ("fs/nls", "drivers/misc", "drivers/char", "net/sched")
CACHE = Path(os.environ.get("KOI_IMAGES") or
             Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "koi-images")

# What a self-testing module says, and what it must not say.
SELF_TESTS = {
    "test_static_keys": (None, r"WARNING|failed"),
    "test_user_copy": (r"test_user_copy: tests passed\.", r"test failed|WARNING"),
    "raid6_pq": (r"raid6: using \S+ recovery algorithm", r"not yet|failed"),
    "xor": (r"xor: automatically using best checksumming function|xor: measuring software checksum speed", r"failed"),
    "libchacha20poly1305": (None, r"self-test|failed"),
    "libcurve25519": (None, r"self-test.*fail|failed"),
    "libblake2s": (None, r"self-test.*fail|failed"),
    "crc64-rocksoft": (None, r"failed"),
}


def skip(reason):
    if os.environ.get("CI"):
        print(f"FAILED: {reason} (CI is set: this test must run)")
        sys.exit(1)
    print(f"SKIPPED: system.distribution_modules: {reason}")
    sys.exit(SKIPPED)


def release():
    trees = sorted(p.name for p in Path("/lib/modules").glob("6.1.*-amd64") if "cloud" not in p.name)
    headers = sorted(p.name.removeprefix("linux-headers-") for p in Path("/usr/src").glob("linux-headers-6.1.*-amd64")
                     if "cloud" not in p.name)
    found = headers or trees
    if not found:
        skip("no linux-headers-6.1*-amd64 here (scripts/install-deps)")
    return found[-1]


def unpacked_image(name):
    """The folder lib/modules/RELEASE of the unpacked package; fetched if it is not in the cache."""
    target = CACHE / name
    kernel = target / "lib/modules" / name / "kernel"
    if kernel.is_dir():
        return kernel
    CACHE.mkdir(parents=True, exist_ok=True)
    got = subprocess.run(["apt-get", "-q", "download", f"linux-image-{name}"], cwd=CACHE, capture_output=True, text=True)
    packages = sorted(CACHE.glob(f"linux-image-{name}_*.deb"))
    if got.returncode != 0 or not packages:
        skip(f"cannot download linux-image-{name}: {got.stderr.strip().splitlines()[-1:] or 'no package'}")
    partial = CACHE / f"{name}.partial.{os.getpid()}"
    subprocess.run(["dpkg", "-x", packages[-1], partial], check=True)
    try:
        partial.rename(target)
    except OSError:  # another run was faster
        subprocess.run(["rm", "-rf", partial], check=True)
    for package in packages:
        package.unlink(missing_ok=True)
    return kernel


def plain(name):
    return name.replace("-", "_")


def modinfo(path, field):
    return subprocess.run([KOI, "modinfo", "-F", field, path], capture_output=True, text=True).stdout.splitlines()


class Image:
    def __init__(self, kernel):
        self.kernel = kernel
        self.by_name = {plain(p.name.removesuffix(".ko")): p for p in kernel.rglob("*.ko")}
        self.known_depends = {}
        self.by_alias = {}
        for path in sorted((kernel / "crypto").rglob("*.ko")):
            for alias in modinfo(path, "alias"):
                self.by_alias.setdefault(plain(alias), path)

    def depends(self, path):
        if path not in self.known_depends:
            wanted = [plain(name) for line in modinfo(path, "depends") for name in line.split(",") if name]
            before = [plain(name) for line in modinfo(path, "softdep") if line.startswith("pre:") for name in line.split()[1:]]
            found = [self.by_name.get(name) or self.by_alias.get(name) for name in before + wanted]
            self.known_depends[path] = [dependency for dependency in found if dependency]
        return self.known_depends[path]

    def closure(self, path, seen=None):
        """What must be loaded, in order, the module itself last."""
        seen = seen if seen is not None else []
        for dependency in self.depends(path):
            self.closure(dependency, seen)
        if path not in seen:
            seen.append(path)
        return seen


def try_module(image, path):
    """One module: a line for the report, its class, what is missing, what is wrong."""
    chain = image.closure(path)
    said = subprocess.run([KOI, "symbols", "--json", *chain], capture_output=True, text=True)
    if said.returncode not in (0, 2):
        return "broken", [], [f"koi symbols: exit code {said.returncode}: {said.stderr.strip()}"]
    first_refused, missing = None, []
    for row in json.loads(said.stdout):
        lacking = sorted(i["name"] for i in row["imports"] if i["provider"] in ("missing", "gpl-only", "version"))
        if lacking and first_refused is None:
            first_refused = Path(row["module"])
        if row["module"] == str(path):
            missing = lacking
    ran = subprocess.run([KOI, "run", "--seed", "1", *chain], capture_output=True, text=True, timeout=120)
    log = ran.stdout
    wrong = []
    if plain(path.name.removesuffix(".ko")) in HARDWARE and first_refused is None:
        return "needs hardware", missing, [] if ran.returncode == 3 else [f"exit code {ran.returncode}, not an oops"]
    refused_for = sorted(set(re.findall(r": Unknown symbol (\S+) \(err -?\d+\)", log)))
    if first_refused is None:
        if refused_for:
            wrong.append(f"koi symbols says that it loads, the loader misses {refused_for}")
        if ran.returncode not in (0, 1):
            wrong.append(f"exit code {ran.returncode}: {ran.stderr.strip().splitlines()[-1:]}")
        for bad in (r"\bBUG: ", r"\bOops: ", r"WARNING: CPU", r"koi: "):
            if re.search(bad, log):
                wrong.append(f"the log has {re.search(bad + '.*', log).group(0)!r}")
        name = plain(path.name.removesuffix(".ko"))
        for key, (must, must_not) in SELF_TESTS.items():
            if plain(key) != name or ran.returncode != 0:
                continue
            if must and not re.search(must, log):
                wrong.append(f"its self-test does not say {must!r}")
            if must_not and re.search(must_not, log):
                wrong.append(f"its self-test says {re.search(must_not, log).group(0)!r}")
        return ("runs" if ran.returncode == 0 else "init returns an error"), missing, wrong
    said_missing = next(sorted(i["name"] for i in r["imports"] if i["provider"] in ("missing", "gpl-only", "version"))
                        for r in json.loads(said.stdout) if r["module"] == str(first_refused))
    if refused_for != said_missing:
        wrong.append(f"koi symbols: {said_missing} missing in {first_refused.name}; the loader: {refused_for}")
    if ran.returncode != 2:
        wrong.append(f"a refused module: exit code {ran.returncode}")
    return "refused", missing, wrong


def use_algorithms(image):
    """Known answers (RFC 1320, FIPS 180-4, FIPS 46-3's worked example) from the distribution's algorithms, called by another module."""
    user = Path(os.environ["KOI_MODULES"]) / "6.1/modules/crypto_user.ko"
    chain = [image.by_name[name] for name in ("md4", "sha512_generic", "libdes", "des_generic", "ecb")]
    log = subprocess.run([KOI, "run", *chain, user], capture_output=True, text=True).stdout
    wanted = (
        "md4-generic: 0 a448017aaf21d8525fc10ae87aa6729d", "md4, byte by byte: 0 a448017aaf21d8525fc10ae87aa6729d",
        "sha512-generic: 0 ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "nosuch: -2", "ecb(des): a short key: -22", "ecb(des): without a key: -126",
        "ecb(des): 0 " + 3 * "85e813540f0ab405", "ecb(des): back: 0 " + 3 * "0123456789abcdef", "ecb(des): 23 bytes: -22",
        "ecb(nosuch): -2")
    return [f"crypto_user does not say {line!r}" for line in wanted if line not in log]


def main():
    floor_file = Path(sys.argv[1])
    floor = {k: int(v) for k, v in (line.split("\t") for line in floor_file.read_text().splitlines()
                                    if line and not line.startswith("#"))}
    image = Image(unpacked_image(release()))
    modules = sorted(p for top in ("lib", "crypto", *LEAVES) for p in (image.kernel / top).rglob("*.ko"))
    leaves = {p for top in LEAVES for p in (image.kernel / top).rglob("*.ko")}
    with ThreadPoolExecutor(max_workers=int(os.environ.get("JOBS", "2"))) as pool:
        results = list(pool.map(lambda p: try_module(image, p), modules))
    counts, leaf_counts, wanted, failures = Counter(), Counter(), Counter(), 0
    for path, (outcome, missing, wrong) in zip(modules, results):
        (leaf_counts if path in leaves else counts)[outcome] += 1
        wanted.update(missing)
        print(f"{path.relative_to(image.kernel)}: {outcome}{': ' + ', '.join(missing) if missing else ''}")
        for line in wrong:
            failures += 1
            print(f"FAILED: {path.name}: {line}")
    for line in use_algorithms(image):
        failures += 1
        print(f"FAILED: {line}")
    print("most wanted: " + ", ".join(f"{name} ({n})" for name, n in wanted.most_common(40)))
    loads = counts["runs"] + counts["init returns an error"]
    leaf_loads = leaf_counts["runs"] + leaf_counts["init returns an error"]
    reached = {"modules": len(modules) - len(leaves), "load": loads, "run": counts["runs"],
               "leaves": len(leaves), "leaves load": leaf_loads, "leaves run": leaf_counts["runs"]}
    print(", ".join(f"{key} {value}" for key, value in reached.items()))
    for key, value in floor.items():
        if reached[key] < value:
            failures += 1
            print(f"FAILED: {key}: {reached[key]}, but {value} were reached before")
        elif reached[key] > value:
            print(f"note: raise {key} to {reached[key]} in {floor_file.name}")
    print(f"{failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
