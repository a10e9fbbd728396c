// No public function fails with a raw TypeError, hangs or does something else when its first argument is missing or of another kind. The
// compiler lists the functions, so that a new one is tried, too, or fails here.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { after, before, describe, test } from "node:test";
import { ConnectError } from "@connectrpc/connect";
import * as configs from "../src/configs.js";
import * as crictl from "../src/crictl.js";
import * as root from "../src/index.js";
import * as kubelet from "../src/kubelet.js";
import * as kubernetes from "../src/kubernetes.js";
import * as logs from "../src/logs.js";
import * as observe from "../src/observe.js";
import * as server from "../src/server.js";
import * as streaming from "../src/streaming.js";
import * as testing from "../src/testing.js";
import * as transport from "../src/transport.js";
import { scripted } from "./support/embedded.js";
import { type PublicFunction, publicFunctions, type ValueKind } from "./support/public-options.js";
import { createWorld, type World } from "./support/public-world.js";
import { within } from "./support/waiting.js";

type AnyFunction = (...args: unknown[]) => unknown;
type AnyClass = new (...args: unknown[]) => unknown;

/** Runs a call to its first result; returns its error, if there is one. */
async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    const result = await run();
    const isIterable = typeof result === "object" && result !== null && Symbol.asyncIterator in result;
    if (isIterable) await (result as AsyncIterable<unknown>)[Symbol.asyncIterator]().next();
    return undefined;
  } catch (error) {
    return error;
  }
}

const doors = {
  ...root,
  ...configs,
  ...crictl,
  ...kubelet,
  ...kubernetes,
  ...logs,
  ...observe,
  ...server,
  ...testing,
  ...transport,
};
const exported: Readonly<Record<string, unknown>> = { ...doors, ...streaming };

/** The objects with the methods of each class and interface. */
const owners: Readonly<Record<string, (world: World) => object>> = {
  ApiServerError: () => new kubelet.ApiServerError("x"),
  ApiServerSource: () => kubelet.apiServer(),
  CallLog: ({ runtime }) => runtime.calls,
  Chaos: ({ chaos }) => chaos,
  Clock: ({ runtime }) => runtime.clock,
  ConformanceContainer: ({ conformanceContainer }) => conformanceContainer,
  ConformanceContext: ({ context }) => context,
  ConformancePod: ({ conformancePod }) => conformancePod,
  Container: ({ container }) => container,
  Containers: ({ cri }) => cri.containers,
  CredentialSource: () => root.keyring({}),
  Cri: ({ cri }) => cri,
  CriError: () => new root.CriError({ code: "unknown", reason: "runtime_error", rawMessage: "x" }),
  CriServer: ({ served }) => served,
  CrictlJsonWriter: () => crictlWriter,
  EmbeddedRuntime: ({ runtime }) => runtime,
  Events: ({ cri }) => cri.events,
  Faults: ({ runtime }) => runtime.faults,
  Fixtures: () => testing.fixtures,
  ForwardedConnection: ({ connection }) => connection,
  Http2Transport: () => transport.createTransport("/nowhere"),
  ImageCatalogue: () => testing.defaultCatalogue(),
  ImageStore: ({ runtime }) => runtime.images,
  Images: ({ cri }) => cri.images,
  KillableSession: ({ killable }) => killable,
  Kubelet: ({ kubelet }) => kubelet,
  Lists: ({ cri }) => cri.lists,
  LocalNodeFiles: ({ nodeFiles }) => nodeFiles,
  LogDecoder: () => new logs.LogDecoder(),
  LogReader: () => logs.readLogs("/nowhere"),
  LogWriter: ({ writer }) => writer,
  ManifestObject: () => kubernetes.parseManifests("{kind: Pod, apiVersion: v1}").pods[0] ?? {},
  NodeFiles: ({ nodeFiles }) => nodeFiles,
  NodeWatch: ({ watch }) => watch,
  ParsedQuantity: () => configs.parseQuantity("1"),
  PodList: () => kubelet.podList(),
  PlayedPod: ({ played }) => played,
  Pod: ({ pod }) => pod,
  PodPlanner: ({ node }) => kubernetes.podPlanner(node),
  Pods: ({ cri }) => cri.pods,
  PortForward: ({ ports }) => ports,
  RecordingTransport: ({ recording }) => recording,
  Replay: ({ recorded }) => testing.replaying(recorded),
  RestartBackOff: () => new kubernetes.RestartBackOff(),
  ResizeDecoder: () => new streaming.ResizeDecoder(),
  RpcTransport: ({ runtime }) => runtime.transport,
  Session: ({ session }) => session,
  SpdyConnection: () => new streaming.SpdyConnection(new PassThrough(), { role: "client" }),
  SpdyStream: () => new streaming.SpdyConnection(new PassThrough(), { role: "client" }).open({}),
  StartError: () => new kubernetes.StartError("CreateContainerError", "x"),
  Stats: ({ cri }) => cri.stats,
  StoredImage: ({ runtime }) => runtime.images.images[0] ?? {},
  StreamingServer: ({ streamingServer }) => streamingServer,
  VirtualClock: () => new testing.VirtualClock(),
};

