# SPDX-License-Identifier: GPL-2.0-only
# What the system tests share. A test sources it, calls `expect_*`, and ends with `finish`.
set -uo pipefail

failures=0
checks=0
out=            # stdout of the last `koi`, or both streams of the last `koi_all`
status=0        # its exit code
work=$(mktemp -d "${TMPDIR:-/tmp}/koi-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

koi() {
  status=0
  out=$("$KOI" "$@" 2>"$work/stderr" </dev/null) || status=$?
  command_line="koi $*"
}

koi_all() {
  status=0
  out=$("$KOI" "$@" 2>&1 </dev/null) || status=$?
  command_line="koi $*"
}

fail() {
  failures=$((failures + 1))
  echo "FAILED: $*"
  echo "  after: ${command_line:-nothing yet} (exit $status)"
}

expect_status() {
  checks=$((checks + 1))
  if [ "$status" -ne "$1" ]; then
    fail "expected exit code $1, got $status"
    printf '%s\n' "$out" | tail -n 40 | sed 's/^/  | /'
    [ -s "$work/stderr" ] && tail -n 10 "$work/stderr" | sed 's/^/  2| /'
  fi
}

# expect_line REGEX: some line of $out matches (extended regular expression).
expect_line() {
  checks=$((checks + 1))
  if ! grep -qE -- "$1" <<<"$out"; then
    fail "no line matches: $1"
    printf '%s\n' "$out" | head -n 80 | sed 's/^/  | /'
  fi
}

expect_no_line() {
  checks=$((checks + 1))
  if grep -qE -- "$1" <<<"$out"; then
    fail "a line should not be there: $(grep -E -m1 -- "$1" <<<"$out")"
  fi
}

# expect_order REGEX...: lines that match stand in this order.
expect_order() {
  checks=$((checks + 1))
  local from=1 at pattern
  for pattern in "$@"; do
    at=$(tail -n "+$from" <<<"$out" | grep -nE -m1 -- "$pattern" | cut -d: -f1)
    if [ -z "$at" ]; then
      fail "not found, or not in this order: $pattern"
      printf '%s\n' "$out" | head -n 80 | sed 's/^/  | /'
      return
    fi
    from=$((from + at))
  done
}

expect_equal() {  # WHAT EXPECTED GOT
  checks=$((checks + 1))
  if [ "$2" != "$3" ]; then
    fail "$1"
    diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | head -n 20 | sed 's/^/  | /'
  fi
}

expect_one_line_on_stderr() {
  checks=$((checks + 1))
  [ "$(wc -l <"$work/stderr")" -eq 1 ] || { fail "expected one line on stderr"; sed 's/^/  2| /' "$work/stderr" | head; }
}

finish() {
  echo "$((checks - failures)) of $checks checks passed"
  [ "$checks" -gt 0 ] && [ "$failures" -eq 0 ]
  exit
}

# The newest installed header tree of a series: 6.1, 6.12, 6.1-cloud, 6.12-cloud.
release_of() {
  local number=${1%-cloud} list
  list=$(ls /lib/modules 2>/dev/null | grep -E "^${number//./\\.}\.[0-9]" | grep -v -- '-rt')
  case $1 in
    *-cloud) list=$(grep -- '-cloud-' <<<"$list") ;;
    *) list=$(grep -v -- '-cloud-' <<<"$list") ;;
  esac
  list=$(while read -r r; do [ -e "/lib/modules/$r/build/Makefile" ] && echo "$r"; done <<<"$list" | sort -V | tail -n 1)
  if [ -z "$list" ]; then
    case $1 in
      6.1) echo "no 6.1 headers: apt-get install linux-headers-amd64" >&2 ;;
      6.1-cloud) echo "no 6.1 cloud headers: apt-get install linux-headers-cloud-amd64" >&2 ;;
      6.12) echo "no 6.12 headers: apt-get install linux-headers-6.12-amd64" >&2 ;;
      6.12-cloud) echo "no 6.12 cloud headers: apt-get install linux-headers-6.12-cloud-amd64" >&2 ;;
    esac
    return 1
  fi
  echo "$list"
}
