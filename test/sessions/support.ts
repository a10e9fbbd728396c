import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { hostHandlers } from "../../scripts/interop/host-handlers.js";
import { type Cri, connect } from "../../src/index.js";
import type { StreamingHandlers } from "../../src/server/index.js";
import type { AttachRequest, ExecRequest, ExecSyncRequest, PortForwardRequest } from "../../src/v1.js";
import { cleanup } from "../support/cleanup.js";
import { type SeenCall, scripted } from "../support/scripted-transport.js";
import { serve } from "../support/streaming-server.js";

/** A full id; this runtime accepts any. */
export const containerId = randomBytes(32).toString("hex");

/** Starts a runtime whose container is this machine: sessions use the package's own streaming server, commands are real processes. */
export async function hostRuntime(
  t: TestContext,
  handlers: Partial<StreamingHandlers> = {},
  way: "tcp" | "memory" = "tcp",
  beforeExec: () => Promise<void> = async () => undefined,
  execSync: (request: ExecSyncRequest) => Promise<object> = execSyncOnHost,
): Promise<{ readonly cri: Cri; readonly calls: readonly SeenCall[] }> {
  const { server, reach } = await serve(t, { ...hostHandlers(["cat"]), ...handlers }, { way });
  const transport = scripted(async ({ name, message }) => {
    switch (name) {
      case "exec":
        await beforeExec();
        return server.exec(message as ExecRequest);
      case "attach":
        return server.attach(message as AttachRequest);
      case "portForward":
        return server.portForward(message as PortForwardRequest);
      case "execSync":
        return execSync(message as ExecSyncRequest);
      default:
        throw new Error(`unexpected call of ${name}`);
    }
  });
  return { cri: connect.through({ transport, streaming: reach }), calls: transport.calls };
}

export function execSyncOnHost({ cmd: [file = "", ...args] }: ExecSyncRequest): Promise<object> {
  return new Promise((resolve) => {
    execFile(file, args, { encoding: "buffer" }, (error, stdout, stderr) =>
      resolve({ stdout, stderr, exitCode: typeof error?.code === "number" ? error.code : error ? 255 : 0 }),
    );
  });
}

/** Creates a temporary folder for a test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cri-sdk-sessions-"));
  // Retries: a `tar` that was just killed may still create a file.
  cleanup(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** Lets commands of this machine find a shell, but no tar. Returns the folder of the programs that remain. */
export function withoutTar(t: TestContext, folder: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const name of ["sh", "cat", "wc", "chmod", "chown", "mkdir", "dirname", "rm", "head", "base64"])
    symlinkSync(
      execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(),
      join(bin, name),
    );
  const before = process.env.PATH;
  // The commands of this runtime use the PATH of this process.
  process.env.PATH = bin;
  t.after(() => {
    process.env.PATH = before;
  });
  return bin;
}

function pathOf(program: string): string {
  return execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim();
}

/** A user whose commands have fewer rights than those of root. */
export type RestrictedUser = "user 1000" | "root without capabilities";

/** Handlers of a container whose commands run as a restricted user. Requires root. */
export function restricted(user: RestrictedUser): { exec: NonNullable<StreamingHandlers["exec"]> } {
  const { exec } = hostHandlers(["cat"]);
  if (!exec) throw new Error("the host runs no commands");
  const rights =
    user === "user 1000"
      ? ["--reuid=1000", "--regid=1000", "--clear-groups"]
      : ["--bounding-set=-all", "--inh-caps=-all"];
  const setpriv = pathOf("setpriv");
  return {
    exec: (context) => exec({ ...context, command: [setpriv, ...rights, ...context.command] }),
  };
}

/** Returns the command lines of this machine's processes that contain a text. */
export function processesWith(text: string): Promise<string[]> {
  return new Promise((resolve) => {
    execFile("ps", ["-eo", "args"], (_error, stdout) =>
      resolve(stdout.split("\n").filter((line) => line.includes(text))),
    );
  });
}
