// The profile of CRI-O has the deviations that were measured on CRI-O, and no others.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ConformanceReport,
  conformanceCases,
  knownDeviations,
  runConformance,
} from "../../../src/testing/conformance/index.js";
import { busybox, scripted } from "../../support/embedded.js";
import { scriptedCommands } from "../../support/scripted-programs.js";
import { tempFolder } from "../../support/temp.js";

const images = {
  main: busybox,
  sameImage: "quay.io/prometheus/busybox:latest",
  other: "docker.io/library/alpine:3.22",
  missing: "docker.io/library/busybox:no-such-tag",
};

test("like CRI-O: exactly its deviations, and removals that wait for a deadline do not hold up the suite", {
  timeout: 300_000,
}, async (t) => {
  const directory = await tempFolder(t);
  const known = { ...knownDeviations["cri-o-1.37"], ...knownDeviations["embedded-scripted"] };
  const run = async (only: readonly string[]): Promise<ConformanceReport> => {
    const { cri } = await scripted(t, { like: "cri-o" }, false);
    const deviations = Object.fromEntries(Object.entries(known).filter(([id]) => only.includes(id)));
    const target = { cri, images, directory, commands: scriptedCommands };
    return runConformance(target, { only, deviations });
  };
  const deviating = Object.keys(known);
  const others = conformanceCases.map(({ id }) => id).filter((id) => !deviating.includes(id));
  // A case that deviates often waits for a time limit; on runtimes of their own, all of them wait at the same time.
  const reports = await Promise.all([...deviating.map((id) => [id]), others].map(run));
  const results = reports.flatMap((report) => report.results);
  const surprises = results.filter(
    ({ outcome, deviation }) => outcome !== (deviation ? "deviates" : "passed"),
  );
  assert.deepEqual(
    surprises.map(({ id, outcome, failure }) => ({ id, outcome, failure })),
    [],
  );
  assert.deepEqual(
    reports.flatMap(({ problems }) => problems),
    [],
  );
  assert.equal(results.length, conformanceCases.length);
  // A case that only its own limit of a minute ended is one that would take as long on CRI-O.
  for (const { id, durationMs } of results) assert.ok(durationMs < 59_000, `${id} took ${durationMs} ms`);
});
