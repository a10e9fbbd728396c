// Containers of a Docker Engine that a dockershim must leave alone: it has not created them.
import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { type CriClient, openCriClient } from "../../scripts/runtimes/cri-client.js";
import type { DockerRuntime } from "../../scripts/runtimes/index.js";
import { withEngine } from "./dockershim.traces.js";

/** What a kubelet's containers are called, and how they are labelled. */
const looks = [
  { name: "k8s_POD_foreign_default_1_0", labels: { "io.kubernetes.docker.type": "podsandbox" }, runs: true },
  { name: "foreign", labels: { "io.kubernetes.pod.name": "foreign" }, runs: false },
];

export class Foreigners {
  readonly ids: readonly string[];
  readonly #runtime: DockerRuntime;

  private constructor(runtime: DockerRuntime, ids: readonly string[]) {
    this.#runtime = runtime;
    this.ids = ids;
  }

  static async create(runtime: DockerRuntime, image: string): Promise<Foreigners> {
    const ids: string[] = [];
    await withEngine(runtime, async (engine) => {
      for (const { name, labels, runs } of looks) {
        const body = {
          ...{ Image: image, Cmd: ["sleep", "36000"], Labels: labels },
          HostConfig: { NetworkMode: "none" },
        };
        const { Id } = await engine.call<{ Id: string }>("POST", "/containers/create", {
          ...{ query: { name }, body },
        });
        ids.push(Id);
        if (runs) await engine.call("POST", `/containers/${Id}/start`);
      }
    });
    return new Foreigners(runtime, ids);
  }

  /** Checks that the shim neither shows nor touches the containers, and that nothing has. */
  async check(): Promise<void> {
    const before = await this.#states();
    // The client of the package would refuse some of the ids, and hide errors of removals.
    const client = openCriClient(this.#runtime.socketPath);
    try {
      const names = looks.map(({ name }) => name);
      for (const id of [...this.ids, ...names, ...this.ids.map((id) => id.slice(0, 12))])
        await checkMissing(client, id);
    } finally {
      client.close();
    }
    assert.deepEqual(await this.#states(), before);
  }

  async remove(): Promise<void> {
    await withEngine(this.#runtime, async (engine) => {
      for (const id of this.ids)
        await engine.call("DELETE", `/containers/${id}`, { query: { force: true, v: true } });
    });
  }

  #states(): Promise<string[]> {
    return withEngine(this.#runtime, (engine) =>
      Promise.all(
        this.ids.map(async (id) => {
          const { State } = await engine.call<{ State: { Status: string; StartedAt: string } }>(
            ...["GET" as const, `/containers/${id}/json`],
          );
          return `${State.Status} since ${State.StartedAt}`;
        }),
      ),
    );
  }
}

/** Checks that neither a sandbox nor a container has an id. */
async function checkMissing({ runtime }: CriClient, id: string): Promise<void> {
  const [containerId, podSandboxId] = [id, id];
  const config = { metadata: { name: "a" }, image: { image: "busybox" } };
  const calls = [
    runtime.containerStatus({ containerId }),
    runtime.startContainer({ containerId }),
    runtime.updateContainerResources({ containerId, linux: { cpuShares: 2n } }),
    runtime.reopenContainerLog({ containerId }),
    runtime.execSync({ containerId, cmd: ["true"] }),
    runtime.exec({ containerId, cmd: ["true"], stdout: true }),
    runtime.attach({ containerId, stdout: true }),
    runtime.containerStats({ containerId }),
    runtime.podSandboxStatus({ podSandboxId }),
    runtime.podSandboxStats({ podSandboxId }),
    runtime.portForward({ podSandboxId, port: [80] }),
    runtime.createContainer({ podSandboxId, config }),
  ];
  const isMissing = (error: unknown) => ConnectError.from(error).code === Code.NotFound;
  await Promise.all(calls.map((call) => assert.rejects(call, isMissing)));
  // These succeed for objects that do not exist.
  await runtime.stopContainer({ containerId });
  await runtime.removeContainer({ containerId });
  await runtime.stopPodSandbox({ podSandboxId });
  await runtime.removePodSandbox({ podSandboxId });
  assert.deepEqual((await runtime.listContainers({ filter: { id } })).containers, []);
  assert.deepEqual((await runtime.listPodSandbox({ filter: { id } })).items, []);
}
