#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# report_page.sh: the HTML report in headless Chromium: what it shows, that it fits a phone, that it asks nothing of the network.
. "$(dirname "$0")/lib.sh"
if ! command -v chromium >/dev/null; then
  echo "skipped: there is no chromium here (apt-get install chromium)"
  exit 77
fi
page=$work/flow.html

koi mem --report "$page" "$KOI_MODULES/6.1/flow_table/flow_table.ko"
expect_status 0
koi_all mem --report "$work/steps.html" "$KOI_MODULES/6.1/kmalloc_steps/kmalloc_steps.ko"

# Opens a file and prints the document as it is after its scripts have run.
browse() {
  HOME=$work timeout 60 chromium --headless=new --no-sandbox --disable-gpu --allow-file-access-from-files \
    --host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir="$work/profile" --virtual-time-budget=3000 --dump-dom "file://$1" 2>/dev/null
}

out=$(browse "$page")
status=$?
command_line="chromium $page"
expect_status 0
expect_line '<html lang="en" data-ready="yes">'
expect_line '<title>Memory of flow_table</title>'
text=$(sed 's/<script.*//; s/<[^>]*>/\n/g' <<<"$out")
for words in 'Leaked' '10 objects, 160 B' 'By call site' 'flow_table.c:[0-9]+ flow_alloc' 'What would take less' \
  'Saves 192 KiB of 400 KiB' 'Over time' 'By lifetime' 'never freed' 'By cache' 'kmalloc-2k' 'Slabs at the peak' \
  'Physical memory at the peak' 'Free blocks by size'; do
  checks=$((checks + 1))
  grep -qE "$words" <<<"$text" || fail "the page does not show: $words"
done
expect_equal "three call sites" 3 "$(grep -oE '<small>[^<]* · [^<]*</small>' <<<"$out" | wc -l)"
expect_equal "one chart is drawn" 1 "$(grep -o '<canvas' <<<"$out" | wc -l)"
expect_equal "nothing comes from elsewhere" "" "$(grep -oE '(src|href)="[^"]*"' "$page")"
out=$(browse "$work/steps.html")
expect_equal "over time, and what a size costs" 2 "$(grep -o '<canvas' <<<"$out" | wc -l)"

# On a phone: nothing is wider than the screen.
cat >"$work/phone.html" <<HTML
<iframe id="phone" src="flow.html" style="width:390px;height:800px;border:0"></iframe>
<script>onload = () => { const root = document.getElementById("phone").contentDocument.documentElement;
  document.title = "wide " + root.scrollWidth + " of " + root.clientWidth; };</script>
HTML
out=$(browse "$work/phone.html")
expect_line '<title>wide ([0-9]+) of \1</title>'
finish
