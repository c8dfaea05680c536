// Looks at pages in Chromium: load time, size, requests, accessibility by axe-core, pictures and PDF.
//
//     npm install --no-save axe-core puppeteer-core     (in a folder of its own)
//     NODE_PATH=FOLDER/node_modules node crates/seal-report/tests/browser/check.mjs PAGE.html...
//
// CHROMIUM names the browser (default /usr/bin/chromium). OUT names a folder for pictures.
// Exit code 1: a page has a finding of axe-core, asks for something, scrolls sideways on a phone, or logs an
// error.
import { readFileSync, statSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.env.NODE_PATH ?? process.cwd(), "x.js"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core"), "utf8");
const out = process.env.OUT;
if (out) mkdirSync(out, { recursive: true });

const views = [
  { name: "desktop-light", width: 1280, height: 900, scheme: "light" },
  { name: "desktop-dark", width: 1280, height: 900, scheme: "dark" },
  { name: "phone-light", width: 390, height: 844, scheme: "light" },
  { name: "phone-dark", width: 390, height: 844, scheme: "dark" },
];

// Uses the page of answers as a reader would; returns what is not as it should be.
async function use(page) {
  const wrong = [];
  const holds = (said, found) => found || wrong.push(said);
  const status = () => page.$eval("#status", (e) => e.textContent);
  const count = (selector) => page.$$eval(selector, (all) => all.length);
  const set = (id, value) =>
    page.$eval("#" + id, (e, value) => {
      if (e.type === "checkbox") e.checked = value;
      else e.value = value;
      e.dispatchEvent(new Event("input", { bubbles: true }));
    }, value);
  const first = () => page.$eval("#rows article", (e) => e.textContent);
  const all = await status();
  const before = await first();
  await page.click("#on");
  holds("the next page shows other rows", (await first()) !== before);
  await page.click("#back");
  holds("the page before is the first", (await first()) === before);
  await set("words", "no such words anywhere");
  holds("a search without a hit shows nothing", (await count("#rows article")) === 0);
  const start = Date.now();
  await set("words", before.slice(-12));
  console.log(`  search: ${Date.now() - start} ms`);
  const hits = await count("#rows article");
  holds("a search finds the words of a row", hits > 0 && (await first()).includes(before.slice(-12)));
  await set("words", "");
  holds("an empty search shows all", (await status()) === all);
  await set("right", "0");
  await set("which", "differ");
  holds("an arm does not differ from itself", (await count("#rows article")) === 0);
  await set("which", "all");
  const tests = await page.$$eval("#test option", (options) => options.map((o) => o.value));
  await set("test", tests.at(-1));
  holds("answers that may be harmful are folded", (await count("details:not([open])")) > 0);
  holds("and none of them is open", (await count("details[open]")) === 0);
  await set("unfold", true);
  holds("and are unfolded on request", (await count("details:not([open])")) === 0);
  return wrong;
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
let bad = 0;
for (const file of process.argv.slice(2)) {
  const size = (statSync(file).size / 1e6).toFixed(2);
  for (const view of views) {
    const page = await browser.newPage();
    await page.setViewport({ width: view.width, height: view.height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: view.scheme }]);
    await page.setBypassCSP(true);
    const asked = [];
    const said = [];
    page.on("request", (r) => asked.push(r.url()));
    page.on("console", (m) => m.type() === "error" && said.push(m.text()));
    page.on("pageerror", (e) => said.push(String(e)));
    await page.goto(pathToFileURL(resolve(file)).href, { waitUntil: "load" });
    const load = await page.evaluate(() => performance.getEntriesByType("navigation")[0].loadEventEnd);
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
    // The shadow of a wide table is a picture, over which axe-core decides no contrast.
    await page.addStyleTag({ content: ".scroll { background: none !important; }" });
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run({ resultTypes: ["violations", "incomplete"] }));
    const open = found.incomplete.map((v) => `${v.id} ${v.nodes.length}`).join(", ") || "none";
    console.log(
      `${basename(file)} ${view.name}: ${size} MB, load ${load.toFixed(0)} ms, ` +
        `${found.violations.length} findings, not decided: ${open}`,
    );
    for (const v of found.violations) {
      console.log(`  ${v.impact} ${v.id}: ${v.help}, ${v.nodes.length} places, as ${v.nodes[0].html.slice(0, 160)}`);
      console.log(`    ${(v.nodes[0].failureSummary ?? "").replaceAll("\n", " ").slice(0, 300)}`);
    }
    said.forEach((text) => console.log(`  says: ${text}`));
    if (process.env.VERBOSE) {
      for (const v of found.incomplete) {
        const why = v.nodes[0].any.concat(v.nodes[0].all, v.nodes[0].none).map((c) => c.message);
        console.log(`  open ${v.id}: ${v.nodes[0].html.slice(0, 200)}: ${why.join("; ").slice(0, 200)}`);
      }
    }
    if (asked.length !== 1) console.log(`  asks for ${asked.slice(1).join(" ")}`);
    if (wide > 0) console.log(`  is ${wide} pixels too wide`);
    bad += found.violations.length + said.length + (asked.length - 1) + (wide > 0 ? 1 : 0);
    if (out) {
      const stem = join(out, `${basename(file, ".html")}-${view.name}`);
      await page.screenshot({ path: `${stem}.png`, fullPage: size < 5 });
      if (view.name.startsWith("desktop")) await page.pdf({ path: `${stem}.pdf`, preferCSSPageSize: true });
    }
    if (await page.$("#controls")) {
      await page.reload();
      const wrong = await use(page);
      wrong.forEach((text) => console.log(`  does not hold: ${text}`));
      bad += wrong.length;
    }
    await page.close();
  }
}
await browser.close();
process.exit(bad ? 1 : 0);
