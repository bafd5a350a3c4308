// SPDX-License-Identifier: GPL-2.0-only
/* Every file of this folder, for the core's one translation unit. */
#include "crypto.h"
#include "proc.c"
#include "registry.c"
#include "template.c"
#include "tfm.c"
#include "shash.c"
#include "kinds.c"
#include "walk.c"
#include "skcipher.c"
#include "aead.c"

#ifdef CONFIG_CRYPTO_FIPS
/* "fips=1" on the command line sets it. */
int fips_enabled;
#endif
