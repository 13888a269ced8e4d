// Walks sign-in and approvals of a running installation in Chromium with virtual authenticators, a line per check.
//
// usage: node staff.mjs --keepwhole PROGRAM --staffed PROGRAM --work FOLDER --screenshots FOLDER
//
// --staffed is the example `staffed` of crates/keepwhole: it makes an exchange with three people whose passkeys were made
// in this browser. FOLDER of --work is filled anew.
// Exit: 0 every check passed, 1 some failed, 2 wrong usage.

import { execFileSync, spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { launch, opened } from "./browser.mjs";
import * as check from "./checks.mjs";

const count = { passed: 0, failed: 0 };

async function one(what, run) {
  let wrong;
  try {
    wrong = await run();
  } catch (error) {
    wrong = [`could not be checked: ${error.message ?? error}`];
  }
  count[wrong.length ? "failed" : "passed"] += 1;
  console.log(`${wrong.length ? "FAILED " : "ok     "} staff: ${what}`);
  for (const line of wrong) console.log(`        ${line}`);
}

const is = (found, wanted) => (found === wanted ? [] : [`found \`${found}\`, expected \`${wanted}\``]);
const says = (text, part) => (text.includes(part) ? [] : [`\`${part}\` is missing in: ${text.slice(0, 300)}`]);

function freePort() {
  return new Promise((found) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

/** The program's `serve` on a port; ready once it says that it listens. */
async function serve(program, data, port) {
  const server = spawn(program, ["serve", "--data", data, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "pipe"] });
  const printed = [];
  await new Promise((ready, failed) => {
    const timer = setTimeout(() => failed(new Error(`no address within 60 s: ${printed.join("\n")}`)), 60_000);
    for (const stream of [server.stdout, server.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        printed.push(line);
        if (line.includes("listening on")) {
          clearTimeout(timer);
          ready();
        }
      });
    }
    server.on("exit", (code) => failed(new Error(`ended with ${code}: ${printed.join("\n")}`)));
  });
  return server;
}

function stop(server) {
  return new Promise((done) => {
    server.removeAllListeners("exit");
    server.on("exit", done);
    server.kill("SIGINT");
  });
}

const settings = (port, signIn) =>
  `version = 1\n\n[console]\nrp_id = "localhost"\norigin = "http://localhost:${port}"\nsign_in = "${signIn}"\n`;

/** A person with a page, a security key, and the assertions that the page posted. */
async function person(browser, name) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US" });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "usb", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const sent = [];
  const errors = [];
  page.on("request", (request) => {
    if (request.method() === "POST") sent.push([new URL(request.url()).pathname, request.postData()]);
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  const verifies = (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
  return { name, context, page, sent, errors, verifies };
}

/** Makes a passkey on the page and keeps its credential file; gives the six words. */
async function enrol(who, base, folder) {
  await who.page.goto(`${base}/enrol?lang=en`);
  await who.page.getByLabel("Your name").fill(who.name);
  await who.page.getByRole("button", { name: "Make the passkey" }).click();
  await who.page.waitForURL(/\/enrol\/[0-9a-f]{32}/);
  const href = await who.page.locator("a[download]").getAttribute("href");
  const file = await who.page.evaluate(async (path) => (await fetch(path)).text(), href).catch(() => null);
  who.file = join(folder, `${who.name}.json`);
  const pre = await who.page.locator("main pre").first().textContent();
  await writeFile(who.file, file ?? pre);
  return who.page.locator("strong.six").first().textContent();
}

async function signIn(who, base) {
  await who.page.goto(`${base}/sign-in?lang=en`);
  await who.page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await who.page.waitForURL(/\/approve/);
}

/** Presses a button of the page by keyboard alone; gives what the page says if it stays. */
async function press(who, name) {
  const button = who.page.getByRole("button", { name });
  await button.focus();
  const stays = who.page.locator("form.passkey [role=alert]").filter({ hasText: /\S/ }).first().waitFor({ timeout: 15_000 });
  const goes = who.page.waitForEvent("load", { timeout: 15_000 });
  stays.catch(() => {});
  goes.catch(() => {});
  await who.page.keyboard.press("Enter");
  await Promise.any([stays, goes]);
  return (await who.page.locator("form.passkey [role=alert]").allTextContents()).join(" ").trim();
}

const post = (page, path, body) =>
  page.evaluate(
    async ([path, body]) => {
      const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body });
      return { status: answer.status, ...(await answer.json()) };
    },
    [path, body],
  );

const main_ = (page) => page.locator("main").innerText();

async function makePasskeys(browser, base, work, shots) {
  const people = {};
  for (const name of ["ada", "bea", "cem", "dan"]) {
    people[name] = await person(browser, name);
    await one(`${name} makes a passkey`, async () => {
      const words = await enrol(people[name], base, work);
      return is(words.trim().split(/\s+/).length, 6);
    });
  }
  await people.ada.page.screenshot({ path: join(shots, "staff-made-en.png"), fullPage: true });
  return people;
}

async function approvals({ ada, bea, dan }, base, shots) {
  await one("a passkey that is not enrolled opens nothing", async () => {
    await dan.page.goto(`${base}/sign-in?lang=en`);
    return says(await press(dan, "Sign in with a passkey"), "Nobody at this exchange has this passkey");
  });
  await one("a prompt that the person refuses changes nothing", async () => {
    await ada.verifies(false);
    await ada.page.goto(`${base}/sign-in?lang=en`);
    const said = await press(ada, "Sign in with a passkey");
    await ada.verifies(true);
    const cookies = await ada.context.cookies();
    return says(said, "cancelled").concat(is(cookies.length, 0));
  });
  await one("ada signs in", async () => {
    await signIn(ada, base);
    const cookies = await ada.context.cookies();
    const session = cookies.find((cookie) => cookie.name === "keepwhole-session");
    return says(await main_(ada.page), "ada").concat(is(session?.httpOnly, true), is(session?.sameSite, "Strict"), is(session?.expires, -1));
  });
  for (const lang of ["ko", "en"]) {
    for (const [name, path] of [["waiting", "/approve"], ["matter", "/approve/w-1"], ["large", "/approve/w-large"], ["stop", "/stop"]]) {
      await ada.page.goto(`${base}${path}?lang=${lang}`);
      await ada.page.screenshot({ path: join(shots, `staff-${name}-${lang}.png`), fullPage: true });
      await ada.page.setViewportSize({ width: 320, height: 640 });
      await one(`${path} fits 320 px when signed in (${lang})`, async () =>
        is(await ada.page.evaluate(() => document.scrollingElement.scrollWidth <= 320), true));
      await ada.page.screenshot({ path: join(shots, `staff-${name}-${lang}-narrow.png`), fullPage: true });
      await ada.page.setViewportSize({ width: 1280, height: 900 });
    }
  }
  await one("another's session can't be lent: its answers are counted for nobody", async () => {
    const begun = await post(ada.page, "/answer/begin", JSON.stringify({ target: "w-1", role: "risk", decision: "approve" }));
    const empty = { ticket: begun.ticket, credential: "AA", authenticator_data: "AA", client_data_json: "AA", signature: "AA" };
    const alone = await post(ada.page, "/answer/finish", JSON.stringify(empty));
    return is(begun.status, 200).concat(is(alone.status >= 400, true), is(Boolean(alone.code), true));
  });
  await one("ada approves by keyboard, and it still waits for the second", async () => {
    await ada.page.goto(`${base}/approve/w-1?lang=en`);
    const said = await press(ada, "Approve with a passkey");
    const text = await main_(ada.page);
    return is(said, "").concat(says(text, "1 of 2"), says(text, "waits"));
  });
  await one("the same assertion again is refused", async () => {
    const [, body] = ada.sent.findLast(([path]) => path === "/answer/finish");
    return is((await post(ada.page, "/answer/finish", body)).code, "ceremony_over");
  });
  await one("bea's approval clears it", async () => {
    await signIn(bea, base);
    await bea.page.goto(`${base}/approve/w-1?lang=en`);
    const said = await press(bea, "Approve with a passkey");
    const text = await main_(bea.page);
    await bea.page.goto(`${base}/guard/w-1?lang=en`);
    return is(said, "").concat(says(text, "done"), says(await main_(bea.page), "bea"));
  });
  await one("bea rejects the other, which ends it", async () => {
    await bea.page.goto(`${base}/approve/w-2?lang=en`);
    await press(bea, "Reject with a passkey");
    return says(await main_(bea.page), "denied");
  });
  await one("above the limit the page asks for the approver client", async () => {
    await ada.page.goto(`${base}/approve/w-large?lang=en`);
    const text = await main_(ada.page);
    const buttons = await ada.page.getByRole("button", { name: "Approve with a passkey" }).count();
    return says(text, "From this amount on the approver client is needed").concat(is(buttons, 0));
  });
}

async function thieves({ ada }, base) {
  await one("a foreign page can post nothing", async () => {
    const evil = createServer((_, answer) => {
      answer.setHeader("content-type", "text/html");
      answer.end(`<form method="post" action="${base}/sign-out"><button>win</button></form>`);
    });
    const port = await new Promise((up) => evil.listen(0, "127.0.0.1", () => up(evil.address().port)));
    const page = await ada.context.newPage();
    try {
      await page.goto(`http://127.0.0.1:${port}/`);
      const [answer] = await Promise.all([page.waitForResponse(/sign-out/), page.getByRole("button").click()]);
      const read = await page.goto(`http://127.0.0.1:${port}/`).then(() =>
        page.evaluate((url) => fetch(url, { method: "POST", body: "{}", credentials: "include" }).then(() => "read", () => "refused"), `${base}/answer/begin`));
      await ada.page.goto(`${base}/approve?lang=en`);
      return is(answer.status(), 403).concat(is(read, "refused"), says(await main_(ada.page), "Sign out"));
    } finally {
      await page.close();
      evil.close();
    }
  });
  await one("a cookie is worth nothing after the sign-out", async () => {
    const cookies = await ada.context.cookies();
    await ada.page.goto(`${base}/approve?lang=en`);
    await ada.page.getByRole("button", { name: "Sign out" }).click();
    await ada.page.waitForURL(/\/sign-in/);
    await ada.context.addCookies(cookies);
    await ada.page.goto(`${base}/approve?lang=en`);
    const text = await main_(ada.page);
    return text.includes("Sign out") ? ["is signed in again"] : [];
  });
}

async function guestPages(browser, base, shots) {
  for (const lang of ["ko", "en"]) {
    for (const [name, path] of [["sign-in", "/sign-in"], ["enrol", "/enrol"], ["guest-waiting", "/approve"], ["guest-matter", "/approve/w-large"], ["guest-stop", "/stop"]]) {
      const url = `${base}${path}?lang=${lang}`;
      const stem = join(shots, `staff-${name}-${lang}`);
      await one(`${path} answers in its language (${lang})`, () => check.answers(browser, url, { status: 200, lang }));
      await one(`${path} is accessible (${lang})`, () => check.isAccessible(browser, url));
      await one(`${path} works by keyboard (${lang})`, () => check.worksByKeyboard(browser, url));
      await one(`${path} fits 320 px (${lang})`, () => check.fitsNarrow(browser, url));
      await one(`${path} asks no other origin (${lang})`, () => check.asksNobodyElse(browser, url));
      await check.pictures(browser, url, stem);
    }
    await one(`without JavaScript the sign-in says what does the same (${lang})`, () =>
      opened(browser, `${base}/sign-in?lang=${lang}`, { javaScriptEnabled: false }, async (page) =>
        says(await main_(page), "JavaScript").concat(says(await main_(page), "keepwhole staff approve"))));
  }
}

async function expires({ ada }, base) {
  await one("sign-in is demanded, and a session that nobody uses ends", async () => {
    await ada.context.clearCookies();
    await ada.page.goto(`${base}/guard/w-1?lang=en`);
    const wrong = says(ada.page.url(), "/sign-in?next=");
    await ada.page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await ada.page.waitForURL(/\/guard\/w-1/);
    await ada.page.waitForTimeout(4_000);
    await ada.page.goto(`${base}/guard/w-1?lang=en`);
    return wrong.concat(says(ada.page.url(), "/sign-in?next="));
  });
}

async function main() {
  const names = ["keepwhole", "staffed", "work", "screenshots"];
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" }])) });
  if (names.some((name) => !values[name])) {
    console.error("usage: node staff.mjs --keepwhole PROGRAM --staffed PROGRAM --work FOLDER --screenshots FOLDER");
    return 2;
  }
  const [work, shots] = [resolve(values.work), resolve(values.screenshots)];
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await mkdir(shots, { recursive: true });
  const port = await freePort();
  const base = `http://localhost:${port}`;
  const browser = await launch();
  let server;
  try {
    const fresh = join(work, "fresh");
    execFileSync(values.keepwhole, ["init", "--data", fresh, "--origin", "exchange.example/keepwhole"]);
    await writeFile(join(fresh, "keepwhole.toml"), settings(port, "optional"));
    server = await serve(values.keepwhole, fresh, port);
    const people = await makePasskeys(browser, base, work, shots);
    await stop(server);
    const files = ["ada", "bea", "cem"].map((name) => people[name].file);
    const made = (folder, idle, signIn) => {
      execFileSync(values.staffed, [folder, base, String(idle), ...files]);
      return writeFile(join(folder, "keepwhole.toml"), settings(port, signIn));
    };
    const [exchange, short] = [join(work, "ex"), join(work, "short")];
    await made(exchange, 900, "optional");
    server = await serve(values.keepwhole, exchange, port);
    await approvals(people, base, shots);
    await thieves(people, base);
    await guestPages(browser, base, shots);
    await stop(server);
    await made(short, 3, "required");
    server = await serve(values.keepwhole, short, port);
    await expires(people, base);
    await one("no page reports an error of its script", async () => Object.values(people).flatMap((who) => who.errors));
  } catch (error) {
    count.failed += 1;
    console.log(`FAILED  staff: ${error.stack}`);
  } finally {
    await browser.close();
    if (server) await stop(server);
  }
  console.log(`${count.passed} passed, ${count.failed} failed`);
  return count.failed === 0 ? 0 : 1;
}

process.exitCode = await main();
