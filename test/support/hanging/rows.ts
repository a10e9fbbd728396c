// Every public function that waits for a runtime, and how it is called on one that hangs. `methods.ts` finds what has no row here.
import { PassThrough } from "node:stream";
import { connect, discover } from "../../../src/index.js";
import type { Stage } from "./stage.js";

/** How a caller limits an operation. */
export interface Bounds {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** One function on a runtime that hangs. */
export interface Row {
  /** Calls the function. */
  readonly call: (stage: Stage, bounds: Bounds) => PromiseLike<unknown>;
  /** What ends it: its caller's bounds, only the signal, or nothing, for one that releases something and has a bound of its own. */
  readonly takes: "signal and timeoutMs" | "signal" | "nothing";
  /** Whether it may succeed all the same, since it reports failures as data, or needs no answer. */
  readonly maySucceed?: boolean;
  /** Whether it goes on when its client is closed, since it belongs to no client or has a connection of its own. */
  readonly outlivesClient?: boolean;
  /** The bound of its own, in milliseconds. */
  readonly ownMs?: number;
}

type Call = Row["call"];

const bounded = (call: Call, more: Partial<Row> = {}): Row => ({
  call,
  takes: "signal and timeoutMs",
  ...more,
});
const stream = (call: Call, more: Partial<Row> = {}): Row => ({ call, takes: "signal", ...more });
const release = (call: Call, ownMs = 1_000): Row => ({ call, takes: "nothing", maySucceed: true, ownMs });
/** A function that returns at once. */
const immediate: Row = {
  call: async () => undefined,
  takes: "nothing",
  maySucceed: true,
  ownMs: 1_000,
};

async function first(source: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of source) return item;
  return undefined;
}

