#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# boot_options.sh SERIES: --cmdline, the kernel's boot command line.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules
release=$(release_of "$1") || exit 1

# Without it a warning goes by; with panic_on_warn the machine stops before the end marker, and stays or reboots.
koi_all run "$modules/warns.ko"
expect_line 'warns: done'
koi_all run --cmdline "panic_on_warn=1" "$modules/warns.ko"
expect_status 3
expect_order 'WARNING: CPU: ' 'Kernel panic - not syncing: kernel: panic_on_warn set \.\.\.' 'panic\+0x' 'check_panic_on_warn' \
  '__warn\+0x' 'report_bug\+0x' 'RIP: 0010:warns_init' '---\[ end Kernel panic - not syncing: kernel: panic_on_warn set \.\.\. \]---'
expect_no_line 'end trace|warns: done'
koi_all run --cmdline "panic_on_warn panic=5" "$modules/warns.ko"
expect_line 'Rebooting in 5 seconds\.\.$'
expect_no_line 'end Kernel panic'
koi_all run --cmdline "panic_on_warn=1 panic=-1" "$modules/warns.ko"
expect_no_line 'Rebooting|end Kernel panic'

koi_all run --cmdline "oops=panic" "$modules/null_deref.ko"
expect_status 3
expect_order 'Oops: 0000' 'Kernel panic - not syncing: Fatal exception$' '---\[ end Kernel panic - not syncing: Fatal exception \]---'
expect_no_line 'exited with'
# A stack overflow kills the task only, unless the command line speaks of panics.
koi_all run "$modules/plain.ko" "$modules/stack_overflow.ko"
expect_no_line 'Kernel panic'
koi_all run --cmdline "panic=0" "$modules/stack_overflow.ko"
expect_line 'Kernel panic - not syncing: Fatal exception in interrupt$'

# Modules: signatures, the blacklist, parameters (those on koi's command line win).
koi_all run --cmdline "module.sig_enforce=1" "$modules/plain.ko"
expect_status 2
expect_line 'Loading of unsigned module is rejected'
expect_line 'Key was rejected by service'
koi_all run --cmdline "module_blacklist=other,plain" "$modules/plain.ko"
expect_status 2
expect_line 'Module plain is blacklisted'
koi_all run --cmdline "param-types.an_int=11 param_types.a_charp=\"two words\" nobody.x=1" "$modules/param_types.ko" an_int=12
expect_status 0
expect_line 'param_types: .* -2 3 12 5'
expect_line 'two words'

# The log: what the console is told to show, unless --log-level says otherwise.
koi_all run --cmdline "loglevel=4" "$modules/warns.ko"
expect_no_line 'warns: done'
koi_all run --cmdline "quiet" --log-level 8 "$modules/warns.ko"
expect_line 'warns: done'

cat >"$work/session" <<'END'
cat /proc/cmdline
cat /proc/sys/kernel/printk
cat /proc/sys/kernel/panic
echo 3 > /proc/sys/kernel/panic
cat /proc/sys/kernel/panic
echo x > /proc/cmdline
END
koi_all shell --kernel "$release" --cmdline "console=ttyS0 quiet panic=-1" --script "$work/session"
expect_order '^console=ttyS0 quiet panic=-1$' '^4	4	1	7$' '^-1$' '^3$' 'Permission denied'

# What koi does not know is refused by name.
for bad in frobnicate=1 slub_debug=FQ mem=64M panic=soon oops=maybe init_on_alloc=perhaps; do
  koi run --cmdline "$bad" "$modules/plain.ko"
  expect_status 2
  expect_one_line_on_stderr
  expect_equal "the message names $bad" yes "$(grep -q "boot option ${bad%%=*}" "$work/stderr" && echo yes)"
done
finish
