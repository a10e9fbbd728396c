// Pages of the console in a real browser.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { BrowserContextOptions, Page } from "playwright-core";
import { startDemo } from "../../examples/console/demo/demo.js";
import { startConsole } from "../../examples/console/server/console-server.js";
import type { DrivenBrowser } from "../../scripts/interop/browser.js";
import type { Cri } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { within } from "../support/waiting.js";

/** How long the browser waits for what a step needs, in milliseconds. */
const limitMs = 30_000;

/** Chromium drops its requests when the machine gets another interface, as tests on real runtimes create them for their pods. */
const networkChanged = /ERR_NETWORK_CHANGED/;

/** A console that is open in a browser. */
export interface OpenPage {
  readonly page: Page;
  readonly origin: string;
  /** What a browser reports when something is wrong: errors, refusals of the policy, requests to other hosts. */
  readonly problems: string[];
}

/** What differs from a window of 1,280 pixels in light colours. */
export interface PageOptions
  extends Pick<BrowserContextOptions, "viewport" | "colorScheme" | "deviceScaleFactor"> {
  readonly intervalMs?: number;
  readonly isReadOnly?: boolean;
  /** Called with the length of each message of the feed. */
  readonly onFeed?: (bytes: number) => void;
  /** Problems that the test causes. */
  readonly expectedProblems?: RegExp;
}

/** Starts a console for a client and opens its link. At the end of the test, nothing may have gone wrong in the browser. */
export async function openPage(
  t: TestContext,
  { browser }: DrivenBrowser,
  cri: Cri,
  { intervalMs = 500, isReadOnly = false, expectedProblems = /^$/, onFeed, ...context }: PageOptions = {},
): Promise<OpenPage> {
  const console = await startConsole({ cri, port: 0, intervalMs, isReadOnly });
  cleanup(t, () => within(20_000, console.close(), "the end of the console"));
  const own = await browser.newContext({ viewport: { width: 1_280, height: 860 }, ...context });
  own.setDefaultTimeout(limitMs);
  const { origin } = new URL(console.newLink());
  const problems: string[] = [];
  const page = await own.newPage();
  page.on("console", (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) problems.push(`request to ${request.url()}`);
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) problems.push(`socket to ${socket.url()}`);
    if (onFeed && new URL(socket.url()).pathname === "/feed")
      socket.on("framereceived", ({ payload }) => onFeed(Buffer.byteLength(payload)));
  });
  cleanup(t, async () => {
    await own.close();
    assert.deepEqual(
      problems.filter((problem) => !expectedProblems.test(problem) && !networkChanged.test(problem)),
      [],
      "problems in the browser",
    );
  });
  await openLink(page, () => console.newLink(), problems);
  assert.equal(page.url(), `${origin}/`, "the token is not in the address");
  return { page, origin, problems };
}

/** Opens a link and waits for the page; tries again if the network of the machine changed meanwhile. */
export async function openLink(
  page: Page,
  newLink: () => string,
  problems: readonly string[],
): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await page.goto(newLink());
      await page.locator(".bar").waitFor({ timeout: limitMs / 3 });
      return;
    } catch (cause) {
      const text = [String(cause), ...problems].join("\n");
      if (attempt === 3 || !networkChanged.test(text))
        throw new Error(`the page was not drawn: ${text}`, { cause });
    }
}

/** Starts the demo with little time between its events, and opens it. */
export async function openDemo(
  t: TestContext,
  browser: DrivenBrowser,
  options: PageOptions = {},
): Promise<OpenPage> {
  const demo = await startDemo({ crashAfterMs: 600, restartAfterMs: 600, leakMebibytesPerSecond: 20 });
  cleanup(t, () => demo[Symbol.asyncDispose]());
  return openPage(t, browser, demo.cri, options);
}

/** Whether the page is wider than its window. */
export async function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate("document.documentElement.scrollWidth > innerWidth");
}
