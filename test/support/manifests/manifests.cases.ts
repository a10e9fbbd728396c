/** Plays the manifests of examples/manifests, and compares what they come to with their expectations. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Cri } from "../../../src/index.js";
import {
  type PlayedPod,
  type PlayPodOptions,
  type PodWorkerEvent,
  playPod,
} from "../../../src/kubernetes/index.js";
import { checkout } from "../checkout.js";
import { sampleImage } from "../docs/on-embedded.js";
import { expectations, statusOf } from "./expectations.js";

/** The runtime that plays the manifests. */
export interface ManifestSubject {
  readonly cri: Cri;
  readonly image: string;
  readonly options?: PlayPodOptions | undefined;
}

const folder = join(checkout, "examples", "manifests");
const timeoutMs = 60_000;

/** Defines a test per manifest. `isolated`: containers have namespaces and cgroups of their own. */
export function manifestCases(subject: () => ManifestSubject, options: { readonly isolated: boolean }): void {
  describe("manifests", { concurrency: 4 }, () => {
    test("each manifest has an expectation", () => {
      const names = readdirSync(folder).map((file) => file.replace(/\.yaml$/, ""));
      assert.deepEqual(names.sort(), Object.keys(expectations).sort());
    });

    for (const [name, expected] of Object.entries(expectations)) {
      const skip = expected.isolated && !options.isolated && "needs isolated containers";
      test(`${name}.yaml`, { skip, timeout: 3 * timeoutMs }, async () => {
        const root = mkdtempSync(join(tmpdir(), "cri-sdk-play-"));
        try {
          await playManifest(subject(), name, root);
          assert.deepEqual(mountsBelow(root), []);
          assert.deepEqual(
            readdirSync(root)
              .filter((entry) => entry === "pods")
              .flatMap((entry) => readdirSync(join(root, entry))),
            [],
          );
        } finally {
          rmSync(root, { recursive: true, force: true, maxRetries: 10 });
        }
      });
    }
  });
}

async function playManifest(
  { cri, image, options }: ManifestSubject,
  name: string,
  root: string,
): Promise<void> {
  const expected = expectations[name];
  assert.ok(expected);
  const text = readFileSync(join(folder, `${name}.yaml`), "utf8")
    .replaceAll(sampleImage, image)
    .replaceAll("/tmp/cri-sdk-host-path-create", join(root, "created"));
  const events: PodWorkerEvent[] = [];
  await using pod = await playPod(cri, text, {
    ...options,
    node: { clusterDomain: "cluster.local", ...options?.node },
    rootDir: root,
    source: `${name}.yaml`,
    onEvent: (event) => events.push(event),
  });
  const describeState = () =>
    `${JSON.stringify(pod.status())} ${JSON.stringify(events.map(({ reason, message }) => [reason, message]))}`;
  const status = await pod.wait({ until: expected.until, timeoutMs }).catch((error: unknown) => {
    throw new Error(`${name}: ${describeState()}`, { cause: error });
  });
  if (expected.phase) assert.equal(status.phase, expected.phase, describeState());
  if (expected.reason) assert.equal(status.reason, expected.reason);
  if (expected.qosClass) assert.equal(status.qosClass, expected.qosClass);
  for (const [container, end] of Object.entries(expected.containers ?? {})) {
    const { state, lastState, restartCount } = statusOf(status.containerStatuses, container) ?? {};
    const terminated = state?.terminated ?? lastState?.terminated;
    if (end.exitCode !== undefined) assert.equal(terminated?.exitCode, end.exitCode, describeState());
    if (end.reason) assert.equal(terminated?.reason, end.reason);
    if (end.message) assert.equal(terminated?.message, end.message);
    if (end.minRestarts) assert.ok((restartCount ?? 0) >= end.minRestarts, describeState());
  }
  for (const reason of expected.events ?? [])
    assert.ok(
      events.some((event) => event.reason === reason),
      `${reason} in ${describeState()}`,
    );
  for (const [container, parts] of Object.entries(expected.logs ?? {}))
    await logContains(pod, container, parts);
  if (!expected.logsAfterStop) return;
  const following = Object.entries(expected.logsAfterStop).map(([container, parts]) =>
    logContains(pod, container, parts),
  );
  await pod.stop();
  await Promise.all(following);
}

/** Follows a log until it contains the parts in their order. */
async function logContains(
  pod: PlayedPod,
  container: string,
  parts: readonly (string | RegExp)[],
): Promise<void> {
  let text = "";
  const signal = AbortSignal.timeout(timeoutMs);
  const isComplete = () => {
    let at = 0;
    return parts.every((part) => {
      const rest = text.slice(at);
      const found = typeof part === "string" ? rest.indexOf(part) : rest.search(part);
      at += Math.max(found, 0);
      return found >= 0;
    });
  };
  try {
    for await (const entry of pod.logs({ container, follow: true, signal })) {
      text += `${entry.text}\n`;
      if (isComplete()) return;
    }
  } catch (error) {
    throw new Error(`${container}: ${text}`, { cause: error });
  }
  assert.ok(isComplete(), `${container}: ${text}`);
}

function mountsBelow(root: string): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(` ${root}`));
}
