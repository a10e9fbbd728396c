import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { create, equals } from "@bufbuild/protobuf";
import {
  loadContainerConfig,
  loadSandboxConfig,
  parseContainerConfig,
  parseSandboxConfig,
} from "../../src/crictl/index.js";
import { type CriError, isCriError } from "../../src/index.js";
import {
  ContainerConfigSchema,
  MountPropagation,
  NamespaceMode,
  PodSandboxConfigSchema,
  SecurityProfile_ProfileType,
  Signal,
} from "../../src/v1.js";
import { tempFolder } from "../support/temp.js";

const file = (name: string) => join(import.meta.dirname, "files", name);
const bytes = (text: string) => new TextEncoder().encode(text);

const pod = create(PodSandboxConfigSchema, {
  metadata: { name: "web", namespace: "default", uid: "5b0a7a1e-web", attempt: 1 },
  hostname: "web",
  logDirectory: "/var/log/pods/web",
  dnsConfig: { servers: ["10.96.0.10"], options: ["ndots:5"] },
  portMappings: [{ containerPort: 80, hostPort: 8080 }],
  labels: { app_name: "web" },
  linux: {
    cgroupParent: "/pods/web",
    securityContext: {
      namespaceOptions: { pid: NamespaceMode.CONTAINER },
      runAsUser: { value: 1000n },
      supplementalGroups: [9007199254740993n],
    },
    resources: { memoryLimitInBytes: 9223372036854775807n },
  },
});

const container = create(ContainerConfigSchema, {
  metadata: { name: "httpd" },
  image: { image: "docker.io/library/busybox:1.37" },
  command: ["httpd", "-f"],
  args: ["-p", "80"],
  envs: [{ key: "GREETING", value: bytes("aGVsbG8=") }, { key: "EMPTY" }],
  mounts: [
    {
      containerPath: "/srv",
      hostPath: "/srv/web",
      readonly: true,
      propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
      uidMappings: [{ hostId: 1000, containerId: 0, length: 1 }],
    },
  ],
  CDIDevices: [{ name: "vendor.test/gpu=0" }],
  logPath: "httpd.log",
  stopSignal: Signal.SIGFPE,
  linux: {
    resources: { cpuShares: 512n, memoryLimitInBytes: 33554432n, unified: { "memory.high": "30000000" } },
    securityContext: {
      runAsUser: { value: 0n },
      seccomp: { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: "profiles/httpd.json" },
    },
  },
});

function refused(run: () => unknown): CriError {
  try {
    run();
  } catch (error) {
    if (isCriError(error)) return error;
    throw error;
  }
  throw new Error("the config was accepted");
}

const problemsOf = (run: () => unknown) =>
  refused(run).problems.map(({ path, message }) => `${path}: ${message}`);

test("loadSandboxConfig reads JSON by path and by URL, and keeps all digits of numbers", async () => {
  assert.deepEqual(await loadSandboxConfig(file("pod.json")), pod);
  assert.deepEqual(await loadSandboxConfig(pathToFileURL(file("pod.json"))), pod);
});

test("loadContainerConfig reads YAML: values of variables are plain strings, irregular names work, {} is 0", async () => {
  assert.deepEqual(await loadContainerConfig(file("container.yaml")), container);
});

test("loadContainerConfig reads the same container in protojson", async () => {
  const read = await loadContainerConfig(file("container.protojson.yaml"));
  assert.ok(equals(ContainerConfigSchema, read, container));
});

