#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# hello.sh SERIES: the thin end-to-end road, and parameters of every type.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1

koi_all run "$modules/hello/hello.ko"
expect_status 0
expect_order '^\[ +[0-9]+\.[0-9]{6}\] hello: loading out-of-tree module taints kernel\.$' \
  '^\[ +[0-9]+\.[0-9]{6}\] hello: hello, world$' '^\[ +[0-9]+\.[0-9]{6}\] hello: goodbye, world$'

koi_all run "$modules/hello/hello.ko" 'whom="a wide world"'
expect_status 0
expect_line 'hello: hello, a wide world$'

koi_all run "$modules/modules/param_types.ko" a_bool=y an_invbool=1 a_bint=1 a_byte=255 a_short=-32768 \
  a_ushort=65535 an_int=-2147483648 a_uint=0x10 a_long=-1 a_ulong=010 a_ullong=18446744073709551615 \
  a_hexint=0xff a_charp=text a_string=seven77 an_array=9,8,7
expect_status 0
expect_line "param_types: 1 0 1 255 -32768 65535 -2147483648 16 -1 8 18446744073709551615 ff 'text' 'seven77'$"
expect_order 'an_array\[0\] = 9$' 'an_array\[1\] = 8$' 'an_array\[2\] = 7$'
expect_no_line 'an_array\[3\]'

koi_all run "$modules/modules/param_types.ko" an_int=x
expect_status 2
expect_line "param_types: \`x' invalid for parameter \`an_int'$"
expect_line '^insmod: ERROR: could not insert module .*param_types\.ko: Invalid parameters$'

koi_all run "$modules/modules/param_types.ko" nosuch=1
expect_status 0
expect_line "param_types: unknown parameter 'nosuch' ignored$"

koi_all run "$modules/modules/init_fails.ko"
expect_status 1
expect_line '^insmod: ERROR: could not insert module .*init_fails\.ko: No such device$'
expect_no_line 'init_fails: exit'
finish
