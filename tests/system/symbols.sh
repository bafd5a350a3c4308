#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# koi symbols: what is provided and what is missing, and the loader says the same.
. "$(dirname "$0")/lib.sh"
for series in 6.1 6.12; do
  modules=$KOI_MODULES/$series/modules
  koi symbols "$modules/plain.ko"
  expect_status 0
  koi symbols "$modules/missing_symbol.ko"
  expect_status 2
  expect_line 'acpi_evaluate_object'
  koi symbols "$modules/consumer.ko"
  expect_status 2
  expect_line 'provider_double'
  koi symbols "$modules/consumer.ko" "$modules/provider.ko"
  expect_status 0
  for module in plain null_deref missing_symbol param_types warns; do
    koi symbols "$modules/$module.ko"
    said=$status
    koi_all run "$modules/$module.ko"
    refused=$(grep -c 'Unknown symbol' <<<"$out")
    expect_equal "$module: koi symbols and the loader agree" "$([ $said -eq 0 ] && echo loads)" \
      "$([ "$refused" -eq 0 ] && echo loads)"
  done
done
finish
