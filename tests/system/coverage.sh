#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# coverage.sh SERIES: which lines of an instrumented module ran, and how often, as lcov reads it.
. "$(dirname "$0")/lib.sh"
directory=$KOI_MODULES/$1/instrumented-coverage
source=$directory/steps.c

# count TEXT: how often the line that holds it ran.
count() {
  local line
  line=$(grep -nF -- "$1" "$source" | head -n 1 | cut -d: -f1)
  sed -n "s/^DA:$line,//p" "$work/steps.info"
}

koi_all run --coverage "$work/steps.info" "$directory/steps.ko" steps=7
expect_status 0
expect_line 'total 42'
expect_line '^koi: [0-9]+ of [0-9]+ lines ran \([0-9.]+ %\): '
expect_equal 'each step' 7 "$(count 'each step')"
expect_equal 'in a callee' 7 "$(count 'return 2 * x')"
expect_equal 'a branch never taken' 0 "$(count 'return x + 1')"
expect_equal 'a function never called' 0 "$(count 'pr_info("never')"
expect_equal 'a call never made' 0 "$(count 'never();	/')"
expect_equal 'of init' 1 "$(count 'total %d')"
expect_equal 'of exit' 1 "$(count 'done')"
out=$(cat "$work/steps.info")
expect_line '^TN:koi$'
expect_line "^SF:.*/steps\\.c$"
expect_line '^FNDA:7,twice$'
expect_line '^FNDA:0,never$'
expect_line '^FNF:5$'
expect_line '^FNH:4$'
expect_line '^end_of_record$'
expect_no_line 'linux-headers'
expect_equal 'LF' "$(grep -c '^DA:' "$work/steps.info")" "$(sed -n 's/^LF://p' "$work/steps.info")"

# Without instrumentation there is nothing to write.
koi_all run --coverage "$work/none.info" "$KOI_MODULES/$1/hello/hello.ko"
expect_status 2
expect_line 'sanitize=coverage'
[ ! -e "$work/none.info" ] || fail "a file was written"
finish
