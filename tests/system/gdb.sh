#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# gdb.sh SERIES: koi run --gdb with the distribution's gdb: breakpoints before the module is there, source lines, variables,
# call traces through koi's crossings to main, silent signals, and nothing left behind.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1
command -v gdb >/dev/null || { echo "SKIPPED: no gdb here (scripts/install-deps check)"; exit 77; }

gdb_run() {  # MODULE: gdb's commands come from stdin; its output goes to $out
  command_line="koi run --gdb $*"
  status=0
  out=$({ echo 'set width 0'; cat; } | (cd "$work" && timeout 100 "$KOI" run --gdb "$@" 2>&1)) || status=$?
}

# By name before the module is loaded; lines and variables; stepping over calls into koi.
gdb_run "$modules/hello/hello.ko" 'whom=gdb' <<'COMMANDS'
break hello_init
run
bt
print whom
next
next
tbreak hello_exit
continue
info symbol $pc
continue
COMMANDS
expect_status 0
expect_order 'hello_init.*pending' 'Breakpoint 1, hello_init \(\)' '#0  hello_init \(\) at .*hello\.c:[0-9]+$' \
  '^#[0-9]+ .* in koi_upcall \(\)' '^#[0-9]+ .* in koi::runtime::ModuleTable::run_init' '^#[0-9]+ .* in koi_fiber_start' \
  '^#[0-9]+ .* in main \(\)' '= 0x[0-9a-f]+ "gdb"' 'pr_info\("hello, ' 'return 0;' 'Temporary breakpoint .*hello_exit' \
  'cleanup_module in section \.exit\.text' 'hello: hello, gdb$' 'hello: goodbye, gdb$' 'exited normally'
expect_no_line 'Python Exception|Backtrace stopped|signal handler called|Cannot insert'
expect_equal "files left behind" "" "$(ls -A "$work" | grep -vE '^(stderr|log|in)$')"

# From koi's C++ through the crossing and the module to main; the callers' lines are those of the calls.
gdb_run "$modules/hello/hello.ko" <<'COMMANDS'
break hello_init
run
break koi::printk::Log::print
continue
bt
python print("pid", gdb.selected_inferior().pid)
quit
COMMANDS
line=$(grep -n 'pr_info("hello' "$modules/hello/hello.c" | cut -d: -f1)
expect_order '#0 .* in koi::printk::Log::print' '^#[0-9]+ .* in koi_cross_variadic \(\)' "^#[0-9]+ .* in hello_init \(\) at .*hello\.c:$line\$" \
  '^#[0-9]+ .* in koi_upcall \(\)' '^#[0-9]+ .* in main \(\)'
expect_no_line 'Backtrace stopped'
pid=$(sed -n 's/^(gdb) pid \([0-9]*\)$/\1/p' <<<"$out")
checks=$((checks + 1))
{ [ -n "$pid" ] && ! kill -0 "$pid" 2>/dev/null; } || fail "the process that gdb ran is still there: ${pid:-no pid}"

# The faults of a module are koi's business; at one, the trace goes through the trap to the faulting line.
gdb_run "$modules/modules/null_deref.ko" <<'COMMANDS'
set print frame-arguments none
tbreak koi::runtime::Traps::oops
run
bt
continue
COMMANDS
expect_order '^#[0-9]+ .* in koi_trap_entry \(\)' '^#[0-9]+ .*touch \(.*\) at .*null_deref\.c:[0-9]+$' \
  '^#[0-9]+ .* in null_deref_init \(\) at .*null_deref\.c:[0-9]+$' \
  '^#[0-9]+ .* in main \(\)' 'BUG: kernel NULL pointer dereference' 'exited with code 03'
expect_no_line 'Program received signal|Backtrace stopped'

# The same bytes with and without gdb.
printf 'run\n' >"$work/in"
gdb_run "$modules/kmalloc_steps/kmalloc_steps.ko" <"$work/in"
under_gdb=$(grep -E '^\[ ' <<<"$out" | sed 's/^(gdb) //')
koi run "$modules/kmalloc_steps/kmalloc_steps.ko"
expect_equal "the log under gdb is the log without" "$(grep -E '^\[ ' <<<"$out")" "$under_gdb"
finish
