// The console in a real browser: each view, and what a user does in it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, type TestContext, test } from "node:test";
import type { Page } from "playwright-core";
import { startDemo } from "../../examples/console/demo/demo.js";
import { startConsole } from "../../examples/console/server/console-server.js";
import { type DrivenBrowser, startBrowser } from "../../scripts/interop/browser.js";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { busybox, sandboxConfig } from "../support/embedded.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";
import { isTooWide, openDemo, openLink, openPage } from "./console-page.js";

const limits = { timeout: 180_000 };
let browser: DrivenBrowser;

before(
  async () => {
    browser = await startBrowser();
  },
  { timeout: 600_000 },
);
after(() => browser?.close());

const row = (page: Page, name: string) => page.locator(".row", { hasText: name }).first();

/** Waits for a text in the page. */
const shows = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

test(
  "the first view says which container uses most memory, why one restarts, and what it logged last",
  limits,
  async (t) => {
    const { page } = await openDemo(t, browser);
    await page.locator(".tile", { hasText: "Most memory" }).getByText("model").waitFor();
    await until(
      async () => (await page.locator(".row").first().getAttribute("data-id"))?.endsWith("/model") ?? false,
      "the first row",
    );
    const problem = page.locator(".problems li", { hasText: "payments" });
    await problem.getByText(/^restarted \d+ times?$/).waitFor();
    await problem.getByText(/Error \(exit code 1\), \d+ s ago/).waitFor();
    await problem.getByText("fatal: the ledger is not reachable, giving up").waitFor();
    assert.match((await page.locator(".who").textContent()) ?? "", /cri-sdk-embedded/);
    await page.locator(".mark.good", { hasText: "live" }).waitFor();
  },
);

test("lists are filtered and sorted, and show pods or containers", limits, async (t) => {
  const { page } = await openDemo(t, browser);
  await row(page, "worker").waitFor();
  const names = () => page.locator(".row .cell-name b").allTextContents();
  await page.getByRole("button", { name: "Container", exact: true }).click();
  await until(async () => {
    const all = await names();
    return all.length === 8 && all.join() === [...all].sort().join();
  }, "sorted by name");
  await page
    .getByRole("columnheader", { name: "Container" })
    .and(page.locator('[aria-sort="ascending"]'))
    .waitFor();
  await page.getByLabel("Filter").fill("ops app=node-agent");
  await until(
    async () => (await names()).join() === "log-shipper,metrics",
    "filtered by namespace and label",
  );
  await page.getByLabel("Filter").fill("nothing like that");
  await shows(page, "Nothing matches the filter.");
  await page.getByLabel("Filter").press("Escape");
  await page.getByRole("button", { name: /^Pods/ }).click();
  await until(async () => (await names()).includes("storefront-7d9f"), "pods");
  assert.match((await row(page, "storefront-7d9f").textContent()) ?? "", /2 of 2/);
  await row(page, "storefront-7d9f").click();
  await page.getByRole("heading", { name: "storefront-7d9f" }).waitFor();
  await shows(page, "Addresses");
  await page.getByRole("link", { name: "cache" }).click();
  await page.getByRole("heading", { name: "cache" }).waitFor();
});

test(
  "a container has plots, its restarts with their causes, its log over restarts, and details",
  limits,
  async (t) => {
    const { page } = await openDemo(t, browser);
    await page.locator(".problems a").first().click();
    await page.getByRole("heading", { name: "payments" }).waitFor();
    const log = page.getByRole("log");
    await log
      .getByText(/^Attempt \d+ ended at .*: Error \(exit code 1\)$/)
      .first()
      .waitFor();
    const ends = () => log.locator(".note", { hasText: "ended at" }).count();
    const before = await ends();
    await until(async () => (await ends()) >= before + 2, "two more restarts in the same log");
    assert.ok((await log.locator(".line", { hasText: "payments 2.4.1" }).count()) >= 3);
    await page.locator(".exits .why-bad", { hasText: "Error (exit code 1)" }).first().waitFor();
    await page.goBack();
    await row(page, "web").click();
    await until(async () => {
      const drawn = await page.evaluate<
        number[]
      >(`[...document.querySelectorAll("usage-plot canvas")].map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, n) => n % 4 === 3 && value > 0).length;
    })`);
      return drawn.length === 2 && drawn.every((pixels) => pixels > 500);
    }, "both plots are drawn");
    await shows(page, /MiB of 256 MiB/);
    await shows(page, "Container ID");
    await page.locator("summary", { hasText: "Labels" }).click();
    await shows(page, "io.kubernetes.container.name");
  },
);

