// Records how real containerds report the configs of a pod and a container, for go-json.test.ts:
//   npx tsx --conditions=cri-sdk-source test/crictl/record.ts NAME=ENDPOINT… IMAGE FOLDER
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { toGoJson } from "../../src/crictl/index.js";
import { connect } from "../../src/index.js";
import {
  type ContainerConfigSchema,
  ContainerConfigSchema as containerSchema,
  NamespaceMode,
  Protocol,
  PodSandboxConfigSchema as podSchema,
  SecurityProfile_ProfileType,
} from "../../src/v1.js";

const endpoints = process.argv.slice(2, -2);
const [image = "", folder = "."] = process.argv.slice(-2);
const bytes = (text: string) => new TextEncoder().encode(text);

for (const endpoint of endpoints) {
  const [name = "", address = ""] = endpoint.split("=");
  await using cri = await connect(address);
  await cri.image.pullImage({ image: { image } });
  const uid = randomUUID();
  const pod = create(podSchema, {
    metadata: { name: "recorded", uid, namespace: "cri-sdk-test", attempt: 2 },
    hostname: "recorded",
    logDirectory: `/tmp/cri-sdk-recorded/${uid}`,
    dnsConfig: { servers: ["192.0.2.53"], searches: ["example.test"], options: ["ndots:2"] },
    portMappings: [{ protocol: Protocol.UDP, containerPort: 5353, hostPort: 45353 }],
    labels: { app: "recorded", with_underscore: "yes" },
    annotations: { "example.test/note": 'quoted "text", <angle> & ümlaut' },
    linux: {
      cgroupParent: `/cri-sdk-recorded/${uid}`,
      sysctls: { "net.ipv4.ip_unprivileged_port_start": "0" },
      securityContext: {
        namespaceOptions: {
          network: NamespaceMode.POD,
          pid: NamespaceMode.CONTAINER,
          ipc: NamespaceMode.POD,
        },
        runAsUser: { value: 0n },
        runAsGroup: { value: 65534n },
        supplementalGroups: [1000n, 4294967294n],
        seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
      },
      resources: { cpuShares: 512n, memoryLimitInBytes: 67_108_864n },
    },
  });
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: pod });
  const config: MessageInitShape<typeof ContainerConfigSchema> = {
    metadata: { name: "recorded", attempt: 1 },
    image: { image, userSpecifiedImage: image, annotations: { from: "a test" } },
    command: ["sh", "-c"],
    args: ["sleep 600"],
    workingDir: "/tmp",
    envs: [
      { key: "PLAIN", value: bytes("text") },
      { key: "ODD", value: bytes('ümlaut "quoted" <tag> = & \u{1f600}') },
      { key: "EMPTY", value: bytes("") },
    ],
    mounts: [{ containerPath: "/mnt", hostPath: "/tmp", readonly: true }],
    labels: { app: "recorded" },
    annotations: { "example.test/number": "9007199254740993" },
    logPath: "recorded/1.log",
    stdin: true,
    linux: {
      resources: {
        cpuPeriod: 100_000n,
        cpuQuota: 50_000n,
        cpuShares: 256n,
        memoryLimitInBytes: 33_554_432n,
        oomScoreAdj: -5n,
      },
      securityContext: {
        capabilities: { addCapabilities: ["NET_ADMIN"], dropCapabilities: ["MKNOD"] },
        namespaceOptions: { pid: NamespaceMode.CONTAINER },
        runAsUser: { value: 0n },
        noNewPrivs: true,
        maskedPaths: ["/proc/kcore"],
        readonlyPaths: ["/proc/sys"],
        seccomp: { profileType: SecurityProfile_ProfileType.Unconfined },
      },
    },
  };
  const container = create(containerSchema, config);
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: container,
    sandboxConfig: pod,
  });
  const podStatus = await cri.runtime.podSandboxStatus({ podSandboxId, verbose: true });
  const containerStatus = await cri.runtime.containerStatus({ containerId, verbose: true });
  await cri.runtime.removePodSandbox({ podSandboxId });
  const recorded = {
    pod: { info: podStatus.info.info, sent: JSON.parse(toGoJson(podSchema, pod)) as unknown },
    container: {
      info: containerStatus.info.info,
      sent: JSON.parse(toGoJson(containerSchema, container)) as unknown,
    },
  };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(recorded, null, 2)}\n`);
}
