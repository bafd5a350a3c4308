#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A fault in koi's own code: exit 4, and a bundle with the seed, the journal and the maps.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
koi_all run --seed 77 --force-koi-fault "$KOI_MODULES/6.1/hello/hello.ko"
expect_status 4
expect_line 'send'
bundle=$(grep -oE '[^ ]*koi-bundle[^ ,;]*' <<<"$out" | head -n 1 | sed 's/[.:]$//')
checks=$((checks + 1))
if [ -z "$bundle" ] || [ ! -e "$bundle" ]; then
  fail "no bundle is named, or it does not exist"
else
  out=$(find "$bundle" -type f -exec cat {} +)
  expect_line '77'
  expect_line '[0-9a-f]+-[0-9a-f]+ r-xp'
  expect_line 'hello'
  rm -rf "$bundle"
fi
koi run --help
expect_no_line 'force-koi-fault'
finish
