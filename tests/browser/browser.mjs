// Starts Chromium and opens pages in it, each in a context of its own, with a record of what the page asked for.

import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Chromium without a window. `CHROMIUM` names the program; a bare name is looked up on the path by the caller. */
export function launch() {
  const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/**
 * Opens `url` in a new context, hands the page to `look`, and closes the context again.
 *
 * `look` gets the page, the answer's status, and `seen`: the addresses asked for and the errors that the page reported.
 */
export async function opened(browser, url, options, look) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  try {
    const page = await context.newPage();
    const seen = { requests: [], errors: [] };
    page.on("request", (request) => seen.requests.push(request.url()));
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") seen.errors.push(message.text());
    });
    const answer = await page.goto(url, { waitUntil: "load", timeout: 30_000 });
    return await look(page, answer ? answer.status() : 0, seen);
  } finally {
    await context.close();
  }
}
