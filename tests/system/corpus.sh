#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# corpus.sh SERIES: small misuses, each reported with the kernel's own headline, and look-alikes that are correct, of which koi
# says nothing. corpus.tsv is the table; a case of a module without a row fails.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/corpus
table=$(dirname "$0")/corpus.tsv
# Whatever a check or a splat begins with.
any='BUG:|WARNING:|INFO:|Oops|ODEBUG|corruption|koi: .* left|koi: .* return|leak|LOCKUP|imbalance'

bugs=0
fine=0
while IFS=$'\t' read -r module case headline; do
  koi_all run --timeout 5 "$modules/$module.ko" "what=$case"
  command_line="$module what=$case"
  if [ "$headline" = - ]; then
    fine=$((fine + 1))
    expect_status 0
    expect_line "corpus: $case is done"
    out=$(grep -v '^koi: ' <<<"$out")
    expect_no_line "$any"
  else
    bugs=$((bugs + 1))
    expect_line "$headline"
  fi
done < <(grep -v '^#' "$table")
while read -r case; do
  checks=$((checks + 1))
  grep -qP "\t$case\t" "$table" || fail "$case has no row in corpus.tsv"
done < <(grep -ohP 'ROW\(\K\w+(?=\))' "$KOI_SOURCE"/tests/modules/corpus/*.c)
checks=$((checks + 1))
[ "$bugs" -ge 60 ] && [ "$fine" -ge 60 ] || fail "only $bugs misuses and $fine look-alikes were run"
finish
