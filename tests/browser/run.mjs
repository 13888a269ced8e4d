// Walks the console of a demo installation and its report in Chromium, a line per check.
//
// usage: node run.mjs --keepwhole PROGRAM --demo FOLDER --screenshots FOLDER
//
// FOLDER of --demo is what `keepwhole demo --out FOLDER --no-serve` wrote: journal/, report.html, packages/.
// Exit: 0 every check passed, 1 some failed, 2 wrong usage or the server did not start.

import { spawn } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join, parse, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { launch, opened } from "./browser.mjs";
import * as check from "./checks.mjs";

const LANGUAGES = ["ko", "en"];
const count = { passed: 0, failed: 0 };

async function one(name, what, run) {
  const started = Date.now();
  let wrong;
  try {
    wrong = await run();
  } catch (error) {
    wrong = [`could not be checked: ${error.message ?? error}`];
  }
  const took = `${((Date.now() - started) / 1000).toFixed(1)} s`;
  if (wrong.length === 0) {
    count.passed += 1;
    console.log(`ok      ${name}: ${what} (${took})`);
    return;
  }
  count.failed += 1;
  console.log(`FAILED  ${name}: ${what} (${took})`);
  for (const line of wrong) console.log(`        ${line}`);
}

/** Starts `keepwhole serve` and returns its process and the address that it prints. */
function serve(program, data) {
  const server = spawn(program, ["serve", "--data", data, "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const address = new Promise((found, failed) => {
    const printed = [];
    const timer = setTimeout(() => failed(new Error(`no address within 60 s; it printed:\n${printed.join("\n")}`)), 60_000);
    for (const stream of [server.stdout, server.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        printed.push(line);
        const match = line.match(/http:\/\/127\.0\.0\.1:\d+/);
        if (match) {
          clearTimeout(timer);
          found(match[0]);
        }
      });
    }
    server.on("error", failed);
    server.on("exit", (code) => failed(new Error(`it ended with ${code}; it printed:\n${printed.join("\n")}`)));
  });
  return { server, address };
}

/** Ends the server as Ctrl-C does and waits for it. */
function stop(server) {
  return new Promise((done) => {
    if (server.exitCode !== null || server.signalCode !== null) return done([]);
    const timer = setTimeout(() => {
      server.kill("SIGKILL");
      done(["did not stop within 10 s of an interrupt"]);
    }, 10_000);
    server.removeAllListeners("exit");
    server.on("exit", () => {
      clearTimeout(timer);
      done([]);
    });
    server.kill("SIGINT");
  });
}

/** A customer to look at: linked from the incident, else the first that has a package. */
async function customer(browser, base, demo) {
  const links = await opened(browser, `${base}/incidents/inc-1`, {}, (page) =>
    page.evaluate(() => [...document.querySelectorAll("a[href*='/customers/']")].map((a) => new URL(a.href).pathname)),
  );
  const linked = links.find((path) => path.length > "/customers/".length);
  if (linked) return linked;
  const packages = (await readdir(join(demo, "packages"))).sort();
  if (packages.length === 0) throw new Error("no customer is linked from /incidents/inc-1 and packages/ is empty");
  return `/customers/${encodeURIComponent(parse(packages[0]).name)}`;
}

/** The newest request to the guard, where the demo has one. */
function request(browser, base) {
  return opened(browser, `${base}/guard`, {}, (page) =>
    page.evaluate(() => {
      const link = document.querySelector("tbody a[href^='/guard/']");
      return link ? new URL(link.href).pathname : undefined;
    }),
  );
}

/** Every check of a page that is served. */
async function page(browser, name, url, { status, lang, stem, known }) {
  await one(name, "answers in its language", () => check.answers(browser, url, { status, lang }));
  await document_(browser, name, url, stem, true);
  await one(name, "has links that lead somewhere", () => check.linksLead(browser, url, known));
}

/** Every check that holds for a file as well as for a served page. */
async function document_(browser, name, url, stem, skipLink) {
  await one(name, "is accessible (axe, light and dark)", () => check.isAccessible(browser, url));
  await one(name, "needs no JavaScript", () => check.needsNoScript(browser, url));
  await one(name, "works by keyboard", () => check.worksByKeyboard(browser, url, { skipLink }));
  await one(name, "fits 320 px", () => check.fitsNarrow(browser, url));
  await one(name, "prints", () => check.prints(browser, url, `${stem}.pdf`));
  await one(name, "asks no other origin", () => check.asksNobodyElse(browser, url));
  await one(name, "can be pictured", () => check.pictures(browser, url, stem));
}

async function main() {
  const names = ["keepwhole", "demo", "screenshots"];
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" }])) });
  if (names.some((name) => !values[name])) {
    console.error("usage: node run.mjs --keepwhole PROGRAM --demo FOLDER --screenshots FOLDER");
    return 2;
  }
  const demo = resolve(values.demo);
  const shots = resolve(values.screenshots);
  await mkdir(shots, { recursive: true });

  const { server, address } = serve(values.keepwhole, join(demo, "journal"));
  const browser = await launch();
  try {
    const base = await address;
    const person = await customer(browser, base, demo);
    const pages = {
      overview: ["/", 200],
      incidents: ["/incidents", 200],
      incident: ["/incidents/inc-1", 200],
      guard: ["/guard", 200],
      approve: ["/approve", 200],
      "sign-in": ["/sign-in", 200],
      policy: ["/policy", 200],
      people: ["/people", 200],
      backtest: ["/policy/backtest", 200],
      customers: ["/customers", 200],
      customer: [person, 200],
      journal: ["/journal", 200],
      "no-page": ["/no-such-page", 404],
      "no-customer": ["/customers/nobody-of-that-name", 404],
      "no-request": ["/guard/nothing-of-that-name", 404],
    };
    const asked = await request(browser, base);
    if (asked) pages.request = [asked, 200];
    const known = new Map();
    for (const [name, [path, status]] of Object.entries(pages)) {
      for (const lang of LANGUAGES) {
        const stem = join(shots, `${name}-${lang}`);
        await page(browser, `${name} ${lang}`, `${base}${path}?lang=${lang}`, { status, lang, stem, known });
      }
    }
    const report = pathToFileURL(join(demo, "report.html")).href;
    await one("report", "answers in its language", () => check.answers(browser, report, {}));
    await document_(browser, "report", report, join(shots, "report"), false);
  } catch (error) {
    count.failed += 1;
    console.log(`FAILED  serve: ${error.message}`);
  } finally {
    await browser.close();
    await one("serve", "stops when interrupted", () => stop(server));
  }
  console.log(`${count.passed} passed, ${count.failed} failed`);
  return count.failed === 0 ? 0 : 1;
}

process.exitCode = await main();
