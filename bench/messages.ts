import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  ContainerEventResponseSchema,
  ContainerEventType,
  type ContainerSchema,
  ContainerState,
  ListContainersResponseSchema,
  VersionResponseSchema,
} from "cri-sdk/v1";

/** Writes the responses of all servers into a folder, encoded: version.bin, event.bin, and one list for each of the sizes. */
export function writeMessages(folder: string, listSizes: readonly number[]): void {
  writeFileSync(join(folder, "version.bin"), versionAnswer());
  writeFileSync(join(folder, "event.bin"), eventAnswer());
  for (const size of listSizes) writeFileSync(join(folder, `list-${size}.bin`), listAnswer(size));
}

/** The VersionResponse of a recent containerd. */
function versionAnswer(): Uint8Array {
  const answer = create(VersionResponseSchema, {
    version: "0.1.0",
    runtimeName: "containerd",
    runtimeVersion: "v2.1.4",
    runtimeApiVersion: "v1",
  });
  return toBinary(VersionResponseSchema, answer);
}

/** A container has started. */
function eventAnswer(): Uint8Array {
  const event = create(ContainerEventResponseSchema, {
    containerId: hex(1, 64),
    containerEventType: ContainerEventType.CONTAINER_STARTED_EVENT,
    createdAt: 1_760_000_000_000_000_000n,
    podSandboxStatus: {
      id: hex(0, 64),
      metadata: { name: "web-frontend", uid: "5f0c4a52-9d7e-4a52-9d7e-5f0c4a529d7e", namespace: "team-1" },
      createdAt: 1_760_000_000_000_000_000n,
    },
  });
  return toBinary(ContainerEventResponseSchema, event);
}

/** Containers of a full node, with the labels and annotations of the kubelet. */
function listAnswer(count: number): Uint8Array {
  const containers = Array.from({ length: count }, (_, index) => container(index));
  return toBinary(ListContainersResponseSchema, create(ListContainersResponseSchema, { containers }));
}

function container(index: number): MessageInitShape<typeof ContainerSchema> {
  const podName = `web-frontend-${hex(index >> 1, 10)}-${hex(index, 5)}`;
  const podUid = `${hex(index, 8)}-5f0c-4a52-9d7e-${hex(index + 1, 12)}`;
  const name = index % 2 === 0 ? "web" : "metrics-sidecar";
  const image = `sha256:${hex(index % 40, 64)}`;
  return {
    id: hex(index, 64),
    podSandboxId: hex(index >> 1, 64),
    metadata: { name, attempt: index % 3 },
    image: { image, userSpecifiedImage: `registry.example.com/shop/${name}:1.${index % 40}` },
    imageRef: image,
    state: index % 10 === 0 ? ContainerState.CONTAINER_EXITED : ContainerState.CONTAINER_RUNNING,
    createdAt: 1_760_000_000_000_000_000n + BigInt(index) * 1_000_000_007n,
    labels: {
      "io.kubernetes.container.name": name,
      "io.kubernetes.pod.name": podName,
      "io.kubernetes.pod.namespace": `team-${index % 12}`,
      "io.kubernetes.pod.uid": podUid,
    },
    annotations: {
      "io.kubernetes.container.hash": hex(index, 8),
      "io.kubernetes.container.ports":
        '[{"name":"http","containerPort":8080,"protocol":"TCP"},{"name":"metrics","containerPort":9090}]',
      "io.kubernetes.container.restartCount": String(index % 3),
      "io.kubernetes.container.terminationMessagePath": "/dev/termination-log",
      "io.kubernetes.container.terminationMessagePolicy": "File",
      "io.kubernetes.pod.terminationGracePeriod": "30",
    },
  };
}

/** Returns hexadecimal digits that depend only on the number, so that every run has the same messages. */
function hex(seed: number, digits: number): string {
  return createHash("sha256").update(String(seed)).digest("hex").slice(0, digits);
}