/** Interfaces that callers implement, or whose objects are not of this package. */
const notOurs: ReadonlySet<string> = new Set([
  "AdmissionRequest",
  // A KubeConfig of @kubernetes/client-node.
  "KubeConfigLike",
  "PodSource",
  // Passed to sources.
  "SourceHost",
  // Passed to cases, or called by the suite with its own context.
  "ConformanceCase",
  "ConformanceCommands",
  "OtelMeterProvider",
  "OtelSpan",
  "OtelTracer",
  "OtelTracerProvider",
  // Passed to functions of pods.
  "PodActionsState",
  "PodInputs",
  "PodStatusInput",
  // Connect's.
  "RpcContextValues",
  "Services",
  "StreamSink",
  "StreamingHandlers",
]);

/** Functions that take every value. */
const takesAnything: ReadonlySet<string> = new Set([
  "ApiServerError.__@hasInstance",
  "CriError.__@hasInstance",
  "StartError.__@hasInstance",
  "isCriError",
  "new CrictlJson",
  // It returns the problems of whatever it gets.
  "validatePod",
]);

/** Values of every kind. A promise, a map and an object of another class are never right unless an object is. */
const samples: readonly (readonly [kind: ValueKind | "never", value: unknown])[] = [
  ["string", "text"],
  ["number", 5],
  ["bigint", 5n],
  ["boolean", true],
  ["never", Symbol("s")],
  ["function", () => 1],
  ["array", []],
  ["bytes", new Uint8Array(3)],
  ["never", Promise.resolve({})],
  ["never", new Map()],
];

/** The one object with this interface. */
const crictlWriter =
  Object.values(crictl).find((one) => typeof one === "object" && "imagefsinfo" in one) ?? {};

/** The reasons of errors about the values that a caller passed. */
const reasons: ReadonlySet<string> = new Set([
  "invalid_option",
  "invalid_spec",
  "invalid_endpoint",
  "invalid_request",
  "invalid_image_reference",
  "invalid_file",
]);

/** Returns a function, bound to an object of its class; undefined for what callers cannot call. */
function functionOf({ id }: PublicFunction, world: World): AnyFunction | undefined {
  const [owner = "", method = ""] = id.split(".");
  if (id.startsWith("new ")) {
    const type = exported[id.slice(4)];
    return typeof type === "function" ? (value) => new (type as AnyClass)(value) : undefined;
  }
  if (method === "") return exported[id] as AnyFunction | undefined;
  const object = owners[owner]?.(world) ?? exported[owner];
  const found: unknown = object && Reflect.get(object, method);
  const ofClass: unknown = exported[owner] && Reflect.get(exported[owner], method);
  if (typeof found === "function") return (value) => Reflect.apply(found, object, [value]);
  return typeof ofClass === "function"
    ? (value) => Reflect.apply(ofClass, exported[owner], [value])
    : undefined;
}

/** Whether a function belongs to an object that a caller creates: options with callbacks, handlers. */
function isCallersOwn({ id }: PublicFunction): boolean {
  const [owner = "", method] = id.split(".");
  return (
    method !== undefined && (notOurs.has(owner) || /(?:Options|Context)$/.test(owner)) && !(owner in owners)
  );
}

/** Whether it is a method of a source, which its kubelet calls. */
function isCalledByKubelet({ id }: PublicFunction): boolean {
  const methods = /\.(?:start|prepare|inputs|onStatus|settleStatus|onRemoved|onEvent|onNode)$/;
  return /^(?:PodList|ApiServerSource)\./.test(id) && methods.test(id);
}

