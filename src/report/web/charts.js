// SPDX-License-Identifier: GPL-2.0-only
// The two charts: memory over time, and what each size wastes.
import { bytes, duration } from "./text.js";

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function axis(format, extra = {}) {
  return {
    stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 },
    font: "12px system-ui, DejaVu Sans, sans-serif", values: (_, list) => list.map((v) => (v == null ? "" : format(v))), ...extra,
  };
}

// Steps of powers of two, as sizes of memory are.
function byteSplits(_, __, min, max) {
  const step = 2 ** Math.max(0, Math.ceil(Math.log2((max - min) / 5 || 1)));
  const splits = [];
  for (let v = Math.ceil(min / step) * step; v <= max; v += step) splits.push(v);
  return splits;
}

const bytesAxis = (extra = {}) => axis((v) => (v === 0 ? "0" : bytes(v)), { size: 72, splits: byteSplits, ...extra });

// Is what happened spread over the time? Else a time axis would show one needle.
export function spread(timeline) {
  const start = timeline[0][0];
  const span = timeline[timeline.length - 1][0] - start;
  const cells = new Set(timeline.map((point) => Math.floor((50 * (point[0] - start)) / (span || 1))));
  return cells.size > Math.min(20, timeline.length / 4);
}

export function steps(uPlot, box, timeline, events) {
  const stepped = uPlot.paths.stepped({ align: 1 });
  const times = timeline.map((point) => point[0] - timeline[0][0]);
  const byTime = spread(timeline);
  const x = byTime ? times : times.map((_, i) => Math.round(((i + 1) * events) / times.length));
  const end = Math.max(x[0] + 1, x[x.length - 1]);
  const area = (label, name) => ({
    label, stroke: color(name), fill: color(name), width: 1, points: { show: false }, paths: stepped,
    value: (_, v) => (v == null ? "" : bytes(v)),
  });
  return new uPlot({
    width: box.clientWidth, height: Math.min(300, 160 + box.clientWidth / 6), padding: [12, 16, 0, 0],
    cursor: { y: false },
    scales: { x: { time: false, range: () => [x[0], end] }, y: { range: (_, __, max) => [0, (max || 1) * 1.06] } },
    axes: [axis(byTime ? duration : (v) => v.toLocaleString("en"), { space: 90 }), bytesAxis()],
    series: [{ label: "time", value: (_, v, __, i) => (i == null ? "" : duration(times[i])) }, area("given", "--waste"), area("asked for", "--asked")],
  }, [x, timeline.map((point) => point[2]), timeline.map((point) => point[1])], box);
}

export function sawTooth(uPlot, box, sizes) {
  const x = sizes.map((s) => s[0]);
  return new uPlot({
    width: box.clientWidth, height: Math.min(300, 160 + box.clientWidth / 6), padding: [12, 16, 0, 0],
    cursor: { y: false }, scales: { x: { time: false }, y: { range: (_, __, max) => [0, (max || 1) * 1.08] } },
    axes: [bytesAxis({ size: 34, space: 90 }), bytesAxis()],
    series: [
      { label: "asked for", value: (_, v) => (v == null ? "" : bytes(v)) },
      { label: "wasted", stroke: color("--waste"), width: 1.5, points: { show: sizes.length < 200, size: 6, fill: color("--waste") }, value: (_, v) => (v == null ? "" : bytes(v)) },
    ],
  }, [x, sizes.map((s) => s[1] - s[0])], box);
}
