#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# koi run --json and --color: one document that a parser takes and that agrees with the text; colours only where asked for.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/6.1

# json_check EXPRESSION: Python over the document `d` of the last run.
json_check() {
  checks=$((checks + 1))
  python3 -c 'import json, sys; d = json.loads(sys.stdin.read()); sys.exit(not eval(sys.argv[1]))' "$1" <<<"$out" ||
    { fail "not so: $1"; head -c 2000 <<<"$out"; }
}

koi run "$modules/hello/hello.ko" 'whom=json'
text=$(sed 's/^\[[^]]*\] //' <<<"$out")
verdict=$(cat "$work/stderr")
koi run --json "$modules/hello/hello.ko" 'whom=json'
expect_status 0
json_check 'd["exit"] == 0 and d["format"] == 1 and d["seed"] == 1 and d["cpus"] == 2'
json_check 'd["modules"] == [{"path": d["modules"][0]["path"], "arguments": "whom=json", "state": "loaded", "unloaded": True}]'
expect_equal "the log's records are the lines of the text" "$text" \
  "$(python3 -c 'import json, sys; [print(r["text"]) for r in json.load(sys.stdin)["log"]]' <<<"$out")"
expect_equal "the verdict is the text's" "$verdict" "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["verdict"])' <<<"$out")"
expect_equal "nothing on stderr" "" "$(cat "$work/stderr")"

koi run --json "$modules/hello/hello.ko" "$modules/modules/init_fails.ko" "$modules/modules/plain.ko"
expect_status 1
json_check '[m["state"] for m in d["modules"]] == ["loaded", "failed", "not reached"]'
json_check 'd["modules"][1]["errno"] == 19 and d["exit"] == 1'

koi run --json "$modules/modules/null_deref.ko"
expect_status 3
json_check 'd["modules"][0]["state"] == "stuck" and "oops" in [f["kind"] for f in d["findings"]] and d["exit"] == 3'
json_check 'any(r["text"].startswith("BUG: kernel NULL pointer dereference") for r in d["log"])'

koi run --json "$work/nosuch.ko"
expect_status 2
json_check 'd["exit"] == 2 and "nosuch.ko" in d["error"]'

koi run --color=always "$modules/hello/hello.ko"
colored=$out
expect_line $'^\x1b\[32m\[ +0\.00000[0-9]\]\x1b\[0m'
koi run --color=never "$modules/hello/hello.ko"
expect_equal "without colours the text is the same" "$out" "$(sed 's/\x1b\[[0-9;]*m//g' <<<"$colored")"
plain=$out
koi run "$modules/hello/hello.ko"
expect_equal "no colours in a pipe" "$plain" "$out"
koi run --color=always --log-format kmsg "$modules/hello/hello.ko"
expect_status 2
koi run --color=always --json "$modules/hello/hello.ko"
expect_status 2
json_check '"color" in d["error"]'
checks=$((checks + 1))
# All of it is read before grep may close the pipe.
on_terminal=$(TERM=xterm script -qec "$KOI run $modules/hello/hello.ko" /dev/null </dev/null)
grep -q $'\x1b\[32m' <<<"$on_terminal" || fail "no colours on a terminal"
checks=$((checks + 1))
NO_COLOR=1 script -qec "$KOI run $modules/hello/hello.ko" /dev/null </dev/null | grep -q $'\x1b' && fail "colours in spite of NO_COLOR"
finish
