// SPDX-License-Identifier: GPL-2.0-only
// Draws the memory report from the JSON in the page (docs/memory-report.md).
import uPlot from "uplot";
import { bytes, count, duration, element, percent } from "./text.js";
import { spread, steps, sawTooth } from "./charts.js";

const data = JSON.parse(document.getElementById("data").textContent);
const report = document.getElementById("report");
const h = element;

function figures() {
  const t = data.total;
  const leaked = data.leaks.reduce((sum, leak) => sum + leak.actual_bytes, 0);
  const figure = (value, label, kind = "") => h("div", { class: `figure ${kind}` }, h("b", {}, value), h("span", {}, label));
  const list = [
    figure(count(t.calls), "allocations"),
    figure(bytes(t.requested_bytes), "asked for"),
    figure(bytes(t.actual_bytes), "given"),
    figure(percent(t.wasted_percent), `wasted: ${bytes(t.wasted_bytes)}`, "waste"),
    figure(bytes(t.peak_bytes), "live at the peak"),
  ];
  if (data.leaks.length) list.push(figure(bytes(leaked), `leaked, by ${count(data.leaks.length)} call site${data.leaks.length > 1 ? "s" : ""}`, "bad"));
  if (t.failures) list.push(figure(count(t.failures), "refused", "bad"));
  return h("div", { class: "figures" }, ...list);
}

function head() {
  const m = data.machine;
  const name = data.modules.length ? data.modules.join(", ") : "Recorded allocations";
  document.title = `Memory of ${name}`;
  const t = data.total;
  const asked = t.actual_bytes ? (100 * t.requested_bytes) / t.actual_bytes : 0;
  const from = m.source === "koi" ? `seed ${m.seed}` : `imported from ${m.source}`;
  return [
    h("h1", {}, data.modules.length ? `Memory of ${name}` : name),
    h("p", { class: "about" }, `Linux ${m.release}, ${m.cpus} CPU${m.cpus === 1 ? "" : "s"}, ${bytes(m.memory_bytes)} of RAM, ${from}`),
    figures(),
    h("div", { class: "split", role: "img", "aria-label": `${percent(100 - asked)} wasted` },
      h("i", { class: "asked", style: `width:${asked}%` }), h("i", { class: "wasted", style: `width:${100 - asked}%` })),
    h("div", { class: "key" }, h("span", {}, h("i", { class: "asked" }), "asked for"), h("span", {}, h("i", { class: "wasted" }), "wasted")),
    ...remarks(),
  ];
}

function remarks() {
  const list = [];
  const other = data.unattributed;
  if (other.calls) {
    const made = other.calls === 1 ? "1 more allocation was" : `${count(other.calls)} more allocations were`;
    list.push(`${made} made by the kernel itself or through function pointers (${bytes(other.peak_bytes)} at the peak): ` +
      "without a call site, and in none of the lists.");
  }
  if (data.truncated) list.push("There were more events than koi keeps: the end of the run is missing.");
  return list.map((text) => h("p", { class: "note" }, text));
}

function share(row) {
  const most = Math.max(1, ...data.sites.map((s) => s.actual_bytes));
  const asked = (100 * row.requested_bytes) / most;
  const wasted = (100 * row.wasted_bytes) / most;
  return h("span", { class: "share" }, h("i", { style: `width:${asked}%` }), h("i", { class: "w", style: `width:${wasted}%` }));
}

function table(heads, rows) {
  const cells = (row) => row.map((cell, i) => h("td", { "data-head": heads[i] }, ...[].concat(cell)));
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", {}, text)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells(row)))));
}

function usageCells(row) {
  return [count(row.calls), count(row.live_objects), bytes(row.peak_bytes), bytes(row.requested_bytes),
    bytes(row.actual_bytes), bytes(row.wasted_bytes), percent(row.wasted_percent)];
}
const usageHeads = ["calls", "live", "peak", "asked", "given", "wasted", "%"];

function sites() {
  const own = data.sites.filter((s) => s.site !== 0 || data.machine.source !== "koi");
  if (!own.length) return [];
  const rows = own.map((s) => {
    const size = s.smallest_request === s.largest_request ? bytes(s.largest_request)
      : `${bytes(s.smallest_request)} to ${bytes(s.largest_request)}`;
    const where = [s.callee, s.cache || s.kind, size].filter(Boolean).join(" · ");
    return [[s.name, h("small", {}, where), share(s)], ...usageCells(s)];
  });
  return [h("h2", {}, "By call site"), table(["call site", ...usageHeads], rows)];
}

function advice() {
  const list = data.advice.map((a) => h("div", { class: "card" },
    h("b", {}, `Saves ${bytes(a.bytes_saved)} of ${bytes(a.bytes_before)}`), `: ${a.advice}.`,
    h("div", { class: "where" }, `${a.name}; the machine's peak `,
      a.pages_saved === 0 ? "stays as it is" : `${a.pages_saved > 0 ? "falls" : "rises"} by ${count(Math.abs(a.pages_saved))} page${Math.abs(a.pages_saved) === 1 ? "" : "s"}`)));
  if (!list.length) return [];
  return [h("h2", {}, "What would take less"),
    h("p", { class: "note" }, "Each line is the recorded trace run again through the allocators with that one change, at its peak."),
    h("div", { class: "cards" }, ...list)];
}