/** Whether a class is exported as a type only: its objects are created by this package. */
function isInternalClass({ id }: PublicFunction): boolean {
  return id.startsWith("new ") && typeof exported[id.slice(4)] !== "function";
}

const functions = publicFunctions().filter(
  (one) =>
    !isCallersOwn(one) &&
    !isCalledByKubelet(one) &&
    !isInternalClass(one) &&
    !takesAnything.has(one.id.replace(/@\d+$/, "")),
);

describe("first arguments", () => {
  let world: World;
  let close: () => Promise<void>;

  before(async () => {
    ({ world, close } = await createWorld());
  });
  after(() => close());

  for (const one of functions)
    test(one.id, async () => {
      const run = functionOf(one, world);
      assert.ok(run, `no object with ${one.id} is known: add its class to \`owners\``);
      const { argument, isOptional, kinds } = one;
      const wrong: unknown[] = isOptional ? [null] : [undefined, null];
      for (const [kind, value] of samples)
        if (kind === "never" || !(kinds.has(kind) || kinds.has("anything"))) wrong.push(value);
      const failures: string[] = [];
      for (const value of wrong) {
        const shown = `${one.id}(${describeValue(value)})`;
        const thrown = await within(
          20_000,
          errorOf(() => run(value)),
          shown,
        );
        // Transports reject as Connect's do.
        const error = thrown instanceof ConnectError ? thrown.cause : thrown;
        if (!root.isCriError(error))
          failures.push(`${shown}: ${error === undefined ? "was accepted" : error}`);
        else if (!reasons.has(error.reason)) failures.push(`${shown}: ${error.message}`);
        else if (!namesOf(argument).some((name) => error.message.includes(name)))
          failures.push(`${shown} does not name ${argument}: ${error.message}`);
      }
      assert.deepEqual(failures, []);
    });
});

/** The names of an argument in errors. Errors about options and specs name what they are options of. */
function namesOf(argument: string): readonly string[] {
  const others: Readonly<Record<string, readonly string[]>> = {
    filter: ["options", "the request"],
    spec: ["options", "pod spec", "container spec"],
    podSpec: ["pod spec"],
    idOrPrefix: ["id"],
    json: ["image catalogue"],
    name: ["image reference"],
    text: ["endpoint", "image reference", "quantity"],
    image: ["image reference"],
    container: ["containerId"],
    pod: ["podSandboxId", "the Pod is not valid"],
  };
  return [argument, "options", ...(others[argument] ?? [])];
}

function describeValue(value: unknown): string {
  return typeof value === "object" && value !== null ? (value.constructor?.name ?? "object") : String(value);
}

test("every RPC refuses null and requests with unknown fields or names as in CRI's files, before it is sent", async (t) => {
  const { cri, runtime } = await scripted(t);
  const rpcs = { ...cri.runtime, ...cri.image } as unknown as Record<string, (request: unknown) => unknown>;
  for (const [name, rpc] of Object.entries(rpcs)) {
    const before = runtime.calls.total;
    for (const request of ["text", 5, { container_idz: "a" }]) {
      const error = await within(
        20_000,
        errorOf(() => rpc(request)),
        `${name}(${request})`,
      );
      assert.ok(
        root.isCriError(error) && error.reason === "invalid_request",
        `${name}(${request}): ${error}`,
      );
    }
    assert.equal(runtime.calls.total, before);
  }
  const requests: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => cri.runtime.stopContainer({ container_id: "a" } as object),
      /container_id.*did you mean containerId/,
    ],
    [
      () => cri.runtime.runPodSandbox({ config: { log_directory: "/x" } } as object),
      /config\.log_directory.*logDirectory/,
    ],
    [
      () => cri.image.pullImage({ image: { image: 5 } } as unknown as object),
      /image\.image: must be a string, got 5/,
    ],
    [() => cri.lists.containers({ filter: { id: "a" } } as object).collect(), /filter/],
  ];
  for (const [run, text] of requests) {
    const error = await errorOf(run);
    assert.ok(root.isCriError(error) && error.reason === "invalid_request", String(error));
    assert.match(error.message, text);
  }
});