test("a log is followed, and stays where the reader scrolled to", limits, async (t) => {
  const { page } = await openDemo(t, browser);
  await page.setViewportSize({ width: 1_280, height: 480 });
  const other = await row(page, "log-shipper").getAttribute("data-id");
  await row(page, "web").click();
  const log = page.getByRole("log");
  const bottom = () =>
    page.evaluate<number>(`(() => {
    const { scrollHeight, scrollTop, clientHeight } = document.querySelector(".log");
    return scrollHeight - scrollTop - clientHeight;
  })()`);
  await until(async () => (await log.locator(".line").count()) > 20, "some lines");
  assert.ok((await bottom()) < 30, "it follows");
  await page.evaluate(`document.querySelector(".log").scrollTop = 0`);
  const lines = await log.locator(".line").count();
  await until(async () => (await log.locator(".line").count()) > lines + 2, "more lines");
  assert.equal(await page.evaluate(`document.querySelector(".log").scrollTop`), 0);
  await page.evaluate(`location.hash = ${JSON.stringify(other)}`);
  await log
    .getByText(/^shipped \d+ lines$/)
    .first()
    .waitFor();
  assert.equal(await log.getByText(/^GET /).count(), 0, "the log of another container replaces it");
});

test("a command is typed in a terminal, in colour, in a real shell", limits, async (t) => {
  const runtime = await EmbeddedRuntime.start({ preload: [busybox] });
  cleanup(t, () => runtime.close());
  const cri = connect.through(runtime);
  cleanup(t, () => cri.close());
  const pod = await cri.pods.run({ name: "a", namespace: "test", logDirectory: await tempFolder(t) });
  await pod.runContainer({ name: "main", image: busybox, command: ["sleep", "600"] });
  const { page } = await openPage(t, browser, cri);
  await row(page, "main").click();
  await page.getByRole("button", { name: "Terminal" }).click();
  await page.locator('terminal-pane[data-status="sh runs"]').waitFor();
  const screen = page.locator(".xterm-rows");
  await page.keyboard.type("echo $((6 * 7))-times; printf '\\033[38;2;200;30;90mred\\033[0m\\n'\n");
  await screen.getByText("42-times", { exact: true }).waitFor();
  const red = screen.locator("span", { hasText: /^red$/ });
  await red.waitFor();
  const color = `getComputedStyle([...document.querySelectorAll(".xterm-rows span")].find((span) => span.textContent === "red")).color`;
  assert.equal(await page.evaluate(color), "rgb(200, 30, 90)");
  await page.keyboard.type("stty size\n");
  await screen.getByText(/^\d{2} \d{2,3}$/).waitFor();
  const before = await screen.getByText(/^\d{2} \d{2,3}$/).textContent();
  await page.setViewportSize({ width: 1_000, height: 700 });
  await until(async () => {
    await page.keyboard.type("clear; stty size\n");
    await page.waitForTimeout(100);
    const sizes = await screen.getByText(/^\d{2} \d{2,3}$/).allTextContents();
    return sizes.some((size) => size !== before);
  }, "the size of the smaller window");
  await page.keyboard.type("exit 5\n");
  await shows(page, "ended with exit code 5");
  await page.getByRole("button", { name: "Run again" }).click();
  await page.locator('terminal-pane[data-status="sh runs"]').waitFor();
});

test("stopping and removing ask first; Esc and Cancel change nothing", limits, async (t) => {
  // The last line of a log may be asked for when its container is gone already.
  const { page } = await openDemo(t, browser, { expectedProblems: /404/ });
  await row(page, "worker").click();
  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: "Stop" }).click();
  await dialog.getByText("Stop container worker?").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Remove" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.locator(".detail-head .mark.good", { hasText: "running" }).waitFor();

  await page.getByRole("button", { name: "Stop" }).click();
  await dialog.getByRole("button", { name: "Stop worker" }).click();
  await page.locator(".detail-head .mark", { hasText: "failed" }).waitFor();
  await shows(page, "Error (exit code 143, SIGTERM)");
  await page.getByRole("button", { name: "Remove" }).click();
  await dialog.getByRole("button", { name: "Remove worker" }).click();
  await page.getByLabel("Filter").waitFor();
  await row(page, "worker").waitFor({ state: "detached" });

  await page.getByRole("button", { name: /^Pods/ }).click();
  await row(page, "thumbnails-0").click();
  await page.getByRole("button", { name: "Remove" }).click();
  await dialog.getByRole("button", { name: "Remove shop/thumbnails-0" }).click();
  await row(page, "thumbnails-0").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Events" }).click();
  await shows(page, "pod deleted");
});

