// Plays the Pods of manifests until they end or Ctrl-C stops them: `npm run play -- FILE...`. A second Ctrl-C kills them.
import { readFile } from "node:fs/promises";
import { type Cri, isCriError } from "cri-sdk";
import {
  type ParsedManifests,
  type PlayedPod,
  parseManifests,
  playPod,
  podStatusWord,
} from "cri-sdk/kubernetes";
import { findRuntime } from "./find-runtime.js";
import { formatTable, podRow } from "./pod-table.js";

/** How often the table is drawn anew at most, in milliseconds. */
const drawMs = 200;
/** The number of lines of events below the table. */
const eventLines = 8;

/** Shows the pods: as a table on a terminal, as lines otherwise. */
class View {
  readonly #pods: PlayedPod[] = [];
  readonly #events: string[] = [];
  readonly #isTable = process.stdout.isTTY === true;
  #drawnLines = 0;
  #timer: NodeJS.Timeout | undefined;
  isStopping = false;

  constructor() {
    // Ages change without any event.
    if (this.#isTable) setInterval(() => this.#changed(), 1_000).unref();
  }

  add(pod: PlayedPod): void {
    this.#pods.push(pod);
    void this.#followEvents(pod);
    void this.#followStatuses(pod);
  }

  say(text: string): void {
    if (!this.#isTable) console.log(text);
    else this.#events.push(text);
    this.#changed();
  }

  /** Draws the last state. */
  end(): void {
    clearTimeout(this.#timer);
    if (this.#isTable) this.#draw();
    else for (const line of formatTable(this.#pods.map((pod) => podRow(pod, false)))) console.log(line);
  }

  async #followEvents(pod: PlayedPod): Promise<void> {
    for await (const { timeMs, type, reason, message, container } of pod) {
      const time = new Date(timeMs).toISOString().slice(11, 19);
      const what = container === undefined ? pod.name : `${pod.name}/${container}`;
      this.say(`${time} ${type === "Warning" ? "!" : " "} ${what} ${reason}: ${message}`);
    }
  }

  async #followStatuses(pod: PlayedPod): Promise<void> {
    let last = "";
    for await (const status of pod.statusChanges()) {
      this.#changed();
      const word = podStatusWord(status);
      if (word !== last && !this.#isTable) console.log(`${pod.namespace}/${pod.name} ${word}`);
      last = word;
    }
  }

  #changed(): void {
    if (!this.#isTable || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, drawMs);
  }

  #draw(): void {
    const width = process.stdout.columns || 80;
    const table = formatTable(this.#pods.map((pod) => podRow(pod, this.isStopping)));
    const lines = [...table, "", ...this.#events.slice(-eventLines)].map((line) => line.slice(0, width));
    // Back to the first line of the last drawing; each line is cleared to its end, and everything below.
    const back = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : "";
    process.stdout.write(`${back}${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    this.#drawnLines = lines.length;
  }
}

async function play(cri: Cri, files: readonly string[], view: View): Promise<number> {
  const manifests = await Promise.all(
    files.map(
      async (file): Promise<ParsedManifests> =>
        parseManifests(await readFile(file, "utf8"), { source: file }),
    ),
  );
  for (const { notices } of manifests)
    for (const { message, place } of notices) view.say(`${place.source}:${place.line}: ${message}`);
  const configMaps = manifests.flatMap((one) => one.configMaps.map(({ object }) => object));
  const secrets = manifests.flatMap((one) => one.secrets.map(({ object }) => object));
  const pods: PlayedPod[] = [];
  const stop = (gracePeriodSeconds?: number) => {
    view.isStopping = true;
    return Promise.all(pods.map((pod) => pod.stop({ gracePeriodSeconds })));
  };
  const interrupted = new Promise<number>((resolve, reject) => {
    let count = 0;
    const onSignal = () => {
      count++;
      view.say(count === 1 ? "stopping; Ctrl-C again kills" : "killing");
      stop(count === 1 ? undefined : 0).then(() => resolve(130), reject);
    };
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  });
  const played = async () => {
    for (const { pods: found } of manifests)
      for (const { object, placeOf: _ } of found) {
        const pod = await playPod(cri, object, { configMaps, secrets });
        pods.push(pod);
        view.add(pod);
      }
    const last = await Promise.all(pods.map((pod) => pod.wait({ until: "ended" }).catch(() => pod.status())));
    if (view.isStopping) return await interrupted;
    await stop();
    return last.every(({ phase }) => phase === "Succeeded") ? 0 : 1;
  };
  try {
    return await Promise.race([played(), interrupted]);
  } catch (error) {
    await stop(0);
    throw error;
  }
}

const files = process.argv.slice(2);
if (files.length === 0 || files.some((file) => file.startsWith("-"))) {
  console.error(
    "usage: npm run play -- FILE...\n\nPlays the Pods of manifests until they end or Ctrl-C stops them.",
  );
  process.exit(2);
}
try {
  const view = new View();
  await using found = await findRuntime((text) => view.say(text));
  process.exitCode = await play(found.cri, files, view);
  view.end();
} catch (error) {
  process.exitCode = 1;
  console.error(isCriError(error) || error instanceof Error ? error.message : error);
}
