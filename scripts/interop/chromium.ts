import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { debianTriplet } from "../runtimes/debian-triplet.js";
import { type InstallOptions, unpacked } from "./unpacked.js";

/** The browser without a window, and a font: without one, it shows no text. */
const packages = ["chromium-headless-shell", "fonts-dejavu-core"];

/** The time limit of one page, in milliseconds. */
const limitMs = 90_000;

/** What a browser made of a page. */
export interface LoadedPage {
  /** The document after it was loaded. */
  readonly dom: string;
  /** What the browser logged about the page: errors of scripts, refused styles, and so on. */
  readonly console: readonly string[];
}

/** How a page is loaded. */
export interface LoadOptions {
  /** The width of the window in pixels. Default: 1,200. */
  readonly width?: number;
  readonly dark?: boolean;
  /** Names that lead to this machine, as those of an attacker may. */
  readonly hosts?: readonly string[];
  /** A file for a picture of the page, in PNG. */
  readonly screenshot?: string;
}

/** Loads a page in a browser of its own, with an empty profile. */
export type Browser = (url: string, options?: LoadOptions) => Promise<LoadedPage>;

/** The fonts behind general names. Without these rules, any font may stand for them. */
const fontNames = Object.entries({
  sans: "DejaVu Sans",
  "sans-serif": "DejaVu Sans",
  "system-ui": "DejaVu Sans",
  monospace: "DejaVu Sans Mono",
})
  .map(
    ([name, font]) =>
      `<match><test name="family"><string>${name}</string></test><edit name="family" mode="assign" binding="strong"><string>${font}</string></edit></match>`,
  )
  .join("");

/** How Chromium is started with a profile of its own. */
export interface ChromiumProgram {
  readonly executable: string;
  /** Its environment for a folder that it may fill, and that the caller removes. */
  prepare(profile: string): Promise<Record<string, string>>;
}

/** The arguments of every start: without the sandbox, since it runs as root, and without a network. */
export const chromiumArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-proxy-server",
];

/** Unpacks Debian's headless Chromium, if it is missing. */
export async function chromiumProgram(options: InstallOptions = {}): Promise<ChromiumProgram> {
  const folder = await unpacked("chromium", "bookworm", packages, { ...options, withDependencies: true });
  // PulseAudio keeps one of its libraries in a folder of its own.
  const libraries = [
    `usr/lib/${debianTriplet}`,
    `lib/${debianTriplet}`,
    `usr/lib/${debianTriplet}/pulseaudio`,
  ];
  return {
    executable: join(folder, "usr/lib/chromium/chromium-headless-shell"),
    async prepare(profile) {
      const fonts = join(profile, "fonts.conf");
      const cache = join(profile, "fonts");
      await mkdir(cache);
      // A font that this machine has was not downloaded.
      const folders = [`${folder}/usr/share/fonts`, "/usr/share/fonts"].map((path) => `<dir>${path}</dir>`);
      const config = `<fontconfig>${folders.join("")}<cachedir>${cache}</cachedir>${fontNames}</fontconfig>\n`;
      await writeFile(fonts, config);
      return {
        LD_LIBRARY_PATH: libraries.map((path) => join(folder, path)).join(":"),
        FONTCONFIG_FILE: fonts,
        HOME: profile,
        TMPDIR: profile,
      };
    },
  };
}

/** Installs Debian's headless Chromium, if it is missing. */
export async function installChromium(options: InstallOptions = {}): Promise<Browser> {
  const { executable, prepare } = await chromiumProgram(options);
  return async (url, { width = 1_200, dark = false, hosts = [], screenshot } = {}) => {
    const profile = await mkdtemp(join(tmpdir(), "cri-sdk-chromium-"));
    try {
      const env = await prepare(profile);
      const args = [
        ...chromiumArguments,
        `--user-data-dir=${profile}`,
        "--enable-logging=stderr",
        "--log-level=0",
        `--window-size=${width},1000`,
        "--hide-scrollbars",
        ...(dark ? ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] : []),
        ...(hosts.length > 0
          ? [`--host-resolver-rules=${hosts.map((name) => `MAP ${name} 127.0.0.1`).join(",")}`]
          : []),
        screenshot === undefined ? "--dump-dom" : `--screenshot=${screenshot}`,
        url,
      ];
      const { stdout, stderr } = await promisify(execFile)(executable, args, {
        env,
        timeout: limitMs,
        killSignal: "SIGKILL",
        maxBuffer: 2 ** 26,
      });
      return { dom: stdout, console: stderr.split("\n").filter((line) => /:CONSOLE[:(]/.test(line)) };
    } finally {
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    }
  };
}