function leaks() {
  if (!data.leaks.length) return [];
  const cards = data.leaks.map((leak) => h("div", { class: "card leak" },
    h("b", {}, `${count(leak.objects)} object${leak.objects === 1 ? "" : "s"}, ${bytes(leak.actual_bytes)}`), ` from ${leak.name}`,
    leak.trace.length ? h("ol", {}, ...leak.trace.map((frame) => h("li", { class: "mono" }, frame))) : ""));
  return [h("h2", {}, "Leaked"), h("p", { class: "note" }, "Alive after the module that allocated them had been unloaded."),
    h("div", { class: "cards" }, ...cards)];
}

function bars(rows, label, amount, text) {
  const most = Math.max(1, ...rows.map(amount));
  return h("div", { class: "bars" }, ...rows.flatMap((row) => [h("span", {}, label(row)),
    h("span", { class: "bar" }, h("i", { style: `width:${(100 * amount(row)) / most}%` })), h("span", { class: "n" }, text(row))]));
}

function grouped() {
  const parts = [];
  if (data.lifetimes.length) {
    parts.push(h("section", {}, h("h2", {}, "By lifetime"),
      bars(data.lifetimes, (r) => r.lifetime, (r) => r.objects, (r) => count(r.objects))));
  }
  if (data.classes.length) {
    parts.push(h("section", {}, h("h2", {}, "By bytes given"),
      bars(data.classes, (r) => bytes(+r.name), (r) => r.calls, (r) => `${count(r.calls)} × · ${percent(r.wasted_percent)} wasted`)));
  }
  const list = parts.length ? [h("div", { class: "two" }, ...parts)] : [];
  if (data.caches.length) list.push(h("h2", {}, "By cache"), table(["cache", ...usageHeads], data.caches.map((c) => [c.name, ...usageCells(c)])));
  return list;
}

function slabs() {
  if (!data.slabs.length) return [];
  const rows = data.slabs.map((s) => [
    [s.name, h("span", { class: "share" }, h("i", { style: `width:${s.capacity ? (100 * s.objects) / s.capacity : 0}%` }))],
    bytes(s.object_bytes), count(s.objects), count(s.capacity), count(s.slabs), count(s.pages)]);
  return [h("h2", {}, "Slabs at the peak"), table(["cache", "object", "in use", "room for", "slabs", "pages"], rows)];
}

function memoryMap() {
  if (!data.map) return [];
  const per = data.map.pages_per_cell;
  const cells = data.map.taken_pages.map((taken, i) => {
    const part = taken / per;
    const cell = h("i", { title: `from ${bytes(i * per * 4096)}: ${count(taken)} of ${count(per)} pages taken` });
    if (taken) cell.style.background = `color-mix(in srgb, var(--asked) ${Math.round(25 + 75 * part)}%, var(--cell))`;
    return cell;
  });
  const orders = data.zones[0]?.free_blocks.map((_, order) => bytes(4096 * 2 ** order)) ?? [];
  return [h("h2", {}, "Physical memory at the peak"),
    h("p", { class: "note" }, `One cell is ${bytes(per * 4096)}; the stronger its colour, the more of it is taken.`),
    h("div", { class: "map", role: "img", "aria-label": "map of physical memory" }, ...cells),
    h("h2", {}, "Free blocks by size"),
    table(["zone", ...orders], data.zones.map((z) => [z.name, ...z.free_blocks.map(count)]))];
}

function place(title, note, draw) {
  const box = h("div", { class: "chart" });
  report.append(h("h2", {}, title), h("p", { class: "note" }, note), box);
  return () => draw(box);
}

report.replaceChildren(...head(), ...leaks(), ...sites(), ...advice());
const charts = [];
if (data.timeline.length > 1) {
  const against = spread(data.timeline) ? "against virtual time" : "event after event, since most happens in a small part of the time";
  charts.push(place("Over time", `Bytes alive, ${against}.`, (box) => steps(uPlot, box, data.timeline, data.events)));
}
if (data.sizes.length > 4) {
  charts.push(place("What a size costs", "Bytes wasted by one allocation, against the bytes asked for.",
    (box) => sawTooth(uPlot, box, data.sizes)));
}
report.append(...grouped(), ...slabs(), ...memoryMap());
report.append(h("footer", {}, `${count(data.events)} events; on Linux ${data.other_release.release} the same trace holds ` +
  `${count(data.other_release.peak_pages)} pages at its peak, here ${count(data.replay.peak_pages)}.`));

let drawn = 0;
function draw() {
  const width = report.clientWidth;
  if (width === drawn) return;
  drawn = width;
  for (const box of document.querySelectorAll(".chart")) box.replaceChildren();
  for (const chart of charts) chart();
}
draw();
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawn = 0; draw(); });
document.documentElement.dataset.ready = "yes";
