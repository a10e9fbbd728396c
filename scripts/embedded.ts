// Starts the embedded runtime on a socket, for clients in other processes: npm run embedded -- --socket /tmp/cri.sock
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
// Not from the doors: this process runs for long, and what it does not load needs no memory.
import { EmbeddedRuntime } from "../src/testing/embedded/embedded-runtime.js";
import type { RuntimeLike } from "../src/testing/index.js";
import { parseEndpoint } from "../src/transport/index.js";
import { readCatalogue, readPrograms } from "./embedded-files.js";
import { runCommand } from "./run-command.js";
import { stopRequest } from "./stop-request.js";

const likes: readonly RuntimeLike[] = ["containerd-1.7", "containerd-2.1", "cri-o"];

const usage = `usage: npm run embedded -- --socket PATH [OPTION]...

Serves the embedded container runtime on a socket, for crictl, critest, a kubelet and any other client of CRI v1. When it is
ready, it prints the socket's endpoint on one line of stdout; everything else goes to stderr. SIGTERM or Ctrl-C stops it with all
containers; a second signal kills it.

Without --script, containers are processes of this host, WITHOUT ANY ISOLATION.

  --socket PATH      the endpoint: a path, or unix:///path, unix-abstract:name, tcp://host:port
  --images FILE      the images that can be pulled, as JSON or YAML: { "images": [{ "names": ["docker.io/library/app:1"] }] }
                     (default: a few well-known ones, such as busybox, alpine and nginx)
  --preload NAME     an image that is on the node from the start; can be repeated
  --script FILE      a JavaScript or TypeScript module with the programs that containers run: an object of functions by the
                     first word of the command, as default export or as \`programs\`. No process is started then
  --like NAME        the runtime to behave like: ${likes.join(", ")}
  --handler NAME     an additional runtime handler; can be repeated
  --allow-root       run containers as processes of root. Required as root without --script, since root can damage this host
  --state-dir DIR    the directory for containers; processes and files of an earlier run are removed
                     (default: a new directory in ${tmpdir()}, removed at the end)

Exit code: 0 after a signal, 1 if it could not start or was killed by a second signal, 2 for invalid arguments.`;

interface Command {
  readonly socket: string;
  readonly images: string | undefined;
  readonly preload: readonly string[];
  readonly script: string | undefined;
  readonly like: RuntimeLike | undefined;
  readonly handlers: readonly string[];
  readonly stateDir: string | undefined;
}

class UsageError extends Error {}

/** What a container can do to this host. critest really did the first of these. */
const damage = `They see the root file system of this host, and what one of them changes is changed here: \`chmod 400 /\` makes the host
unusable, \`rm -rf /var\` removes its data, and \`kill -9 -1\` ends its processes.`;

function readCommand(args: readonly string[]): Command | "help" {
  const text = { type: "string" } as const;
  const list = { type: "string", multiple: true } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      socket: text,
      images: text,
      preload: list,
      script: text,
      like: text,
      handler: list,
      "state-dir": text,
      "allow-root": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return "help";
  if (!values.socket) throw new UsageError("--socket PATH is required");
  const socket = values.socket.includes(":") ? values.socket : resolve(values.socket);
  parseEndpoint(socket);
  if (values.script !== undefined && values["state-dir"] !== undefined)
    throw new UsageError("--state-dir cannot be combined with --script");
  if (values.script === undefined && process.getuid?.() === 0 && !values["allow-root"])
    throw new UsageError(
      `running as root: containers would be processes of root, without isolation. ${damage}\nRun it as another user, or pass --allow-root on a machine that you can lose.`,
    );
  const like = likes.find((name) => name === values.like);
  if (values.like !== undefined && !like)
    throw new UsageError(`--like must be one of ${likes.join(", ")}, got ${JSON.stringify(values.like)}`);
  return {
    socket,
    images: values.images,
    preload: values.preload ?? [],
    script: values.script,
    like,
    handlers: values.handler ?? [],
    stateDir: values["state-dir"],
  };
}

async function start(command: Command): Promise<EmbeddedRuntime> {
  const { socket, images, preload, script, like, handlers } = command;
  // For the errors of programs. Source maps of the runtime itself would take 10 MB.
  if (script !== undefined) process.setSourceMapsEnabled(true);
  const programs = script === undefined ? undefined : await readPrograms(script);
  const catalogue = images === undefined ? undefined : await readCatalogue(images);
  const stateDir = command.stateDir ?? (programs ? undefined : join(temporaryFolder(), "state"));
  return EmbeddedRuntime.start({
    ...{ socket, programs, images: catalogue, preload, like, stateDir },
    runtimeHandlers: handlers,
    // No client can read the record of calls, and the lists in it would take most of the memory.
    callLimit: 0,
  });
}

/** Creates a folder that is removed when this process exits, even after a second signal. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cri-sdk-embedded-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

function warning({ script }: Command): string {
  if (script !== undefined) return `Containers run the programs of ${script}; no process is started.`;
  return [
    "",
    `WARNING: THERE IS NO ISOLATION. Containers are plain processes of this host that run as ${userName()}.`,
    ...damage.split("\n"),
    "Everyone who can open the socket can run any command as that user. Use it only for tests on your own machine.",
    "",
  ]
    .map((line) => line && `  !!  ${line}`)
    .join("\n");
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}

async function run(command: Command): Promise<void> {
  // A program of the script may fail outside of its promise, too.
  const stopped = stopRequest();
  await using runtime = await start(command);
  console.error(warning(command));
  console.log(runtime.endpoint);
  console.error(`${await stopped}: stopping all containers`);
}

await runCommand(usage, readCommand, run);
// Open handles of a script must not keep the process alive.
process.exit();