test("a runtime that refuses a removal is quoted", { ...limits }, async (t) => {
  const demo = await startDemo();
  cleanup(t, () => demo[Symbol.asyncDispose]());
  demo.runtime.faults.failNext(
    "stopContainer",
    { code: "unknown", message: "the shim is stuck" },
    { times: 5 },
  );
  const { page } = await openPage(t, browser, demo.cri, { expectedProblems: /502/ });
  await row(page, "worker").click();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop worker" }).click();
  await page
    .getByRole("alert")
    .getByText(/the shim is stuck/)
    .waitFor();
});

test("everything is reached with the keyboard alone", limits, async (t) => {
  const { page } = await openDemo(t, browser);
  // Until the programs report their memory, the order of the rows is another one.
  await row(page, "web")
    .getByText(/1\d\d MiB/)
    .waitFor();
  const focused = () =>
    page.evaluate<string>(`(() => {
    const { activeElement } = document;
    return activeElement.dataset.id ?? activeElement.id ?? activeElement.tagName;
  })()`);
  const press = (...keys: string[]) =>
    keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
  await press("/");
  assert.equal(await focused(), "filter");
  await page.keyboard.type("storefront");
  await until(async () => (await page.locator(".row").count()) === 2, "two rows");
  await press("Enter");
  await until(async () => (await focused()).endsWith("/web"), "the first row");
  await press("ArrowDown");
  await until(async () => (await focused()).endsWith("/cache"), "the second row");
  await press("ArrowUp", "End", "Home");
  await until(async () => (await focused()).endsWith("/web"), "the first row again");
  await press("Enter");
  await page.getByRole("heading", { name: "web" }).waitFor();

  const tabTo = async (name: string, key = "Tab") => {
    for (let n = 0; n < 30; n++) {
      await press(key);
      if (await page.evaluate(`document.activeElement.textContent.trim() === ${JSON.stringify(name)}`))
        return;
    }
    assert.fail(`Tab does not reach ${name}`);
  };
  await tabTo("Terminal");
  const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
  assert.equal(outline, "solid", "the focus is visible");
  await press("Enter");
  await page.locator('terminal-pane[data-status="sh runs"]').waitFor();
  await page.keyboard.type("echo by-keyboard\n");
  await page.locator(".xterm-rows").getByText("by-keyboard", { exact: true }).waitFor();
  await press("Escape");
  await page.waitForTimeout(100);
  assert.equal(await page.getByRole("heading", { name: "web" }).count(), 1, "Esc belongs to the terminal");
  await press("F6");
  assert.equal(await page.evaluate("document.activeElement.tagName"), "INPUT");
  await tabTo("Run again");

  await tabTo("Stop", "Shift+Tab");
  await press("Enter");
  await page.getByRole("dialog").waitFor();
  assert.equal(await page.evaluate("document.activeElement.textContent"), "Cancel");
  await press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await page.evaluate("document.activeElement.textContent"), "Stop", "the focus is back");
  await press("Escape");
  await until(async () => (await focused()).endsWith("/web"), "the row that was opened");
});

test("images and disks are shown with their sizes and users; events arrive live", limits, async (t) => {
  const { page } = await openDemo(t, browser);
  await page.getByRole("link", { name: "Images & disk" }).click();
  const image = page.locator("tr", { hasText: "registry.example/shop/recommendations:0.9" });
  await image.getByText("870 MiB").waitFor();
  await image.getByRole("link", { name: "model" }).waitFor();
  await page.locator("tr", { hasText: "storefront:3.1" }).getByText("no container").waitFor();
  await shows(page, "Images and containers");
  assert.equal(await page.locator("meter").count(), 1);
  await page.getByRole("link", { name: "Events" }).click();
  const events = page.locator(".event");
  await events.first().waitFor();
  const count = await events.count();
  await until(async () => (await events.count()) > count, "another event");
  await page
    .locator(".event.warning", { hasText: "shop/payments-5b6c/payments" })
    .getByText(/Error \(exit code 1\)/)
    .first()
    .waitFor();
});

