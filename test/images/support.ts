import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { inspect } from "node:util";
import type { CredentialSource } from "../../src/index.js";
import { type CriError, isCriError, parseReference } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";

export const secret = "s3cret/w&rd";
export const login = { username: "me", password: secret };

/** An image that requires credentials, and a slow public one. */
export const privateApp = "registry.example/team/app:1";
export const slowApp = "docker.io/library/slow:1";
export const images = [
  { names: [privateApp], auth: login, pullMs: 30, user: "1001", sizeBytes: 7_000 },
  { names: ["registry.example/team/token:1"], auth: { identityToken: "t0ken-of-mine" } },
  { names: [slowApp], pullMs: 60_000 },
  { names: ["docker.io/library/busybox:1.37", "docker.io/library/busybox:latest"], sizeBytes: 4_000 },
  { names: ["registry.example/pause:3.9"], pinned: true },
  { names: ["docker.io/library/alpine:3"], user: "app", sizeBytes: 5_000 },
];

/** The transports to the embedded runtime: in memory, and on a socket. */
export const transports = [
  { name: "in memory", options: async (_t: TestContext) => ({}) },
  {
    name: "on a socket",
    options: async (t: TestContext) => ({ socket: join(await tempFolder(t), "cri.sock") }),
  },
];

/** Returns the credentials of a source for an image. */
export async function found(source: CredentialSource, image: string): Promise<unknown[]> {
  return [...(await source.find(parseReference(image), { signal: new AbortController().signal }))];
}

/** Returns the CriError that `work` throws. */
export function thrown(work: () => unknown): CriError {
  try {
    work();
  } catch (error) {
    if (isCriError(error)) return error;
    throw error;
  }
  throw new Error("no error was thrown");
}

/** Returns everything that a log could show of a value: its text, its stack, its causes. */
export function shown(value: unknown): string {
  const texts = [inspect(value, { depth: 10, showHidden: true, getters: true }), String(value)];
  if (value instanceof Error) texts.push(value.stack ?? "", value.message, shown(value.cause ?? ""));
  return texts.join("\n");
}

/** Creates `docker-credential-<name>` scripts. Returns their folder, and an environment with it in PATH. */
export async function helpers(t: TestContext, scripts: Readonly<Record<string, string>>) {
  const folder = await tempFolder(t);
  for (const [name, script] of Object.entries(scripts)) {
    const path = join(folder, `docker-credential-${name}`);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }
  return { folder, env: { HOME: folder, PATH: `${folder}:${process.env.PATH}` } };
}

/** Writes a JSON file below a folder. Returns its path. */
export async function write(folder: string, path: string, json: unknown): Promise<string> {
  const fullPath = join(folder, path);
  await mkdir(join(fullPath, ".."), { recursive: true });
  await writeFile(fullPath, typeof json === "string" ? json : JSON.stringify(json));
  return fullPath;
}

export const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Starts an HTTP registry on 127.0.0.1. `respond` returns the status, the JSON body and the headers. */
export async function httpRegistry(
  t: TestContext,
  respond: (request: IncomingMessage) => { status: number; json?: unknown; headers?: Record<string, string> },
): Promise<{ readonly domain: string; readonly requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`.trim());
    request.resume();
    const { status, json = {}, headers = {} } = respond(request);
    response.writeHead(status, { connection: "close", ...headers }).end(JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { domain: `localhost:${(server.address() as AddressInfo).port}`, requests };
}
