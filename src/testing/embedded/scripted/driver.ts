import { criError, describe } from "../../../core/index.js";
import { type Accounts, accountsOf, findUser, withGroups } from "../accounts.js";
import type { Clock } from "../clock.js";
import type {
  Driver,
  DriverContainer,
  DriverProcess,
  DriverUser,
  ProcessSpec,
  ResourceUsage,
} from "../driver.js";
import { Ports } from "./ports.js";
import { ScriptedProcess } from "./process.js";
import type { Program, Programs } from "./program.js";

/**
 * Creates a driver whose processes are functions of a test. It starts no process, and uses nothing of the host but the addresses of pods
 * whose programs listen.
 */
export function scriptedDriver(programs: Programs, clock: Clock): Driver {
  const ports = new Ports();
  /** The running processes of each container. */
  const running = new Map<string, ScriptedProcess[]>();
  const find =
    typeof programs === "function" ? programs : ({ args }: ProcessSpec) => ownProperty(programs, args[0]);
  const users = new Map<string, DriverUser | undefined>();
  const sum = (id: string): ResourceUsage | undefined => {
    const all = (running.get(id) ?? []).map(({ usage }) => usage);
    if (all.length === 0) return undefined;
    return all.reduce((total, one) => ({
      cpuNanos: total.cpuNanos + one.cpuNanos,
      memoryBytes: total.memoryBytes + one.memoryBytes,
      processes: total.processes + one.processes,
    }));
  };
  const killAll = (id: string) => {
    for (const process of running.get(id) ?? []) process.kill("SIGKILL");
  };

  return {
    kind: "scripted",
    notice: "containers are functions of a test",
    // Programs have no files, so no figure depends on this folder.
    folder: "/",
    sharesHostPorts: false,
    async create(container) {
      const user = userOf(container);
      users.set(container.id, user);
      return user;
    },
    async start(container: DriverContainer, spec: ProcessSpec): Promise<DriverProcess> {
      const program = find(spec);
      if (!program) {
        const name = JSON.stringify(spec.args[0] ?? "");
        const text = `failed to start exec ${name}: \`programs\` has no program with this name: executable file not found`;
        throw criError("exec_not_started", text);
      }
      const process = new ScriptedProcess(program, container, spec, {
        ...{ clock, ports },
        user: users.get(container.id),
      });
      const others = running.get(container.id) ?? [];
      const isMain = others.length === 0;
      running.set(container.id, [...others, process]);
      void process.exit.then(() => {
        if (isMain) killAll(container.id);
        const remaining = running.get(container.id)?.filter((other) => other !== process) ?? [];
        if (remaining.length > 0) running.set(container.id, remaining);
        else running.delete(container.id);
      });
      return process;
    },
    async remove({ id }) {
      const all = running.get(id) ?? [];
      killAll(id);
      await Promise.all(all.map(({ exit }) => exit));
      users.delete(id);
    },
    async connect(pod, port) {
      return ports.connect(pod, port);
    },
    usage: async ({ id }) => sum(id),
    async detailedUsage({ id }) {
      const usage = sum(id);
      // A program has one thread, and neither files nor faults; its memory is what it reported.
      return (
        usage && {
          ...usage,
          ...{ userNanos: usage.cpuNanos, systemNanos: 0n, maxMemoryBytes: usage.memoryBytes },
          ...{
            ownMemoryBytes: usage.memoryBytes,
            fileMemoryBytes: 0n,
            swapBytes: 0n,
            minorFaults: 0n,
            majorFaults: 0n,
          },
          ...{ threads: usage.processes, openFiles: 0, sockets: 0, maxOpenFiles: undefined },
          ...{ readBytes: 0n, writtenBytes: 0n, reads: 0n, writes: 0n },
          fileSystem: undefined,
        }
      );
    },
    diskUsage: async () => ({ bytes: 0n, inodes: 0n }),
    async [Symbol.asyncDispose]() {
      const all = [...running.values()].flat();
      for (const process of all) process.kill("SIGKILL");
      await Promise.all(all.map(({ exit }) => exit));
    },
  };
}

function ownProperty(programs: Readonly<Record<string, Program>>, name = ""): Program | undefined {
  return Object.hasOwn(programs, name) ? programs[name] : undefined;
}

/** The accounts of an image without `/etc/passwd`. */
const onlyRoot: Accounts = {
  users: [{ name: "root", uid: 0, gid: 0 }],
  groups: [{ name: "root", gid: 0, members: [] }],
};

/**
 * Looks up the user of a container, as real runtimes do: a uid without an account gets group 0. Returns undefined for a name that an image
 * without `/etc/passwd` cannot resolve. Throws `invalid_request` for a user that the image does not have.
 */
function userOf(container: DriverContainer): DriverUser | undefined {
  const { user = "0", imageFiles, supplementalGroups, mergeGroups } = container;
  const ofImage = accountsOf(imageFiles);
  const found = findUser(user, ofImage ?? onlyRoot, () => 0);
  if (typeof found !== "string")
    return withGroups(found, [...(mergeGroups ? found.memberOf : []), ...supplementalGroups]);
  if (!ofImage && found.startsWith("no ")) return undefined;
  const message = `must be a user of the image, got ${describe(user)}: ${found}`;
  const path = "config.linux.security_context";
  throw criError("invalid_request", `${path}: ${message}`, { problems: [{ path, message, value: user }] });
}
