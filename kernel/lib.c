// SPDX-License-Identifier: GPL-2.0-only
/* Library functions that work on memory handed to them: see lib/README.md. */
#include "lib/all.c"
