// Starts the embedded runtime on a socket, for clients in other processes: npm run embedded -- --socket /tmp/cri.sock
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { isCriError, parseEndpoint } from "../src/index.js";
import { EmbeddedRuntime, type RuntimeLike } from "../src/testing/index.js";
import { FileError, readCatalogue, readPrograms } from "./embedded-files.js";

const likes: readonly RuntimeLike[] = ["containerd-1.7", "containerd-2.1", "cri-o"];

const usage = `usage: npm run embedded -- --socket PATH [OPTION]...

Serves the embedded container runtime on a socket, for crictl, critest, a kubelet and any other client of CRI v1. When it
is ready, it prints the socket's endpoint on a line of its own; everything else goes to stderr. SIGTERM or Ctrl-C ends it,
and all that runs in it; a second one ends it at once.

Containers are processes of this host, WITHOUT ANY ISOLATION, unless there is a script.

  --socket PATH      where to listen: a path, or unix:///path, unix-abstract:name, tcp://host:port
  --images FILE      what can be pulled, JSON or YAML: { "images": [{ "names": ["docker.io/library/app:1"] }] }
                     (default a few well-known names, busybox, alpine and nginx among them)
  --preload NAME     an image of these that is there from the start; may be repeated
  --script FILE      a module of JavaScript or TypeScript with the programs that containers run: an object of functions
                     by the command's first word, as its default export or as \`programs\`. No process is started then
  --like NAME        take on the ways of a runtime: ${likes.join(", ")}
  --handler NAME     a runtime handler besides the default one; may be repeated
  --state-dir DIR    where containers have their folders; what an earlier run left there is ended and removed
                     (default a new folder under ${tmpdir()}, removed at the end)

Exit code: 0 when it was ended by a signal, 1 when it could not start or was ended by force, 2 for a call that cannot be
understood.`;

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
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return "help";
  if (!values.socket) throw new UsageError("--socket PATH is missing: where to listen");
  const socket = values.socket.includes(":") ? values.socket : resolve(values.socket);
  parseEndpoint(socket);
  if (values.script !== undefined && values["state-dir"] !== undefined)
    throw new UsageError("--state-dir is for processes of this host; with --script there are none");
  const like = likes.find((name) => name === values.like);
  if (values.like !== undefined && !like)
    throw new UsageError(
      `no runtime ${JSON.stringify(values.like)} to be like: there are ${likes.join(", ")}`,
    );
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
  const programs = script === undefined ? undefined : await readPrograms(script);
  const catalogue = images === undefined ? undefined : await readCatalogue(images);
  const stateDir = command.stateDir ?? (programs ? undefined : join(temporaryFolder(), "state"));
  return EmbeddedRuntime.start({
    ...{ socket, programs, images: catalogue, preload, like, stateDir },
    runtimeHandlers: handlers,
  });
}

/** A folder that is removed with this process, also when its end is forced. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cri-sdk-embedded-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** Resolves when this process is asked to end, and lets it end at once when it is asked again. */
function askedToEnd(): Promise<string> {
  return new Promise((done) => {
    let askedAt = 0;
    const ask = (why: string) => {
      // npm passes signals on, so that one sent to all of a process group arrives twice.
      if (askedAt !== 0 && performance.now() - askedAt < 500) return;
      if (askedAt !== 0) {
        console.error(`${why}: ended by force`);
        process.exit(1);
      }
      askedAt = performance.now();
      done(why);
    };
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, ask);
    // A program of a script may fail where nobody looks.
    process.on("uncaughtException", (error) => {
      console.error(error);
      process.exitCode = 1;
      ask("an error that nothing caught");
    });
  });
}

function warning({ script }: Command): string {
  if (script !== undefined) return `Containers run the programs of ${script}; no process is started.`;
  return `
  !!  WARNING: THERE IS NO ISOLATION. Containers are plain processes of this host, run by ${userName()}:
  !!  whoever may open the socket can run anything as that user. For tests on a machine of your own.
`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}

async function main(): Promise<void> {
  let command: Command | "help";
  try {
    command = readCommand(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (command === "help") return console.log(usage);
  const end = askedToEnd();
  try {
    await using runtime = await start(command);
    console.error(warning(command));
    console.log(runtime.endpoint);
    console.error(`${await end}: ending all that runs`);
  } catch (error) {
    if (!isCriError(error) && !(error instanceof FileError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

await main();
// What a script has opened, or waits for, is its own; it does not outlive its runtime.
process.exit();
