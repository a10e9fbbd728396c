import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, fromJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { toCrictlJson } from "../../src/crictl/index.js";
import {
  ContainerEventResponseSchema,
  ContainerEventType,
  ContainerSchema,
  ContainerState,
  ContainerStatsSchema,
  ContainerStatusResponseSchema,
  ImageFsInfoResponseSchema,
  ImageSchema,
  ImageStatusResponseSchema,
  ListPodSandboxResponseSchema,
  PodSandboxSchema,
  PodSandboxState,
  PodSandboxStatsSchema,
  PodSandboxStatusResponseSchema,
  StatusResponseSchema,
  VersionResponseSchema,
} from "../../src/v1.js";
import { anyMessage } from "../support/arbitrary-messages.js";

const pod = (id: string, createdAt: bigint) =>
  create(PodSandboxSchema, {
    id,
    createdAt,
    state: PodSandboxState.SANDBOX_NOTREADY,
    metadata: { name: id },
  });

describe("lists", () => {
  test("pods: newest first, with defaults, enums by name and 64-bit numbers as strings", () => {
    const newest = pod("new", 1_700_000_000_000_000_001n);
    const pods = [pod("old", 1n), newest, pod("b", 5n), pod("a", 5n)];
    const { value, text } = toCrictlJson.pods(pods);
    assert.deepEqual(value, {
      items: ["new", "a", "b", "old"].map((id) => ({
        id,
        metadata: { name: id, uid: "", namespace: "", attempt: 0 },
        state: "SANDBOX_NOTREADY",
        createdAt: { new: "1700000000000000001", a: "5", b: "5", old: "1" }[id],
        labels: {},
        annotations: {},
        runtimeHandler: "",
      })),
    });
    assert.match(text, /^\{\n {2}"items": \[\n {4}\{\n {6}"id": "new",/);
    assert.equal(pods[0]?.id, "old", "the caller's list is not sorted");
  });

  test("ps, images, stats and statsp: sorted as by crictl, without unset messages", () => {
    const container = (id: string, createdAt: bigint) => create(ContainerSchema, { id, createdAt });
    assert.deepEqual(toCrictlJson.ps([container("a", 1n), container("b", 2n)]).value, {
      containers: [
        { id: "b", createdAt: "2" },
        { id: "a", createdAt: "1" },
      ].map((own) => ({
        ...{
          podSandboxId: "",
          imageRef: "",
          state: "CONTAINER_CREATED",
          labels: {},
          annotations: {},
          imageId: "",
        },
        ...own,
      })),
    });
    const image = (id: string, repoTags: string[], repoDigests: string[] = []) =>
      create(ImageSchema, { id, repoTags, repoDigests, size: 5n });
    const images = [image("4", ["b"]), image("3", [], ["y"]), image("2", [], ["x"]), image("1", ["b"])];
    assert.deepEqual(idsOf(toCrictlJson.images(images).value, "images"), ["2", "3", "1", "4"]);
    const stats = ["b", "a"].map((id) =>
      create(ContainerStatsSchema, { attributes: { id }, memory: { workingSetBytes: { value: 5n } } }),
    );
    assert.deepEqual((toCrictlJson.stats(stats).value as { stats: object[] }).stats[0], {
      attributes: { id: "a", labels: {}, annotations: {} },
      memory: { timestamp: "0", workingSetBytes: { value: "5" } },
    });
    const podStats = ["b", "a"].map((id) => create(PodSandboxStatsSchema, { attributes: { id } }));
    assert.deepEqual(toCrictlJson.statsp(podStats).value, {
      stats: ["a", "b"].map((id) => ({ attributes: { id, labels: {}, annotations: {} } })),
    });
  });

  test("the output is protojson, and parses to the same messages", () => {
    fc.assert(
      fc.property(anyMessage(PodSandboxSchema), (message) => {
        const read = fromJson(ListPodSandboxResponseSchema, toCrictlJson.pods([message]).value);
        assert.deepEqual(read.items, [message]);
      }),
      { numRuns: 100 },
    );
  });
});

function idsOf(value: unknown, key: string): unknown[] {
  return (value as Record<string, { id: unknown }[]>)[key]?.map(({ id }) => id) ?? [];
}

interface Report {
  readonly status: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

describe("inspect", () => {
  const response = (state: ContainerState, finishedAt = 0n) =>
    create(ContainerStatusResponseSchema, {
      status: {
        id: "c",
        state,
        createdAt: 1_700_000_000_120_000_000n,
        startedAt: 1_700_000_001_000_000_000n,
        finishedAt,
      },
    });
  const timesOf = (state: ContainerState, finishedAt?: bigint) => {
    const { status } = toCrictlJson.inspect(response(state, finishedAt)).value as unknown as Report;
    return [status.createdAt, status.startedAt, status.finishedAt];
  };

  test("times are RFC 3339; a time that was not reached is Go's zero time", () => {
    const [created, started, never] = [
      "2023-11-14T22:13:20.12Z",
      "2023-11-14T22:13:21Z",
      "0001-01-01T00:00:00Z",
    ];
    assert.deepEqual(timesOf(ContainerState.CONTAINER_CREATED), [created, never, never]);
    assert.deepEqual(timesOf(ContainerState.CONTAINER_RUNNING), [created, started, never]);
    const finished = 1_700_000_002_123_456_789n;
    const last = "2023-11-14T22:13:22.123456789Z";
    assert.deepEqual(timesOf(ContainerState.CONTAINER_EXITED, finished), [created, started, last]);
    assert.deepEqual(timesOf(ContainerState.CONTAINER_UNKNOWN, finished), [created, started, last]);
    assert.deepEqual(timesOf(ContainerState.CONTAINER_UNKNOWN), [created, started, never]);
    assert.deepEqual(timesOf(ContainerState.CONTAINER_EXITED, -1n)[2], "1969-12-31T23:59:59.999999999Z");
  });

  test("info is parsed and added to the report; keys are sorted, unset messages of the status are null", () => {
    const one = create(PodSandboxStatusResponseSchema, {
      status: { id: "p", createdAt: 1n, linux: { namespaces: { options: {} } } },
      info: {
        info: '{"pid": 5, "config": {"b": 1, "a": {}}}',
        note: '"quoted"',
        broken: "{not json",
        list: "[1]",
      },
    });
    assert.deepEqual(toCrictlJson.inspectp(one).value, {
      broken: "{not json",
      info: { config: { a: {}, b: 1 }, pid: 5 },
      list: "[1]",
      note: "quoted",
      status: {
        annotations: {},
        createdAt: "1970-01-01T00:00:00.000000001Z",
        id: "p",
        labels: {},
        linux: { namespaces: { options: { ipc: "POD", network: "POD", pid: "POD", targetId: "" } } },
        metadata: null,
        network: null,
        runtimeHandler: "",
        state: "SANDBOX_READY",
      },
    });
    assert.match(toCrictlJson.inspectp(one).text, /"info": \{\n {4}"config": \{\n {6}"a": \{\},\n {6}"b": 1/);
  });

  test("several responses become a list, one becomes an object", () => {
    const one = create(ImageStatusResponseSchema, { image: { id: "i", size: 5n } });
    const report = {
      status: { id: "i", pinned: false, repoDigests: [], repoTags: [], size: "5", username: "" },
    };
    assert.deepEqual(toCrictlJson.inspecti(one).value, report);
    assert.deepEqual(toCrictlJson.inspecti(one, one).value, [report, report]);
    assert.deepEqual(toCrictlJson.inspecti().value, []);
    assert.deepEqual(toCrictlJson.inspecti(create(ImageStatusResponseSchema)).value, {});
  });
});

test("info: handlers and features as Go formats them, with the entries of the runtime's info", () => {
  const response = create(StatusResponseSchema, {
    status: { conditions: [{ type: "RuntimeReady", status: true }] },
    runtimeHandlers: [{ features: { recursiveReadOnlyMounts: true } }, { name: "runc" }],
    features: { supplementalGroupsPolicy: true },
    info: { config: '{"root": "/var"}', golang: '"go1.22"' },
  });
  assert.deepEqual(toCrictlJson.info(response).value, {
    config: { root: "/var" },
    features: { supplemental_groups_policy: true },
    golang: "go1.22",
    runtimeHandlers: [{ features: { recursive_read_only_mounts: true } }, { name: "runc" }],
    status: { conditions: [{ message: "", reason: "", status: true, type: "RuntimeReady" }] },
  });
  assert.deepEqual(toCrictlJson.info(create(StatusResponseSchema)).value, {});
});

test("version, imagefsinfo and event", () => {
  assert.deepEqual(toCrictlJson.version(create(VersionResponseSchema, { runtimeName: "r" })).value, {
    version: "",
    runtimeName: "r",
    runtimeVersion: "",
    runtimeApiVersion: "",
  });
  const usage = { timestamp: 7n, fsId: { mountpoint: "/var" }, usedBytes: { value: 2n ** 63n } };
  const fs = create(ImageFsInfoResponseSchema, { imageFilesystems: [usage] });
  assert.deepEqual(toCrictlJson.imagefsinfo(fs).value, {
    status: {
      containerFilesystems: [],
      imageFilesystems: [
        { fsId: { mountpoint: "/var" }, timestamp: "7", usedBytes: { value: "9223372036854775808" } },
      ],
    },
  });
  const event = create(ContainerEventResponseSchema, {
    containerId: "c",
    containerEventType: ContainerEventType.CONTAINER_STOPPED_EVENT,
    createdAt: 5n,
  });
  assert.deepEqual(toCrictlJson.event(event).value, {
    containerId: "c",
    containerEventType: "CONTAINER_STOPPED_EVENT",
    createdAt: "5",
    containersStatuses: [],
  });
});

test("an output is its text in a template, and its value in JSON.stringify()", () => {
  const output = toCrictlJson.ps([]);
  assert.equal(`${output}`, '{\n  "containers": []\n}');
  assert.equal(JSON.stringify({ output }), '{"output":{"containers":[]}}');
});