/** Reads a stream whose first items arrive without an answer. */
async function readAll(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

const disposeMs = 20_000;
const missing = "docker.io/library/no-such-image:1";
const spec = ({ subject }: Stage) => ({ name: "other", image: subject.image, command: subject.commands.run });

/** The rows by owner and method. */
export const rows: Readonly<Record<string, Row>> = {
  "connect.connect": bounded(({ endpoint }, bounds) => connect(endpoint, bounds), { outlivesClient: true }),
  "connect.discover": bounded((_, bounds) => discover(bounds), { outlivesClient: true, maySucceed: true }),
  "connect.lazy": immediate,
  "connect.through": immediate,

  "cri.version": bounded(({ cri }, bounds) => cri.version(bounds)),
  "cri.features": bounded(({ cri }, bounds) => cri.features(bounds)),
  "cri.exec": bounded(({ cri, container }, bounds) => cri.exec(container.id, ["true"], bounds)),
  "cri.runCommand": bounded(({ cri, container }, bounds) =>
    cri.runCommand(container.id, ["true"], { ...bounds, killOnClose: true }),
  ),
  "cri.attach": bounded(({ cri, container }, bounds) => cri.attach(container.id, bounds)),
  "cri.portForward": immediate,
  "cri.copyTo": bounded(({ cri, container }, bounds) =>
    cri.copyTo(container.id, { content: "x" }, "/tmp/x", bounds),
  ),
  "cri.copyFrom": bounded(({ cri, container }, bounds) =>
    cri.copyFrom(container.id, "/tmp/x", "/tmp/never-written", bounds),
  ),
  "cri.logs": stream(({ cri, container }, { signal }) => first(cri.logs(container.id, { signal })), {
    outlivesClient: false,
  }),
  "cri.followLogs": stream(({ cri }, { signal }) => readAll(cri.followLogs({}, { signal }))),
  "cri.sweep": bounded(({ cri }, bounds) => cri.sweep(bounds)),
  "cri.watchNode": bounded(({ cri }, bounds) => cri.watchNode(bounds), { maySucceed: true }),
  "cri.close": release(({ endpoint }) => {
    const cri = connect.lazy(endpoint);
    void cri.pods.ensure({ name: "closed" }).catch(() => undefined);
    void cri.pods.run({ name: "closed" }).catch(() => undefined);
    return cri.close();
  }),
  "cri.asyncDispose": release(({ endpoint }) => connect.lazy(endpoint)[Symbol.asyncDispose]()),

  "images.list": bounded(({ cri }, bounds) => cri.images.list(bounds)),
  "images.get": bounded(({ cri }, bounds) => cri.images.get(missing, bounds)),
  "images.ensure": bounded(({ cri }, bounds) => cri.images.ensure(missing, bounds)),
  "images.pull": bounded(({ cri }, bounds) =>
    cri.images.pull(missing, { ...bounds, onProgress: () => undefined, stalledMs: 60_000 }),
  ),
  "images.remove": bounded(({ cri }, bounds) => cri.images.remove(missing, bounds)),
  "images.prune": bounded(({ cri }, bounds) => cri.images.prune({ ...bounds, dryRun: true })),
  "images.fsInfo": bounded(({ cri }, bounds) => cri.images.fsInfo(bounds)),

  "pods.run": bounded(({ cri }, bounds) => cri.pods.run({ name: "new" }, bounds)),
  "pods.runContainer": bounded((stage, bounds) =>
    stage.cri.pods.runContainer({ name: "new" }, spec(stage), bounds),
  ),
  "pods.ensure": bounded(({ cri }, bounds) => cri.pods.ensure({ name: "ensured" }, bounds)),
  "pods.get": bounded(({ cri }, bounds) => cri.pods.get("0".repeat(64), bounds)),
  "pods.list": bounded(({ cri }, bounds) => cri.pods.list({}, bounds)),
  "pods.find": bounded(({ cri }, bounds) => cri.pods.find({ name: "new" }, bounds)),
  "pods.adopt": bounded(({ cri }, bounds) => cri.pods.adopt("0".repeat(64), bounds)),

  "containers.get": bounded(({ cri }, bounds) => cri.containers.get("0".repeat(64), bounds)),
  "containers.find": bounded(({ cri }, bounds) => cri.containers.find({ name: "other" }, bounds)),
  "containers.list": bounded(({ cri }, bounds) => cri.containers.list({}, bounds)),

  "events.read": stream(({ cri }, { signal }) => readAll(cri.events.read({ signal }))),
  "events.asyncIterator": immediate,
  // `cri.watchNode` and `cri.close` call these two.
  "events.watch": immediate,
  "events.close": immediate,

  "stats.containers": bounded(({ cri }, bounds) => cri.stats.containers({}, { ...bounds, rateOverMs: 1 })),
  "stats.pods": bounded(({ cri }, bounds) => cri.stats.pods({}, bounds)),
  "stats.container": bounded(({ cri, container }, bounds) => cri.stats.container(container.id, bounds)),
  "stats.pod": bounded(({ cri, pod }, bounds) => cri.stats.pod(pod.id, bounds)),
  "stats.watch": bounded(({ cri }, bounds) => first(cri.stats.watch(bounds)), { maySucceed: true }),
  "stats.toPrometheus": bounded(({ cri }, bounds) => cri.stats.toPrometheus(bounds)),

  "pod.status": bounded(({ pod }, bounds) => pod.status(bounds)),
  "pod.adopt": bounded(({ cri, pod }, bounds) => cri.pods.adopt(pod.id, bounds)),
  "pod.createContainer": bounded((stage, bounds) => stage.pod.createContainer(spec(stage), bounds)),
  "pod.runContainer": bounded((stage, bounds) => stage.pod.runContainer(spec(stage), bounds)),
  "pod.ensureContainer": bounded((stage, bounds) => stage.pod.ensureContainer(spec(stage), bounds)),
  "pod.containers": bounded(({ pod }, bounds) => pod.containers({}, bounds)),
  "pod.stop": bounded(({ pod }, bounds) => pod.stop(bounds)),
  "pod.remove": bounded(({ pod }, bounds) => pod.remove(bounds)),
  "pod.wait": bounded(({ pod }, bounds) => pod.wait({ ...bounds, until: "stopped" })),
  "pod.updateResources": bounded(({ pod }, bounds) => pod.updateResources({ resources: { cpu: 1 } }, bounds)),
  "pod.exec": bounded(({ pod }, bounds) => pod.exec(["true"], bounds)),
  "pod.runCommand": bounded(({ pod }, bounds) => pod.runCommand(["true"], bounds)),
  "pod.logs": stream(({ pod }, { signal }) => first(pod.logs({ follow: true, signal }))),
  "pod.portForward": immediate,
  "pod.fetch": stream(({ cri, pod }, { signal }) =>
    cri.portForward(pod.id).fetch(80, "/", signal ? { signal } : {}),
  ),
  "pod.connect": bounded(({ cri, pod }, bounds) => cri.portForward(pod.id).connect(80, bounds)),
  "pod.asyncDispose": release(({ pod }) => pod[Symbol.asyncDispose](), disposeMs),

  "container.start": bounded(({ container }, bounds) => container.start(bounds)),
  "container.stop": bounded(({ container }, bounds) => container.stop(bounds)),
  "container.kill": bounded(({ container }, bounds) => container.kill("SIGKILL", bounds)),
  "container.remove": bounded(({ container }, bounds) => container.remove(bounds)),
  "container.restart": bounded(({ container }, bounds) => container.restart(bounds)),
  "container.status": bounded(({ container }, bounds) => container.status(bounds)),
  "container.wait": bounded(({ container }, bounds) => container.wait(bounds)),
  "container.exec": bounded(({ container }, bounds) => container.exec(["true"], bounds)),
  "container.runCommand": bounded(({ container }, bounds) => container.runCommand(["true"], bounds)),
  "container.attach": bounded(({ container }, bounds) => container.attach(bounds)),
  "container.copyTo": bounded(({ container }, bounds) =>
    container.copyTo({ content: "x" }, "/tmp/x", bounds),
  ),
  "container.copyFrom": bounded(({ container }, bounds) =>
    container.copyFrom("/tmp/x", "/tmp/never-written", bounds),
  ),
  "container.logs": stream(({ container }, { signal }) => first(container.logs({ follow: true, signal }))),
  "container.stats": bounded(({ container }, bounds) => container.stats(bounds)),
  "container.update": bounded(({ container }, bounds) => container.update({ cpu: 1 }, bounds)),
  "container.toJSON": immediate,
  "container.asyncDispose": release(({ container }) => container[Symbol.asyncDispose](), disposeMs),

  "watch.waitFor": bounded(({ watch }, bounds) => watch.waitFor(() => false, bounds)),
  "watch.ready": immediate,
  "watch.changes": stream(({ watch }, { signal }) => readAll(watch.changes({ signal }))),
  "watch.close": release(({ watch }) => watch.close()),
  "watch.asyncDispose": release(({ watch }) => watch[Symbol.asyncDispose]()),
  "watch.containersOf": immediate,
  "watch.podsByLabel": immediate,
  "watch.containersByLabel": immediate,
  "watch.podsByState": immediate,
  "watch.containersByState": immediate,
  "watch.containersByImage": immediate,

  "session.close": release(({ session }) => session.close()),
  "session.detach": release(({ session }) => session.detach(), 2_000),
  "session.asyncDispose": release(({ session }) => session[Symbol.asyncDispose]()),
  "session.resize": immediate,
  "session.onStarted": immediate,
  "session.onData": immediate,
  "session.onEnd": immediate,
  "session.onInputOver": immediate,
  "session.onClosed": immediate,
  "killable.close": release(({ killable }) => killable.close()),
  "killable.detach": release(({ killable }) => killable.detach(), 2_000),
  "killable.asyncDispose": release(({ killable }) => killable[Symbol.asyncDispose]()),
  "killable.kill": release(async ({ killable }) => "kill" in killable && (await killable.kill()), disposeMs),
  "killable.resize": immediate,
  "attach.close": release(({ attach }) => attach.close()),
  "attach.detach": release(({ attach }) => attach.detach(), 2_000),
  "attach.asyncDispose": release(({ attach }) => attach[Symbol.asyncDispose]()),
  "attach.resize": immediate,

  "forward.connect": bounded(({ cri, pod }, bounds) => cri.portForward(pod.id).connect(81, bounds)),
  "forward.fetch": stream(({ cri, pod }, { signal }) =>
    cri.portForward(pod.id).fetch(81, "/", signal ? { signal } : {}),
  ),
  "forward.listen": release(async ({ pod }) => (await pod.portForward().listen(80, { port: 0 })).close()),
  "forward.close": release(({ forward }) => {
    void forward.connect(80).catch(() => undefined);
    return forward.close();
  }),
  "forward.asyncDispose": release(({ pod }) => pod.portForward()[Symbol.asyncDispose]()),
  "listener.close": release(({ listener }) => listener.close()),
  "listener.asyncDispose": release(({ listener }) => listener[Symbol.asyncDispose]()),

  "reader.asyncIterator": stream(({ cri, container }, { signal }) =>
    first(cri.logs(container.id, { signal })[Symbol.asyncIterator]()),
  ),
  "reader.batches": stream(({ cri, container }, { signal }) =>
    first(cri.logs(container.id, { signal }).batches()),
  ),
  "reader.bytes": stream(({ cri, container }, { signal }) =>
    first(cri.logs(container.id, { signal }).bytes()),
  ),
  "reader.writeTo": stream(({ cri, container }, { signal }) =>
    cri.logs(container.id, { signal }).writeTo(new PassThrough()),
  ),
  "reader.close": release(({ reader }) => {
    void first(reader).catch(() => undefined);
    return reader.close();
  }),
  "reader.asyncDispose": release(({ reader }) => reader[Symbol.asyncDispose]()),
};
