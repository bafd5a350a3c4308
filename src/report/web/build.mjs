// SPDX-License-Identifier: GPL-2.0-only
// Makes page.html: template.html with the styles and the bundled script in it.
//   npm install && npm run build
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";

const bundle = await build({
  entryPoints: ["app.js"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  legalComments: "none",
  write: false,
});
const script = bundle.outputFiles[0].text.replaceAll("</", "<\\/");
const styles = readFileSync("node_modules/uplot/dist/uPlot.min.css", "utf8") + readFileSync("style.css", "utf8");
const license = readFileSync("node_modules/uplot/LICENSE", "utf8").trim();
const page = readFileSync("template.html", "utf8")
  .replace("/*STYLES*/", () => styles.trim())
  .replace("/*SCRIPT*/", () => script.trim())
  .replace("UPLOT_LICENSE", () => license.replaceAll("--", "- -"));
writeFileSync("page.html", page);
console.log(`page.html: ${page.length} bytes`);
