// The checks of one page. Each returns a list of what is wrong, in words; an empty list is a pass.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { opened } from "./browser.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
/** The widest that a page may be for a reader who zooms to 400 % on a common screen (WCAG 1.4.10). */
const NARROW = 320;
/** A4 at 96 dots an inch, less 10 mm of margin on each side. */
const PAPER = 718;
const MOST_TABS = 1500;

/** The page answers with `status`, in language `lang`, with one heading of the first level and no errors. */
export async function answers(browser, url, { status, lang }) {
  return opened(browser, url, {}, async (page, got, seen) => {
    const wrong = [];
    if (status && got !== status) wrong.push(`answers ${got}, expected ${status}`);
    const facts = await page.evaluate(() => ({
      lang: document.documentElement.lang,
      // A file in two languages hides the one that is not chosen.
      headings: [...document.querySelectorAll("h1")].filter((h) => h.checkVisibility()).map((h) => h.textContent.trim()),
      title: document.title.trim(),
    }));
    if (!facts.title) wrong.push("has no title");
    if (facts.headings.length !== 1) wrong.push(`has ${facts.headings.length} headings of the first level, expected 1`);
    if (lang && facts.lang !== lang) wrong.push(`says it is in \`${facts.lang}\`, expected \`${lang}\``);
    const korean = facts.headings.some((heading) => /[\uac00-\ud7a3]/.test(heading));
    if (lang === "ko" && !korean) wrong.push(`its heading \`${facts.headings[0]}\` is not Korean`);
    if (lang === "en" && korean) wrong.push(`its heading \`${facts.headings[0]}\` is not English`);
    // Chromium reports an answer of 404 as an error; that is the answer that was asked for.
    const errors = seen.errors.filter((error) => !(status >= 400 && error.includes(String(status))));
    return wrong.concat(errors.map((error) => `reports the error: ${error}`));
  });
}

/** Nothing is asked of another origin. */
export async function asksNobodyElse(browser, url) {
  return opened(browser, url, {}, async (_page, _status, seen) => {
    const own = url.startsWith("file:") ? "file:" : `${new URL(url).origin}/`;
    const foreign = seen.requests.filter((asked) => !asked.startsWith(own) && !asked.startsWith("data:"));
    return foreign.map((asked) => `asks ${asked}`);
  });
}

/** No violation of WCAG 2.2 A and AA that axe can find, in light and dark. */
export async function isAccessible(browser, url) {
  const wrong = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const found of await opened(browser, url, { colorScheme }, axe)) wrong.push(`${colorScheme}: ${found}`);
  }
  return wrong;
}

async function axe(page) {
  // Through the debugger, so that the page's own content policy stays as it is.
  const session = await page.context().newCDPSession(page);
  const run = `${AXE};axe.run(document, {runOnly: ${JSON.stringify(TAGS)}, resultTypes: ["violations"]}).then((result) =>
    JSON.stringify(result.violations.map((v) => ({
      id: v.id, help: v.help, count: v.nodes.length, first: v.nodes[0].target.join(" "), why: v.nodes[0].failureSummary }))))`;
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    expression: run,
    awaitPromise: true,
    returnByValue: true,
  });
  if (exceptionDetails) return [`axe did not run: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`];
  return JSON.parse(result.value).map(
    (v) => `${v.id} (${v.count} times, first \`${v.first}\`): ${v.help}; ${v.why.replace(/\s+/g, " ")}`,
  );
}

/** With JavaScript off the page says the same. */
export async function needsNoScript(browser, url) {
  const text = (page) => page.evaluate(() => document.body.innerText.replace(/\s+/g, " ").trim());
  const without = await opened(browser, url, { javaScriptEnabled: false }, text);
  const with_ = await opened(browser, url, {}, text);
  if (without.length < 40) return [`shows ${without.length} letters with JavaScript off`];
  return without === with_ ? [] : ["shows other text with JavaScript off"];
}

/** At a width of 320 px the page itself does not scroll sideways. */
export async function fitsNarrow(browser, url) {
  return opened(browser, url, { viewport: { width: NARROW, height: 640 } }, (page) => tooWide(page, NARROW));
}

async function tooWide(page, width) {
  const found = await page.evaluate((limit) => {
    const root = document.scrollingElement;
    if (root.scrollWidth <= limit) return null;
    const clipped = (element) => {
      for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
        if (getComputedStyle(up).overflowX !== "visible") return true;
      }
      return false;
    };
    const wide = [...document.body.querySelectorAll("*")]
      .filter((element) => element.getBoundingClientRect().right > limit + 1 && !clipped(element))
      .map((element) => element.tagName.toLowerCase() + (element.className ? `.${element.className}` : ""));
    return { width: root.scrollWidth, wide: [...new Set(wide)].slice(0, 5) };
  }, width);
  return found ? [`is ${found.width} px wide at ${width} px, because of ${found.wide.join(", ")}`] : [];
}

