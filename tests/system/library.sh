#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# library.sh SERIES: what the core's library does beside naive models, from inside modules: the XArray, fractions and
# scatterlist iterators; IDs and red-black trees; queues, klists and kobjects.
. "$(dirname "$0")/lib.sh"
for module in library_model library_trees library_objects; do
  koi_all run "$KOI_MODULES/$1/modules/$module.ko"
  expect_status 0
  expect_line "$module: 0 differences"
done
finish
