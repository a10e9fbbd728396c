// The engine's containers as sandboxes and containers of CRI. Foreign ones, without the shim's labels, do not exist here.
import { criError } from "cri-sdk/server";
import type { ContainerDetails, ContainerSummary } from "./engine/api.js";
import type { Engine } from "./engine/client.js";
import { isMissing } from "./errors.js";
import { type ContainerRecord, containerRecord, label, type SandboxRecord, sandboxRecord } from "./labels.js";

/** A sandbox, as the engine knows it now. */
export interface Sandbox extends SandboxRecord {
  readonly id: string;
  readonly details: ContainerDetails;
}

/** A container, as the engine knows it now. */
export interface Container extends ContainerRecord {
  readonly id: string;
  readonly details: ContainerDetails;
}

/** An entry of a list: what the engine's list has. */
export type Listed<T> = T & { readonly id: string; readonly summary: ContainerSummary };

export class Objects {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Returns a sandbox; throws `object_missing`. */
  async sandbox(id: string, signal?: AbortSignal): Promise<Sandbox> {
    const details = await this.#details(id, "sandbox", signal);
    const record = details && sandboxRecord(details.Id, details.Config.Labels);
    if (!details || !record) throw noSandbox(id);
    return { ...record, id: details.Id, details };
  }

  /** Returns a container; throws `object_missing`. */
  async container(id: string, signal?: AbortSignal): Promise<Container> {
    const details = await this.#details(id, "container", signal);
    const record = details && containerRecord(details.Id, details.Config.Labels);
    if (!details || !record)
      throw criError("object_missing", `no container has the id ${JSON.stringify(id)}`);
    return { ...record, id: details.Id, details };
  }

  /** Returns a container that runs; throws `object_missing` and `wrong_state`. */
  async runningContainer(id: string, signal?: AbortSignal): Promise<Container> {
    const container = await this.container(id, signal);
    if (container.details.State.Running) return container;
    throw criError("wrong_state", `container ${id} is not running`);
  }

  async sandboxes(signal?: AbortSignal): Promise<Listed<SandboxRecord>[]> {
    return (await this.#list({ [label.kind]: "sandbox" }, signal)).flatMap((summary) => {
      const record = sandboxRecord(summary.Id, summary.Labels);
      return record ? [{ ...record, id: summary.Id, summary }] : [];
    });
  }

  /** Returns the containers of a sandbox, or all. */
  async containers(sandboxId?: string, signal?: AbortSignal): Promise<Listed<ContainerRecord>[]> {
    const wanted = {
      [label.kind]: "container",
      ...(sandboxId !== undefined && { [label.sandbox]: sandboxId }),
    };
    return (await this.#list(wanted, signal)).flatMap((summary) => {
      const record = containerRecord(summary.Id, summary.Labels);
      return record ? [{ ...record, id: summary.Id, summary }] : [];
    });
  }

  #list(labels: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<ContainerSummary[]> {
    const filters = JSON.stringify({
      label: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    });
    return this.#engine.call("GET", "/containers/json", { query: { all: true, filters }, signal });
  }

  /** Asks for an object by its id: the engine would also find it by its name. */
  async #details(id: string, kind: string, signal?: AbortSignal): Promise<ContainerDetails | undefined> {
    if (!/^[0-9a-f]{1,64}$/.test(id)) return undefined;
    try {
      const details = await this.#engine.call<ContainerDetails>("GET", `/containers/${id}/json`, { signal });
      return details.Config.Labels[label.kind] === kind && details.Id.startsWith(id) ? details : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

/** Returns the error for an id that no sandbox has. */
export function noSandbox(id: string): Error {
  return criError("object_missing", `no sandbox has the id ${JSON.stringify(id)}`);
}

/** Returns a time of the engine in nanoseconds since 1970; 0 for its zero time. */
export function engineTime(text: string): bigint {
  const [, seconds = "", fraction = ""] = /^(.*?)(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const zone = text.slice(seconds.length + (fraction ? fraction.length + 1 : 0)) || "Z";
  const ms = Date.parse(`${seconds}${zone}`);
  return ms > 0 ? BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9)) : 0n;
}
