import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { chromiumArguments, chromiumProgram } from "./chromium.js";

/** A browser that a program drives, with a profile of its own. */
export interface DrivenBrowser {
  readonly browser: Browser;
  close(): Promise<void>;
}

/** Installs Chromium, if it is missing, and starts it. */
export async function startBrowser(): Promise<DrivenBrowser> {
  const { executable, prepare } = await chromiumProgram();
  const profile = await mkdtemp(join(tmpdir(), "cri-sdk-chromium-"));
  const remove = () => rm(profile, { recursive: true, force: true, maxRetries: 10 });
  try {
    const env = await prepare(profile);
    const browser = await chromium.launch({ executablePath: executable, args: chromiumArguments, env });
    return {
      browser,
      async close() {
        await browser.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
