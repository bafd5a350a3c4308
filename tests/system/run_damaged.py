#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""run_damaged.py KOI MODULE COUNT WORKDIR: runs `koi run` on damaged copies of MODULE until COUNT of them got past
the loader. Each must end by itself, by no signal, with exit code 0 to 3. The seed of each copy is its number."""
import collections
import random
import subprocess
import sys


def damaged(original, seed):
    generator = random.Random(seed)
    data = bytearray(original)
    for _ in range(generator.choice([1, 1, 2, 4, 8])):
        # Beyond the ELF header: damage there is refused at once and tests nothing further in.
        at = generator.randrange(64, len(data))
        kind = generator.randrange(4)
        if kind == 0:
            data[at] ^= 1 << generator.randrange(8)
        elif kind == 1:
            data[at] = generator.randrange(256)
        elif kind == 2:
            data[at:at + 4] = generator.randbytes(4)
        else:
            source = generator.randrange(64, len(data) - 16)
            data[at:at + 16] = data[source:source + 16]
    return bytes(data[:len(original)])


def main():
    koi, module, count, workdir = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    original = open(module, "rb").read()
    codes = collections.Counter()
    loaded = seed = failures = 0
    while loaded < count and seed < 20 * count:
        seed += 1
        path = f"{workdir}/damaged.ko"
        with open(path, "wb") as file:
            file.write(damaged(original, seed))
        try:
            done = subprocess.run([koi, "run", "--timeout", "1", path], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
            code = done.returncode
        except subprocess.TimeoutExpired:
            code, done = "no end", None
        codes[code] += 1
        loaded += code != 2
        if code not in (0, 1, 2, 3):
            failures += 1
            print(f"seed {seed}: exit {code}")
            if done:
                print(done.stdout.decode(errors="replace")[-1500:])
    print(f"{module}: {seed} damaged copies, {loaded} got past the loader; exit codes {dict(codes)}; {failures} failed")
    return 1 if failures or loaded < count else 0


if __name__ == "__main__":
    sys.exit(main())
