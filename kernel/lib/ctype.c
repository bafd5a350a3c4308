// SPDX-License-Identifier: GPL-2.0-only
/* The character classes behind isalpha() and its kin: ASCII, and Latin-1 in the upper half (<linux/ctype.h>). */
#include "lib.h"

#include <linux/ctype.h>

#define CTYPE_2(c, x) [c] = x, [(c) + 1] = x
#define CTYPE_4(c, x) CTYPE_2(c, x), CTYPE_2((c) + 2, x)
#define CTYPE_8(c, x) CTYPE_4(c, x), CTYPE_4((c) + 4, x)
#define CTYPE_16(c, x) CTYPE_8(c, x), CTYPE_8((c) + 8, x)

const unsigned char _ctype[] = {
    CTYPE_8(0x00, _C), [0x08] = _C, CTYPE_4(0x09, _C | _S), [0x0d] = _C | _S, CTYPE_2(0x0e, _C), CTYPE_16(0x10, _C),
    [' '] = _S | _SP,
    CTYPE_8(0x21, _P), CTYPE_4(0x29, _P), CTYPE_2(0x2d, _P), [0x2f] = _P,
    CTYPE_8('0', _D), CTYPE_2('8', _D),
    CTYPE_4(0x3a, _P), CTYPE_2(0x3e, _P), ['@'] = _P,
    CTYPE_4('A', _U | _X), CTYPE_2('E', _U | _X), CTYPE_16('G', _U), CTYPE_4('W', _U),
    CTYPE_4(0x5b, _P), CTYPE_2(0x5f, _P),
    CTYPE_4('a', _L | _X), CTYPE_2('e', _L | _X), CTYPE_16('g', _L), CTYPE_4('w', _L),
    CTYPE_4(0x7b, _P), [0x7f] = _C,
    /* Latin-1: the C1 controls have no class; no-break space; signs; capitals with the multiplication sign between. */
    CTYPE_16(0x80, 0), CTYPE_16(0x90, 0),
    [0xa0] = _S | _SP,
    CTYPE_8(0xa1, _P), CTYPE_4(0xa9, _P), CTYPE_2(0xad, _P), [0xaf] = _P, CTYPE_16(0xb0, _P),
    CTYPE_16(0xc0, _U), CTYPE_4(0xd0, _U), CTYPE_2(0xd4, _U), [0xd6] = _U, [0xd7] = _P, CTYPE_4(0xd8, _U),
    CTYPE_2(0xdc, _U), [0xde] = _U, [0xdf] = _L,
    CTYPE_16(0xe0, _L), CTYPE_4(0xf0, _L), CTYPE_2(0xf4, _L), [0xf6] = _L, [0xf7] = _P, CTYPE_8(0xf8, _L),
};