/** Prints to PDF, without navigation and without being cut at the right edge. */
export async function prints(browser, url, file) {
  return opened(browser, url, { viewport: { width: PAPER, height: 1000 }, colorScheme: "light" }, async (page) => {
    await page.emulateMedia({ media: "print" });
    const wrong = await tooWide(page, PAPER);
    const navigation = await page.evaluate(() => [...document.querySelectorAll("nav")].some((nav) => nav.checkVisibility()));
    if (navigation) wrong.push("prints its navigation");
    const hidden = await page.evaluate(() =>
      [...document.querySelectorAll("main table, article table")].some((table) => {
        const box = table.parentElement;
        return getComputedStyle(box).overflowX !== "visible" && box.scrollWidth > box.clientWidth + 1;
      }),
    );
    if (hidden) wrong.push("prints a table that is cut at the right edge");
    const pdf = await page.pdf({ path: file, format: "A4", margin: { top: "10mm", right: "10mm", bottom: "10mm", left: "10mm" } });
    if (pdf.subarray(0, 5).toString("latin1") !== "%PDF-" || pdf.length < 2000) wrong.push("does not print to PDF");
    return wrong;
  });
}

/** By keyboard alone: a skip link comes first and works, every control is reached by Tab, and focus can be seen. */
export async function worksByKeyboard(browser, url, { skipLink = true } = {}) {
  const wrong = skipLink ? await opened(browser, url, {}, skips) : [];
  return wrong.concat(await opened(browser, url, {}, walks));
}

async function skips(page) {
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => {
    const focused = document.activeElement;
    const box = focused.getBoundingClientRect();
    const inView = box.width > 1 && box.height > 1 && box.left >= 0 && box.top >= 0;
    return { target: focused.getAttribute("href") ?? "", inView };
  });
  if (!first.target.startsWith("#")) return ["Tab does not reach a skip link first"];
  const wrong = first.inView ? [] : ["its skip link can't be seen when focused"];
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  const leads = await page.evaluate((target) => {
    const main = document.querySelector(target);
    if (!main || location.hash !== target) return false;
    // Without a control inside there is nothing to go on to.
    return !main.querySelector("a[href], button, input, select, textarea, summary") || main.contains(document.activeElement);
  }, first.target);
  if (!leads) wrong.push(`its skip link does not lead to \`${first.target}\``);
  return wrong;
}

async function walks(page) {
  const expected = await page.evaluate(() => {
    const controls = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
    const usable = controls.filter((c) => !c.disabled && c.type !== "hidden" && c.checkVisibility({ contentVisibilityAuto: true }));
    // What may be focused by script only, such as the target of a skip link, is no control.
    const alone = usable.filter((c) => c.getAttribute("tabindex") !== "-1" || c.matches("a[href], button, input, select, textarea"));
    // Of a group of radio buttons Tab reaches the chosen one; the arrow keys reach the others.
    const wanted = alone.filter((c) => c.type !== "radio" || c.checked);
    wanted.forEach((control, index) => control.setAttribute("data-walk", String(index)));
    return wanted.map((control) => `${control.tagName.toLowerCase()} \`${(control.textContent || control.name || "").trim().slice(0, 40)}\``);
  });
  const reached = new Set();
  const unseen = new Set();
  let last = null;
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const style = getComputedStyle(element);
      const outline = style.outlineStyle === "auto" || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
      return { walk: element.getAttribute("data-walk"), visible: outline || style.boxShadow !== "none" };
    });
    // A field of a date has parts of its own, through which Tab goes first.
    if (focused !== null && focused.walk !== null && focused.walk === last) continue;
    if (focused === null || reached.has(focused.walk)) break;
    last = focused.walk;
    reached.add(focused.walk);
    if (!focused.visible && focused.walk !== null) unseen.add(expected[Number(focused.walk)]);
  }
  const missed = expected.filter((_, index) => !reached.has(String(index)));
  const wrong = [];
  if (missed.length) wrong.push(`Tab does not reach ${missed.length} of ${expected.length}: ${missed.slice(0, 3).join(", ")}`);
  if (unseen.size) wrong.push(`focus can't be seen on ${[...unseen].slice(0, 3).join(", ")}`);
  return wrong;
}

/** Every link to the page's own origin leads somewhere; `known` remembers those already asked. */
export async function linksLead(browser, url, known) {
  const links = await opened(browser, url, {}, (page) =>
    page.evaluate(() => [...document.querySelectorAll("a[href]")].map((a) => a.href.split("#")[0])),
  );
  // The page itself, in this language or the other, is a check of its own.
  const { origin, pathname } = new URL(url);
  const own = [...new Set(links)].filter((link) => link.startsWith(`${origin}/`) && new URL(link).pathname !== pathname);
  const wrong = [];
  for (const link of own.slice(0, 200)) {
    if (!known.has(link)) known.set(link, (await fetch(link)).status);
    if (known.get(link) !== 200) wrong.push(`links to ${link}, which answers ${known.get(link)}`);
  }
  return wrong;
}

/** Pictures to look at: wide, dark and narrow. They judge nothing. */
export async function pictures(browser, url, stem) {
  const wide = { viewport: { width: 1280, height: 900 } };
  const shots = { "": wide, "-dark": { ...wide, colorScheme: "dark" }, "-narrow": { viewport: { width: NARROW, height: 640 } } };
  for (const [suffix, options] of Object.entries(shots)) {
    await opened(browser, url, options, (page) => page.screenshot({ path: `${stem}${suffix}.png`, fullPage: true }));
  }
  return [];
}
