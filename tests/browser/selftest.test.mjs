// Shows that each check fails where it should: a good page passes all of them, each bad page fails one.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import * as check from "./checks.mjs";

const STYLE = `body{font:16px sans-serif;margin:0;padding:1rem;color:#111;background:#fff}
a{color:#0645ad}.skip{position:absolute;left:-999px}.skip:focus{left:0}:focus-visible{outline:3px solid #000}
@media print{nav{display:none}}`;

/** A page that passes every check, with parts to replace. */
function html({ lang = "ko", heading = "개요", head = "", body = "", skip = '<a class="skip" href="#main">본문으로</a>' } = {}) {
  return `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><title>t</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>${STYLE}</style>${head}</head>
<body>${skip}<nav aria-label="n"><a href="/">처음으로 가는 길</a></nav>
<main id="main" tabindex="-1"><h1>${heading}</h1><p>이 글은 마흔 글자가 넘도록 조금 길게 쓴 본문입니다. 그래서 검사를 통과합니다.</p>
<p><a href="/good">한 줄</a></p>${body}</main></body></html>`;
}

const PAGES = {
  "/": html(),
  "/good": html(),
  "/english": html({ lang: "en" }),
  "/two-headings": html({ body: "<h1>둘</h1>" }),
  "/foreign": html({ body: '<img alt="" src="http://localhost:9/x.png">' }),
  "/no-alt": html({ body: '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">' }),
  "/dark": html({ head: "<style>@media (prefers-color-scheme: dark){body{color:#777;background:#888}}</style>" }),
  "/script": html({ body: "<script>document.querySelector('main').append('더해진 글')</script>" }),
  "/wide": html({ body: '<div style="width:500px">넓다</div>' }),
  "/no-skip": html({ skip: "" }),
  "/broken-skip": html({ skip: '<a class="skip" href="#gone">본문으로</a>' }),
  "/unreached": html({ body: '<p><a href="/" tabindex="-1">못 닿는 곳</a></p>' }),
  "/unseen": html({ head: "<style>main a:focus-visible{outline:none}</style>" }),
  "/prints-nav": html({ head: "<style>@media print{nav{display:block !important}}</style>" }),
  "/cut": html({ body: '<div style="overflow-x:auto"><table><tr><td style="min-width:900px">잘린다</td></tr></table></div>' }),
  "/dead-link": html({ body: '<a href="/gone">없는 곳</a>' }),
};
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: http://localhost:9";

let browser;
let base;
let folder;
const server = createServer((request, answer) => {
  const page = PAGES[request.url.split("?")[0]];
  // The console forbids scripts; one page here needs one to be wrong.
  const policy = request.url === "/script" ? `${POLICY}; script-src 'unsafe-inline'` : POLICY;
  answer.writeHead(page ? 200 : 404, { "content-type": "text/html; charset=utf-8", "content-security-policy": policy });
  answer.end(page ?? html({ heading: "없는 쪽" }));
});

before(async () => {
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  base = `http://127.0.0.1:${server.address().port}`;
  folder = await mkdtemp(join(tmpdir(), "keepwhole-selftest-"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await new Promise((closed) => server.close(closed));
  await rm(folder, { recursive: true, force: true });
});

const CHECKS = {
  answers: (url) => check.answers(browser, url, { status: 200, lang: "ko" }),
  asksNobodyElse: (url) => check.asksNobodyElse(browser, url),
  isAccessible: (url) => check.isAccessible(browser, url),
  needsNoScript: (url) => check.needsNoScript(browser, url),
  worksByKeyboard: (url) => check.worksByKeyboard(browser, url),
  fitsNarrow: (url) => check.fitsNarrow(browser, url),
  prints: (url) => check.prints(browser, url, join(folder, "page.pdf")),
  linksLead: (url) => check.linksLead(browser, url, new Map()),
};

test("a good page passes every check", async () => {
  for (const [name, run] of Object.entries(CHECKS)) assert.deepEqual(await run(`${base}/good`), [], name);
});

const BAD = [
  ["/english", "answers", /says it is in `en`, expected `ko`/],
  ["/two-headings", "answers", /2 headings of the first level/],
  ["/gone", "answers", /answers 404, expected 200/],
  ["/foreign", "asksNobodyElse", /asks http:\/\/localhost:9\/x\.png/],
  ["/no-alt", "isAccessible", /light: image-alt/],
  ["/dark", "isAccessible", /^dark: color-contrast/],
  ["/script", "needsNoScript", /other text with JavaScript off/],
  ["/wide", "fitsNarrow", /px wide at 320 px, because of div/],
  ["/no-skip", "worksByKeyboard", /does not reach a skip link first/],
  ["/broken-skip", "worksByKeyboard", /does not lead to `#gone`/],
  ["/unreached", "worksByKeyboard", /Tab does not reach 1 of/],
  ["/unseen", "worksByKeyboard", /focus can't be seen on a `한 줄`/],
  ["/prints-nav", "prints", /prints its navigation/],
  ["/cut", "prints", /cut at the right edge/],
  ["/dead-link", "linksLead", /links to .*\/gone, which answers 404/],
];

for (const [path, name, expected] of BAD) {
  test(`${path} fails ${name}`, async () => {
    const wrong = await CHECKS[name](`${base}${path}`);
    assert.match(wrong.join("\n"), expected);
  });
}
