// SPDX-License-Identifier: GPL-2.0-only
/* Library functions: see lib/README.md. */
