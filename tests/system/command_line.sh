#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The command itself: usage errors, version, help, the man page, the completions, koi build.
. "$(dirname "$0")/lib.sh"

koi --version
expect_status 0
expect_line '^koi [0-9]+\.[0-9]+\.[0-9]+$'
koi --help
expect_status 0
koi
expect_status 2
koi nosuch
expect_status 2
koi run --nosuch
expect_status 2

for name in $("$KOI" --help | sed -nE '/^Commands:/,/^$/s/^  ([a-z]+) .*/\1/p'); do
  koi "$name" --help
  expect_status 0
  expect_line "^Usage: koi $name"
done

koi man
expect_status 0
expect_line '^\.TH KOI 1'
if command -v man >/dev/null; then
  "$KOI" man >"$work/koi.1"
  expect_equal "man has no complaint" "" "$(man --warnings -l "$work/koi.1" 2>&1 >/dev/null)"
fi
koi completion bash
expect_status 0
bash -n <<<"$out" || fail "the bash completion does not parse"
reply=$(bash -c 'source <("$KOI" completion bash); COMP_WORDS=(koi run --log-f); COMP_CWORD=2; _koi; echo "${COMPREPLY[@]}"' 2>&1)
expect_equal "bash completes --log-f" --log-format "$reply"
koi completion zsh
expect_status 0
command -v zsh >/dev/null && { zsh -n <<<"$out" || fail "the zsh completion does not parse"; }

koi build /nonexistent
expect_status 2
expect_one_line_on_stderr
mkdir "$work/empty"
koi build "$work/empty"
expect_status 2
mkdir "$work/broken"
echo 'obj-m := broken.o' >"$work/broken/Kbuild"
echo 'this is no C' >"$work/broken/broken.c"
koi build "$work/broken"
expect_status 2
koi build "$KOI_SOURCE/examples/hello" --kernel 6.1.0-999-amd64
expect_status 2
out=$(cat "$work/stderr")
expect_line 'apt-get install linux-headers-6\.1\.0-999-amd64'

koi doctor
expect_status 0
koi doctor --json
expect_status 0
python3 -m json.tool <<<"$out" >/dev/null || fail "doctor --json is no JSON"
finish
