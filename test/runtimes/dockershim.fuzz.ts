// Meaningless requests for all RPCs of a runtime.
import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type CriClient, openCriClient } from "../../scripts/runtimes/cri-client.js";
import { ImageService, RuntimeService } from "../../src/v1.js";
import type { SeededRandom } from "../support/random.js";
import { RandomRequests } from "./dockershim.requests.js";
import { containerConfig, podConfig, type Subject } from "./support.js";

/** How many requests are under way at the same time. */
const concurrency = 6;
/** How long a call may take, in milliseconds. */
const callMs = 120_000;
/** What the texts of an error look like that the program did not expect. */
const bug =
  /TypeError|RangeError|SyntaxError|ReferenceError|Cannot (read|set|mix|convert)|is not (a function|iterable)|undefined/;

/** The codes of which none is the client's fault. */
const failures = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Internal,
  Code.Canceled,
  Code.DataLoss,
]);

/** But a busy machine may take longer than a command's timeout, and a log may have an impossible path. */
const expected: Readonly<Record<string, Code>> = {
  ExecSync: Code.DeadlineExceeded,
  ReopenContainerLog: Code.Internal,
};

type Call = (request: object, options: object) => Promise<unknown> | AsyncIterable<unknown>;

interface Method {
  readonly name: string;
  readonly input: DescMessage;
  readonly call: Call;
}

export class Fuzz implements AsyncDisposable {
  readonly problems: string[] = [];
  /** The calls by their result: ok, or the code of the error. */
  readonly counts: Record<string, number> = {};
  readonly #subject: Subject;
  readonly #random: SeededRandom;
  readonly #requests: RandomRequests;
  /** Sends what the client of the package would refuse. */
  readonly #client: CriClient;
  readonly #methods: readonly Method[];
  /** The ids of the objects that were created lately. */
  readonly #sandboxes = new Set<string>();
  readonly #containers = new Set<string>();

  constructor(subject: Subject, random: SeededRandom, foreignIds: readonly string[]) {
    this.#subject = subject;
    this.#random = random;
    const { running, runtime } = subject;
    this.#client = openCriClient(runtime.socketPath);
    const { busybox, busybox2, tiny, user, pause } = running.images;
    this.#requests = new RandomRequests(random, {
      folder: `${running.dir}/fuzz`,
      cgroupParent: running.cgroupParent,
      images: [busybox, busybox2, tiny, user, pause],
      ids: () => [...this.#sandboxes, ...this.#containers, ...foreignIds],
    });
    const methodsOf = (service: typeof RuntimeService | typeof ImageService, client: object) =>
      service.methods.map(({ name, localName, input }) => {
        // The client has a method for each RPC, whose types differ.
        const call = (client as Record<string, Call>)[localName];
        if (!call) throw new Error(`the client has no ${localName}`);
        return { name, input, call };
      });
    this.#methods = [
      ...methodsOf(RuntimeService, this.#client.runtime),
      ...methodsOf(ImageService, this.#client.image),
    ];
  }

  async send(count: number): Promise<void> {
    let left = count;
    const worker = async () => {
      while (left-- > 0) await this.#send();
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.removeAll();
  }

  /** Removes the pods that were created. */
  async removeAll(): Promise<void> {
    const { cri, running } = this.#subject;
    for (const { id } of await cri.lists.podSandboxes().collect())
      await cri.runtime.removePodSandbox({ podSandboxId: id });
    await cri.image.pullImage({ image: { image: running.images.busybox } });
  }

  async #send(): Promise<void> {
    const method = this.#pick();
    const request = this.#requests.next(method.input, this.#valid(method.name));
    try {
      const result = await this.#call(method, request);
      this.#count("ok");
      this.#note(method.name, method.name.startsWith("Remove") ? request : (result ?? {}));
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      this.#count(Code[code]);
      const isFailure = failures.has(code) && expected[method.name] !== code;
      if (isFailure || bug.test(rawMessage))
        this.problems.push(`${method.name} ${textOf(request)}: ${Code[code]}: ${rawMessage}`);
    }
  }

  /** Learns the ids of objects that were created or removed. */
  #note(rpc: string, { podSandboxId, containerId }: { podSandboxId?: string; containerId?: string }): void {
    const isRemoval = rpc.startsWith("Remove");
    for (const [id, ids] of [
      [podSandboxId, this.#sandboxes] as const,
      [containerId, this.#containers] as const,
    ]) {
      if (id !== undefined && isRemoval) ids.delete(id);
      else if (id) ids.add(id);
      for (const old of [...ids].slice(0, -10)) ids.delete(old);
    }
  }

  #count(result: string): void {
    this.counts[result] = (this.counts[result] ?? 0) + 1;
  }

  async #call({ name, call }: Method, request: object): Promise<unknown> {
    const signal = name === "GetContainerEvents" ? AbortSignal.timeout(500) : undefined;
    const result = call(request, { timeoutMs: callMs, ...(signal && { signal }) });
    if (!(Symbol.asyncIterator in result)) return result;
    try {
      for await (const _ of result);
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
    return undefined;
  }

  /** Prefers the RPCs without which the others have nothing to work on. */
  #pick(): Method {
    const names = ["RunPodSandbox", "CreateContainer", "StartContainer", "ExecSync"];
    const wanted = this.#random.below(3) === 0 ? names[this.#random.below(names.length)] : undefined;
    const found = this.#methods.find(({ name }) => name === wanted);
    const method = found ?? this.#methods[this.#random.below(this.#methods.length)];
    if (!method) throw new Error("there are no methods");
    return method;
  }

  /** Returns a request that would succeed; an empty one for an RPC that needs nothing, or only an id. */
  #valid(name: string): Record<string, unknown> {
    const one = (ids: ReadonlySet<string>) => [...ids][this.#random.below(ids.size)] ?? "";
    const ids = { podSandboxId: one(this.#sandboxes), containerId: one(this.#containers) };
    const sandboxConfig = podConfig(this.#subject, "fuzz");
    const script = "trap 'exit 0' TERM; echo begin; sleep 5 & wait $!";
    const container = containerConfig(this.#subject, `c${this.#random.below(1_000)}`, ["sh", "-c", script]);
    if (name === "RunPodSandbox") return { config: sandboxConfig };
    if (name === "CreateContainer") return { ...ids, config: container, sandboxConfig };
    if (name === "ExecSync") return { ...ids, cmd: ["true"], timeout: 2n };
    return ids;
  }
}

function textOf(request: unknown): string {
  const text = JSON.stringify(request, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  return text.slice(0, 2_000);
}
