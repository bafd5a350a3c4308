#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# library.sh SERIES: the core's XArray, fractions and scatterlist iterators beside naive ones, from inside a module.
. "$(dirname "$0")/lib.sh"
koi_all run "$KOI_MODULES/$1/modules/library_model.ko"
expect_status 0
expect_line 'library_model: 0 differences'
finish