test("the dialect is crictl with an underscore, else protojson with camelCase, else crictl; an option overrides it", () => {
  const value = (text: string, dialect?: "crictl" | "protojson") =>
    Buffer.from(parseContainerConfig(text, { dialect }).envs[0]?.value ?? []).toString();
  const env = "envs: [{ key: A, value: aGk= }]";
  assert.equal(value(env), "aGk=");
  assert.equal(value(`log_path: a\n${env}`), "aGk=");
  assert.equal(value(`logPath: a\n${env}`), "hi");
  assert.equal(value(`logPath: a\nlabels: { some_key: a }\n${env}`), "hi");
  assert.equal(value(env, "protojson"), "hi");
  assert.equal(value(`log_path: a\n${env}`, "protojson"), "hi");
  assert.equal(value(`uidMappings: a\n${env}`.replace("uidMappings: a", "tty: true")), "aGk=");
  const mixed = refused(() => parseContainerConfig("log_path: a\nworkingDir: /\n"));
  assert.deepEqual(
    mixed.problems.map(({ path, message }) => [path, message]),
    [["workingDir", "ContainerConfig has no such key: did you mean working_dir? (line 2, column 1)"]],
  );
  assert.match(
    mixed.hint ?? "",
    /^Pass `dialect: "protojson"`.* read as crictl because of its key log_path$/,
  );
});

test("an error lists every problem with its path, line and column", () => {
  const text = `metadata:
  nmae: web
  attempt: -1
log_directory: 5
port_mappings:
  - { protocol: UDP, container_port: 99999999999 }
  - no map
labels:
  app.kubernetes.io/port: 80
linux:
  security_context:
    run_as_user: 1000
    supplemental_groups: ["5", 1.5]
    privileged: yes
`;
  const error = refused(() => parseSandboxConfig(text, { name: "pod.yaml" }));
  assert.deepEqual([error.code, error.reason], ["invalid_argument", "invalid_file"]);
  assert.match(error.rawMessage, /^pod\.yaml is not a valid PodSandboxConfig: metadata\.nmae: /);
  assert.deepEqual(
    error.problems.map(({ path, message }) => `${path}: ${message}`),
    [
      "metadata.nmae: PodSandboxMetadata has no such key: did you mean name? (line 2, column 3)",
      "metadata.attempt: must be between 0 and 4294967295, got -1n (line 3, column 12)",
      "log_directory: must be a string: put it in quotes, got 5n (line 4, column 16)",
      'port_mappings[0].protocol: must be a number, as in crictl\'s files: write 1 for UDP, got "UDP" (line 6, column 17)',
      "port_mappings[0].container_port: must be between -2147483648 and 2147483647, got 99999999999n (line 6, column 38)",
      'port_mappings[1]: must be a map of PortMapping, got "no map" (line 7, column 5)',
      'labels["app.kubernetes.io/port"]: must be a string: put it in quotes, got 80n (line 9, column 27)',
      "linux.security_context.run_as_user: must be a map { value: … }, got 1000n (line 12, column 18)",
      'linux.security_context.supplemental_groups[0]: must be a number: remove the quotes, got "5" (line 13, column 27)',
      "linux.security_context.supplemental_groups[1]: must be a whole number, got 1.5 (line 13, column 32)",
      'linux.security_context.privileged: must be true or false, got "yes" (line 14, column 17)',
    ],
  );
  assert.equal(error.problems[1]?.value, -1n);
});

test("malformed and ambiguous texts are refused", () => {
  const cases: readonly (readonly [text: string, problem: RegExp])[] = [
    ["", /must be a map of PodSandboxConfig, got null/],
    ["[]", /must be a map of PodSandboxConfig, got an array of 0/],
    ['{"hostname": "a", "hostname": "b"}', /unique.*line 1, column 19/],
    ["hostname: a\nhostname: b\n", /unique.*line 2, column 1/],
    ['{"hostname": "a"', /line 1, column 17/],
    ["hostname: a\n---\nhostname: b\n", /multiple documents/],
    ["hostname: *a\n", /alias/i],
    ["hostname: !secret a\n", /tag.*line 1, column 11/i],
    ["labels: { 1: a }\n", /this key is not a string.*line 1, column 11/],
    ["metadata: { attempt: 010 }\n", /octal.*line 1, column 22/],
    ['{"hostname": "\\ud800"}', /surrogate/],
    ['{"labels": {"__proto__": "a"}}', /cannot be used as a key.*line 1, column 13/],
    ["linux: { resources: { cpu_quota: 1e20 } }\n", /may have lost digits/],
    [
      "linux: { security_context: { seccomp: { profile_type: 7 } } }",
      /must be one of: 0 RuntimeDefault, 1 Unc/,
    ],
  ];
  for (const [text, problem] of cases)
    assert.match(problemsOf(() => parseSandboxConfig(text)).join("; "), problem, text);
  const bomb = `a: &a [${"x,".repeat(9)}]\n${"bcdefghi".replace(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}`;
  assert.match(problemsOf(() => parseSandboxConfig(bomb)).join(), /alias/i);
  const twice = { dialect: "protojson" } as const;
  assert.deepEqual(
    problemsOf(() => parseSandboxConfig("log_directory: a\nlogDirectory: b\n", twice)),
    ["logDirectory: is specified twice (line 2, column 1)"],
  );
  assert.deepEqual(
    problemsOf(() => parseContainerConfig("logPath: a\nenvs: [{ key: A, value: plain text }]\n")),
    ['envs[0].value: is not valid base64, got "plain text" (line 2, column 25)'],
  );
});

