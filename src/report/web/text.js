// SPDX-License-Identifier: GPL-2.0-only
// Numbers as people read them, and elements.
const units = ["KiB", "MiB", "GiB", "TiB"];

export function bytes(n) {
  if (n < 10000) return `${n.toLocaleString("en")} B`;
  let value = n / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value < 100 && !Number.isInteger(value) ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export const count = (n) => n.toLocaleString("en");
export const percent = (n) => `${n.toFixed(1)} %`;

export function duration(ns) {
  if (ns === 0) return "0";
  if (ns < 1e3) return `${+ns.toPrecision(4)} ns`;
  if (ns < 1e6) return `${+(ns / 1e3).toPrecision(4)} µs`;
  if (ns < 1e9) return `${+(ns / 1e6).toPrecision(4)} ms`;
  return `${+(ns / 1e9).toPrecision(4)} s`;
}

export function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
