/* SPDX-License-Identifier: GPL-2.0-only */
/* What provider.ko exports. */
#ifndef KOI_TESTS_PROVIDER_H
#define KOI_TESTS_PROVIDER_H

extern int provider_calls;
int provider_double(int x);
int provider_triple(int x);

#endif
