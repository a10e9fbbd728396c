import type { ServerResponse } from "node:http";
import { answerText } from "../answer.js";
import type { KubeletServerParts } from "../parts.js";

/**
 * Answers `/healthz` with all checks, or `/healthz/NAME` with one: "ok", or 500 with the checks and why one failed. `?verbose` lists the
 * checks in any case.
 */
export function answerHealth(
  response: ServerResponse,
  { healthChecks = {} }: Pick<KubeletServerParts, "healthChecks">,
  name: string,
  query: URLSearchParams,
): void {
  // The first two pass whenever the process can respond: the event loop runs, and no log writer can block.
  const checks = new Map<string, () => string | undefined>([
    ["ping", () => undefined],
    ["log", () => undefined],
    ...Object.entries(healthChecks),
  ]);
  if (name !== "" && !checks.has(name)) {
    answerText(response, 404, "404 page not found\n");
    return;
  }
  const results = [...checks]
    .filter(([key]) => name === "" || key === name)
    .map(([key, check]) => ({ key, problem: check() }));
  const isHealthy = results.every(({ problem }) => problem === undefined);
  const lines = results.map(({ key, problem }) =>
    problem === undefined ? `[+]${key} ok` : `[-]${key} failed: ${problem}`,
  );
  if (!isHealthy) answerText(response, 500, [...lines, "healthz check failed", ""].join("\n"));
  else if (query.has("verbose")) answerText(response, 200, [...lines, "healthz check passed", ""].join("\n"));
  else answerText(response, 200, "ok");
}
