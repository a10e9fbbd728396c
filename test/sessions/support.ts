import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { hostHandlers } from "../../scripts/interop/host-handlers.js";
import { type Cri, connect } from "../../src/index.js";
import type { StreamingHandlers } from "../../src/server/index.js";
import type { AttachRequest, ExecRequest, ExecSyncRequest, PortForwardRequest } from "../../src/v1.js";
import { type SeenCall, scripted } from "../clients/support.js";
import { serve } from "../server/support.js";
import { cleanup } from "../support/cleanup.js";

/** A whole id, which is all that this runtime looks at. */
export const containerId = randomBytes(32).toString("hex");

/** A runtime whose containers are this machine: streaming by our own server, commands as real processes. */
export async function hostRuntime(
  t: TestContext,
  handlers: Partial<StreamingHandlers> = {},
  way: "tcp" | "memory" = "tcp",
  beforeExec: () => Promise<void> = async () => undefined,
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
        throw new Error(`${name} was not expected`);
    }
  });
  return { cri: connect.through({ transport, streaming: reach }), calls: transport.calls };
}

function execSync({ cmd: [file = "", ...args] }: ExecSyncRequest): Promise<object> {
  return new Promise((resolve) => {
    execFile(file, args, { encoding: "buffer" }, (error, stdout, stderr) =>
      resolve({ stdout, stderr, exitCode: typeof error?.code === "number" ? error.code : error ? 255 : 0 }),
    );
  });
}

/** A folder of the test's own. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cri-sdk-sessions-"));
  cleanup(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The processes of this machine whose command line has a text in it. */
export function processesWith(text: string): Promise<string[]> {
  return new Promise((resolve) => {
    execFile("ps", ["-eo", "args"], (_error, stdout) =>
      resolve(stdout.split("\n").filter((line) => line.includes(text))),
    );
  });
}