test("null, comments, aliases, tabs, a byte order mark and $schema are accepted", () => {
  const text =
    '\ufeff{\n\t"$schema": "./sandbox-config.schema.json",\n\t"hostname": "a",\n\t"linux": null\n}';
  assert.deepEqual(parseSandboxConfig(text), create(PodSandboxConfigSchema, { hostname: "a" }));
  const yaml = "# a pod\nhostname: &name a\nmetadata: { name: *name, attempt: 0x10 }\n";
  const read = parseSandboxConfig(yaml);
  assert.deepEqual([read.metadata?.name, read.metadata?.attempt], ["a", 16]);
});

test('unknownKeys: "ignore" skips unknown keys', () => {
  const read = parseSandboxConfig("hostname: a\nnew_in_2030: { deep: [1] }\n", { unknownKeys: "ignore" });
  assert.deepEqual(read, create(PodSandboxConfigSchema, { hostname: "a" }));
});

test("invalid options are refused", () => {
  // @ts-expect-error: no such dialect
  const dialect = refused(() => parseSandboxConfig("hostname: a", { dialect: "go" }));
  // @ts-expect-error: no such choice
  const keys = refused(() => parseSandboxConfig("hostname: a", { unknownKeys: "keep" }));
  assert.deepEqual([dialect.reason, keys.reason], ["invalid_option", "invalid_option"]);
});

test("files that are missing, too large, not UTF-8 or canceled are refused", {
  timeout: 20_000,
}, async (t) => {
  const folder = await tempFolder(t);
  const reject = async (path: string, options = {}) => {
    const error: unknown = await loadSandboxConfig(path, options).then(
      () => assert.fail("the file was read"),
      (reason: unknown) => reason,
    );
    assert.ok(isCriError(error));
    return error;
  };
  const missing = await reject(join(folder, "pod.json"));
  assert.equal(missing.reason, "invalid_file");
  assert.match(missing.rawMessage, /pod\.json cannot be read: ENOENT/);
  await writeFile(join(folder, "large.yaml"), `hostname: ${"a".repeat(1000)}\n`);
  assert.match(
    (await reject(join(folder, "large.yaml"), { limitBytes: 100 })).rawMessage,
    /is larger than limitBytes, 100$/,
  );
  await writeFile(join(folder, "latin.yaml"), Buffer.from([0x61, 0x3a, 0x20, 0xfc]));
  assert.match((await reject(join(folder, "latin.yaml"))).rawMessage, /is not encoded in UTF-8/);
  assert.equal(
    (await reject(missing.rawMessage, { signal: AbortSignal.abort() })).reason,
    "aborted_by_caller",
  );
});

test("FIFOs, devices and folders are refused at once", { timeout: 20_000 }, async (t) => {
  const folder = await tempFolder(t);
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  for (const [path, kind] of [
    [pipe, "FIFO"],
    ["/dev/zero", "device"],
    [folder, "folder"],
  ] as const)
    await assert.rejects(loadSandboxConfig(path), {
      reason: "invalid_file",
      rawMessage: `${path} cannot be read: must be a regular file, but it is a ${kind}`,
    });
});
