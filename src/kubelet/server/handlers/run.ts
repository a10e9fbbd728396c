import { isCriError, rawMessageOf } from "../../../core/index.js";
import { HttpError } from "../http-error.js";
import { containerOf } from "../known-pods.js";
import type { RequestContext } from "../request-context.js";

/** Answers `/run?cmd=`: the output of a command in a container. The words of the command are separated by spaces. */
export async function run({ parts, route, query, response, signal }: RequestContext): Promise<void> {
  const { id } = containerOf(parts.view, route.names);
  const cmd = (query.get("cmd") ?? "").split(" ");
  if (cmd.join("") === "") throw new HttpError(400, "cmd: a command is required");
  const { stdout, stderr, exitCode } = await parts.view.cri.runtime
    .execSync({ containerId: id, cmd }, { signal, timeoutMs: 0 })
    .catch((error: unknown) => {
      throw isCriError(error) ? new HttpError(500, rawMessageOf(error)) : error;
    });
  if (exitCode !== 0) {
    const output = stderr.length > 0 ? `: ${Buffer.from(stderr).toString()}` : "";
    throw new HttpError(500, `command '${cmd.join(" ")}' exited with ${exitCode}${output}`);
  }
  const output = Buffer.concat([stdout, stderr]);
  response
    .writeHead(200, { "Content-Type": "text/plain", "Content-Length": String(output.length) })
    .end(output);
}