test("it is light or dark as the system is, also when that changes", limits, async (t) => {
  const { page } = await openDemo(t, browser);
  await row(page, "web").click();
  await page.locator("usage-plot canvas").first().waitFor();
  const luminance = () =>
    page.evaluate<number>(`(() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
    return (red + green + blue) / 3;
  })()`);
  assert.ok((await luminance()) > 200);
  await page.emulateMedia({ colorScheme: "dark" });
  await until(async () => (await luminance()) < 60, "the dark colours");
});

test("a phone's width needs no scrolling sideways in any view", limits, async (t) => {
  const { page, origin } = await openDemo(t, browser, { viewport: { width: 360, height: 740 } });
  await shows(page, "Needs attention");
  const check = async (view: string) => assert.equal(await isTooWide(page), false, view);
  await row(page, "web").waitFor();
  await check("containers");
  await page.getByRole("button", { name: /^Pods/ }).click();
  await check("pods");
  await row(page, "storefront").click();
  await shows(page, "Sandbox ID");
  await check("pod");
  await page.getByRole("link", { name: "web" }).click();
  await shows(page, "Container ID");
  await page.getByRole("log").waitFor();
  await check("container");
  await page.getByRole("button", { name: "Terminal" }).click();
  await page.locator('terminal-pane[data-status="sh runs"]').waitFor();
  await check("terminal");
  for (const view of ["images", "events"]) {
    await page.goto(`${origin}/#/${view}`);
    await page
      .locator(view === "images" ? "tbody tr" : ".event")
      .first()
      .waitFor();
    await check(view);
  }
});

const evil = `<img src=x onerror="document.title='ran'"><script>document.title='ran'</script>`;

test("markup in names, labels and logs is text", limits, async (t) => {
  const runtime = await EmbeddedRuntime.start({
    programs: {
      print({ stdout, stderr }) {
        stdout.write(`${evil}\n`);
        stderr.write(`${evil}\n`);
        return 1;
      },
    },
    preload: [busybox],
  });
  cleanup(t, () => runtime.close());
  const cri = connect.through(runtime);
  cleanup(t, () => cri.close());
  const config = {
    ...sandboxConfig("evil"),
    labels: { evil },
    annotations: { [evil]: evil },
    logDirectory: await tempFolder(t),
  };
  config.metadata.name = evil;
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: {
      metadata: { name: evil, attempt: 0 },
      image: { image: busybox },
      command: ["print"],
      logPath: "0.log",
      labels: { evil },
    },
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId });
  const { page, origin } = await openPage(t, browser, cri);
  const markup = () => page.locator("#app img, #app script, body > img").count();
  await page.locator(".problem-line", { hasText: "onerror" }).waitFor();
  assert.equal(await markup(), 0);
  await page.locator(".problems a").click();
  await page.locator(".line span", { hasText: "onerror" }).first().waitFor();
  await page.locator("summary").first().click();
  await page.getByRole("heading", { name: evil }).waitFor();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByText(`Remove container ${evil}?`).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await markup(), 0);
  await page.goto(`${origin}/#/events`);
  await page.locator(".event").first().waitFor();
  assert.equal(await markup(), 0);
  assert.equal(await page.title(), "Console");
});

test("a runtime that goes away is reported, and comes back by itself", limits, async (t) => {
  const { page, runtime } = await demoWithFaults(t);
  await row(page, "web").waitFor();
  runtime.faults.crash();
  await page.getByRole("alert").getByText("The runtime does not respond.").waitFor();
  await page.locator(".mark.bad", { hasText: "not live" }).waitFor();
  assert.equal(await row(page, "web").count(), 1, "the last known state stays");
  await runtime.faults.restart();
  await page.locator(".mark.good", { hasText: "live" }).waitFor();
  await page.getByText("The runtime does not respond.").waitFor({ state: "detached" });
});

