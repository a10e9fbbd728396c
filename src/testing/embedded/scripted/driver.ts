import { CriError } from "../../../core/index.js";
import type { Clock } from "../clock.js";
import type { Driver, DriverContainer, DriverProcess, ProcessSpec } from "../driver.js";
import { Ports } from "./ports.js";
import { ScriptedProcess } from "./process.js";
import type { Program } from "./program.js";

/** The programs that scripted containers may run: by the first word of their command line, or by looking at all of it. */
export type Programs = Readonly<Record<string, Program>> | ((spec: ProcessSpec) => Program | undefined);

/** Containers as functions of a test: no process is started, and nothing of the host is touched. */
export function scriptedDriver(programs: Programs, clock: Clock): Driver {
  const ports = new Ports();
  /** The processes of each container; its main one is the first. */
  const running = new Map<string, ScriptedProcess[]>();
  const find = typeof programs === "function" ? programs : ({ args }: ProcessSpec) => own(programs, args[0]);
  const killAll = (id: string) => {
    for (const process of running.get(id) ?? []) process.kill("SIGKILL");
  };

  return {
    kind: "scripted",
    async create() {},
    async start(container: DriverContainer, spec: ProcessSpec): Promise<DriverProcess> {
      const program = find(spec);
      if (!program) throw notFound(spec);
      const process = new ScriptedProcess(program, container, spec, clock, ports);
      const all = running.get(container.id) ?? [];
      const isMain = all.length === 0;
      running.set(container.id, [...all, process]);
      void process.exit.then(() => {
        // The end of a container's main process is that of all others.
        if (isMain) killAll(container.id);
        const left = running.get(container.id)?.filter((other) => other !== process) ?? [];
        if (left.length > 0) running.set(container.id, left);
        else running.delete(container.id);
      });
      return process;
    },
    async remove({ id }) {
      const all = running.get(id) ?? [];
      killAll(id);
      await Promise.all(all.map(({ exit }) => exit));
    },
    async connect(pod, port) {
      return ports.connect(pod, port);
    },
    async usage({ id }) {
      const all = (running.get(id) ?? []).map(({ usage }) => usage);
      if (all.length === 0) return undefined;
      return all.reduce((sum, one) => ({
        cpuNanos: sum.cpuNanos + one.cpuNanos,
        memoryBytes: sum.memoryBytes + one.memoryBytes,
        processes: sum.processes + one.processes,
      }));
    },
    async [Symbol.asyncDispose]() {
      const all = [...running.values()].flat();
      for (const process of all) process.kill("SIGKILL");
      await Promise.all(all.map(({ exit }) => exit));
    },
  };
}

function own(programs: Readonly<Record<string, Program>>, name = ""): Program | undefined {
  return Object.hasOwn(programs, name) ? programs[name] : undefined;
}

function notFound({ args: [name = ""] }: ProcessSpec): CriError {
  const text = `failed to start exec ${JSON.stringify(name)}: no program of this name was given: executable file not found`;
  return new CriError({ code: "failed_precondition", reason: "exec_not_started", text });
}
