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
  const link = console.newLink();
  const { origin } = new URL(link);
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
      problems.filter((problem) => !expectedProblems.test(problem)),
      [],
      "problems in the browser",
    );
  });
  await page.goto(link);
  assert.equal(page.url(), `${origin}/`, "the token is not in the address");
  await page
    .locator(".bar")
    .waitFor()
    .catch((cause: unknown) => {
      throw new Error(`the page was not drawn; problems: ${problems.join("\n") || "none"}`, { cause });
    });
  return { page, origin, problems };
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
