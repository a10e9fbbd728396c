// Takes the pictures of the console for its page in docs/ and for the README, of the demo after ten minutes: plots need time.
//
//   node scripts/run-built.mjs scripts/console-screenshots.ts
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "playwright-core";
import { startDemo } from "../examples/console/demo/demo.js";
import { startConsole } from "../examples/console/server/console-server.js";
import { type DrivenBrowser, startBrowser } from "./interop/browser.js";

const folder = "examples/console/screenshots";
const demoMs = Number(process.argv[2] ?? 10) * 60_000;

/** Opens a new link, waits for the first rows, and saves what the page looks like after some steps. */
async function picture(
  { browser }: DrivenBrowser,
  newLink: () => string,
  name: string,
  options: { readonly colorScheme: "light" | "dark"; readonly viewport: { width: number; height: number } },
  steps: (page: Page) => Promise<void> = async () => {},
): Promise<void> {
  const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
  const page = await context.newPage();
  const isDrawn = () =>
    page
      .goto(newLink())
      .then(() => page.locator(".problem-line", { hasText: "fatal" }).waitFor())
      .then(
        () => true,
        () => false,
      );
  // Chromium drops its requests when the machine gets another network interface.
  if (!(await isDrawn()) && !(await isDrawn())) throw new Error(`${name}: the page was not drawn`);
  await steps(page);
  // The plots are drawn with the next frames.
  await page.waitForTimeout(500);
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  await context.close();
  console.log(`${path}: ${(await stat(path)).size} bytes`);
}

const openProblem = async (page: Page) => {
  await page.locator(".problems a", { hasText: "payments" }).click();
  await page.locator(".note").first().waitFor();
  // The container's row has the plots of all attempts.
  await page.waitForTimeout(2_500);
};

await using demo = await startDemo();
await using own = await startConsole({ cri: demo.cri, port: 0, intervalMs: 2_000, isReadOnly: false });
const browser = await startBrowser();
try {
  await pause(demoMs);
  const viewport = { width: 1_180, height: 700 };
  for (const colorScheme of ["light", "dark"] as const)
    await picture(browser, () => own.newLink(), `overview-${colorScheme}`, { colorScheme, viewport });
  await picture(browser, () => own.newLink(), "container", { colorScheme: "light", viewport }, openProblem);
  const phone = { width: 360, height: 720 };
  await picture(browser, () => own.newLink(), "phone", { colorScheme: "dark", viewport: phone });
} finally {
  await browser.close();
}