async function demoWithFaults(t: TestContext) {
  const demo = await startDemo();
  cleanup(t, () => demo[Symbol.asyncDispose]());
  return { ...(await openPage(t, browser, demo.cri, { expectedProblems: /502/ })), runtime: demo.runtime };
}

test("a console that ended is reported; a browser that opened no link sees no node", limits, async (t) => {
  const demo = await startDemo();
  cleanup(t, () => demo[Symbol.asyncDispose]());
  const console = await startConsole({ cri: demo.cri, port: 0, intervalMs: 500, isReadOnly: true });
  cleanup(t, () => console.close());
  const context = await browser.browser.newContext();
  cleanup(t, () => context.close());
  const page = await context.newPage();
  const link = console.newLink();
  await page.goto(new URL("/", link).href);
  await shows(page, /This browser has not opened the console/);
  await page.goto(link);
  const problems: string[] = [];
  page.on("console", (message) => problems.push(message.text()));
  await openLink(page, () => console.newLink(), problems);
  await row(page, "web").click();
  assert.equal(await page.getByRole("button", { name: "Stop" }).count(), 0, "it is read-only");
  assert.equal(await page.getByRole("button", { name: "Terminal" }).count(), 0);
  await page.goto(link);
  await shows(page, /each link works once/);
  await page.goto(new URL("/", link).href);
  await row(page, "web").waitFor();
  await console.close();
  await page.getByRole("alert").getByText("The console does not respond.").waitFor();
});

test(
  "a page of another port reaches nothing, although the browser sends it the cookie",
  limits,
  async (t) => {
    const { page, origin } = await openDemo(t, browser, { expectedProblems: /./ });
    const cookies: string[] = [];
    const other = createServer(({ headers }, response) => {
      cookies.push(headers.cookie ?? "");
      response.setHeader("Content-Type", "text/html").end("<p>another page</p>");
    });
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    cleanup(t, () => other.close());
    cleanup(t, () => other.closeAllConnections());
    await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    await shows(page, "another page");
    assert.match(cookies[0] ?? "", /^cri-console-\d+=/, "browsers share cookies among ports");
    const body = JSON.stringify({ action: "remove", kind: "pod", id: "1" });
    const tried = await page.evaluate<string[]>(`(async () => {
    const all = [];
    const send = (path, options) => fetch("${origin}" + path, { credentials: "include", ...options }).then(
      ({ type, status }) => type + " " + status, () => "failed",
    );
    all.push(await send("/api/images", {}));
    all.push(await send("/api/change", { method: "POST", body: ${JSON.stringify(body)} }));
    all.push(await new Promise((resolve) => {
      const socket = new WebSocket("${origin.replace("http", "ws")}/feed");
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("failed");
    }));
    all.push(await new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve("loaded");
      image.onerror = () => resolve("failed");
      image.src = "${origin}/page/icon.svg";
    }));
    return all;
  })()`);
    assert.deepEqual(tried, ["failed", "failed", "failed", "failed"]);
  },
);

test("a row keeps the focus when the order of the rows changes", limits, async (t) => {
  const sizes = new Map([
    ["a", 20],
    ["b", 10],
  ]);
  const runtime = await EmbeddedRuntime.start({
    programs: {
      async use({ args: [, name = ""], clock, reportUsage }) {
        for (;;) {
          reportUsage({ memoryBytes: BigInt((sizes.get(name) ?? 0) * 2 ** 20) });
          await clock.sleep(20);
        }
      },
    },
    preload: [busybox],
  });
  cleanup(t, () => runtime.close());
  const cri = connect.through(runtime);
  cleanup(t, () => cri.close());
  const pod = await cri.pods.run({ name: "pod", namespace: "test" });
  for (const name of sizes.keys()) await pod.runContainer({ name, image: busybox, command: ["use", name] });
  const { page } = await openPage(t, browser, cri);
  const names = async () => (await page.locator(".row .cell-name b").allTextContents()).join("");
  await until(async () => (await names()) === "ab", "a is first");
  await page.locator(".row").first().focus();
  for (const [size, order] of [
    [30, "ba"],
    [5, "ab"],
  ] as const) {
    sizes.set("b", size);
    await until(async () => (await names()) === order, order);
    assert.match(await page.evaluate<string>("document.activeElement.dataset.id ?? ''"), /\/a$/);
  }
});
