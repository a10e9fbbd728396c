// Invalid specs: one error lists every problem, with its path and what is expected.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CriError, isCriError } from "../../../src/core/index.js";
import { containerConfig, sandboxConfig } from "../../../src/pods/config/index.js";

const pod = sandboxConfig({ name: "p" });
// The casts stand for callers without a compiler.
const podProblems = (spec: unknown) => problems(() => sandboxConfig(spec as never));
const containerProblems = (spec: unknown) => problems(() => containerConfig(spec as never, { pod }));

function refused(work: () => unknown): CriError {
  try {
    work();
  } catch (error) {
    if (isCriError(error)) return error;
    throw error;
  }
  throw new Error("the spec was accepted");
}

function problems(work: () => unknown): CriError["problems"] {
  const error = refused(work);
  assert.equal(error.reason, "invalid_spec");
  return error.problems;
}

type Row = readonly [fields: object, path: string, message: RegExp];

const label = /must consist of lower-case letters/;
const podRows: readonly Row[] = [
  [{ name: undefined }, "name", /is required: the pod's name/],
  [{ name: "" }, "name", /must not be empty/],
  [{ name: "A" }, "name", label],
  [{ name: "a..b" }, "name", label],
  [{ name: "-a" }, "name", label],
  [{ name: `a.${"b".repeat(252)}`, logDirectory: false }, "name", /at most 253/],
  [{ namespace: "a.b" }, "namespace", label],
  [{ namespace: "a".repeat(64) }, "namespace", /at most 63/],
  [{ uid: "a_b" }, "uid", /must consist of letters, digits/],
  [{ uid: "../x" }, "uid", /must consist of letters, digits/],
  [{ uid: "" }, "uid", /must consist of letters, digits/],
  [{ uid: "u".repeat(64) }, "uid", /at most 63/],
  [{ attempt: -1 }, "attempt", /integer from 0 to 4294967295, got -1/],
  [{ attempt: 1.5 }, "attempt", /must be an integer/],
  [{ attempt: 1n }, "attempt", /integer .* got 1n/],
  [{ labels: [] }, "labels", /must be an object of keys and values/],
  [{ labels: { "a b": "c" } }, 'labels["a b"]', /has an invalid key/],
  [{ labels: { "A.b/c": "d" } }, 'labels["A.b/c"]', /DNS subdomain before the "\/"/],
  [{ labels: { "a/": "d" } }, 'labels["a/"]', /has an invalid key/],
  [{ labels: { ["a".repeat(64)]: "d" } }, `labels["${"a".repeat(64)}"]`, /at most 63/],
  [{ labels: { a: "b c" } }, 'labels["a"]', /must consist of letters, digits/],
  [{ labels: { a: "b".repeat(64) } }, 'labels["a"]', /at most 63/],
  [{ labels: { a: 1 } }, 'labels["a"]', /must be a string, got 1/],
  [{ labels: { "io.kubernetes.pod.name": "x" } }, 'labels["io.kubernetes.pod.name"]', /set by this package/],
  [{ annotations: { "a b": "" } }, 'annotations["a b"]', /has an invalid key/],
  [{ annotations: { a: "b\0" } }, 'annotations["a"]', /NUL/],
  [{ annotations: { a: "\ud800" } }, 'annotations["a"]', /well-formed Unicode/],
  [{ runtimeHandler: 5 }, "runtimeHandler", /must be a string/],
  [{ hostname: "a_b" }, "hostname", label],
  [{ hostname: "" }, "hostname", label],
  [{ hostname: "a.b", domain: "c" }, "hostname", label],
  [
    { hostname: "a", domain: "d".repeat(63) },
    "domain",
    /at most 64 characters together with the hostname "a",/,
  ],
  [
    { hostname: "a", namespaces: { hostNetwork: true } },
    "hostname",
    /cannot be combined with namespaces.hostNetwork/,
  ],
  [{ domain: "a", namespaces: { hostNetwork: true } }, "domain", /cannot be combined with/],
  [{ dns: { servers: ["1.1.1.1", "one"] } }, "dns.servers[1]", /must be an IP address, got "one"/],
  [{ dns: { servers: ["1.1.1.1", "1.1.1.1", "1.1.1.1", "1.1.1.1"] } }, "dns.servers", /at most 3 entries/],
  [{ dns: { searches: ["a b"] } }, "dns.searches[0]", label],
  [{ dns: { searches: Array(33).fill("a") } }, "dns.searches", /at most 32 entries/],
  [{ dns: { searches: Array(10).fill(`${"a".repeat(240)}`) } }, "dns.searches", /2048 characters in total/],
  [{ dns: { options: ["a\nnameserver 1.1.1.1"] } }, "dns.options[0]", /a single option/],
  [{ dns: { nameservers: [] } }, "dns.nameservers", /is not a known field/],
  [{ ports: {} }, "ports", /must be an array/],
  [{ ports: [80] }, "ports[0]", /must be an object, got 80/],
  [{ ports: [{}] }, "ports[0].containerPort", /is required/],
  [{ ports: [{ containerPort: "80" }] }, "ports[0].containerPort", /from 1 to 65535, got "80"/],
  [{ ports: [{ containerPort: 0 }] }, "ports[0].containerPort", /from 1 to 65535/],
  [{ ports: [{ containerPort: 1, hostPort: 65_536 }] }, "ports[0].hostPort", /from 0 to 65535/],
  [{ ports: [{ containerPort: 1, hostIp: "localhost" }] }, "ports[0].hostIp", /must be an IP address/],
  [
    { ports: [{ containerPort: 1, protocol: "tcp" }] },
    "ports[0].protocol",
    /"TCP" or "UDP" or "SCTP" \(did you mean "TCP"\?\), got "tcp"/,
  ],
  [
    {
      ports: [
        { containerPort: 1, hostPort: 5 },
        { containerPort: 2, hostPort: 5 },
      ],
    },
    "ports[1].hostPort",
    /is already mapped to container port 1 by ports\[0\], got 5/,
  ],
  [
    { ports: [{ containerPort: 1, hostPort: 5 }], namespaces: { hostNetwork: true } },
    "ports[0].hostPort",
    /must be omitted or equal to the container port \(1\)/,
  ],
  [{ namespaces: "host" }, "namespaces", /must be an object/],
  [{ namespaces: { hostNetwork: 1 } }, "namespaces.hostNetwork", /must be true or false/],
  [{ namespaces: { hostIpc: "yes" } }, "namespaces.hostIpc", /must be true or false/],
  [{ namespaces: { pid: "CONTAINER" } }, "namespaces.pid", /did you mean "container"/],
  [{ namespaces: { pid: "toString" } }, "namespaces.pid", /must be "container"/],
  [{ namespaces: { users: {} } }, "namespaces.users.uids", /is required/],
  [{ namespaces: { users: { uids: {} } } }, "namespaces.users.uids.hostId", /is required/],
  [
    { namespaces: { users: { uids: { hostId: 1 }, gids: {} } } },
    "namespaces.users.gids.hostId",
    /is required/,
  ],
  [{ namespaces: { users: { uids: { hostId: 1, length: 0 } } } }, "namespaces.users.uids.length", /from 1/],
  [
    { namespaces: { users: { uids: { hostId: 2, length: 2 ** 32 - 1 } } } },
    "namespaces.users.uids.length",
    /the largest id/,
  ],
  [
    { namespaces: { hostIpc: true, users: { uids: { hostId: 1 } } } },
    "namespaces.users",
    /another host namespace/,
  ],
  [{ sysctls: { somaxconn: "1" } }, 'sysctls["somaxconn"]', /has an invalid key/],
  [{ sysctls: { "a.b": 1 } }, 'sysctls["a.b"]', /must be a string/],
  [{ sysctls: { "a.b": "", "a/b": "" } }, 'sysctls["a/b"]', /is specified twice: .* of "a.b", got/],
  [
    { sysctls: { "net/a": "" }, namespaces: { hostNetwork: true } },
    'sysctls["net/a"]',
    /would change the host/,
  ],
  [
    { sysctls: { "kernel.sem": "" }, namespaces: { hostIpc: true } },
    'sysctls["kernel.sem"]',
    /would change the host/,
  ],
  [{ security: { user: "nobody" } }, "security.user", /must be an integer/],
  [{ security: { user: 2 ** 31 } }, "security.user", /to 2147483647/],
  [{ security: { group: 1 } }, "security.group", /requires user/],
  [{ security: { supplementalGroups: [1, "2"] } }, "security.supplementalGroups[1]", /must be an integer/],
  [
    { security: { supplementalGroupsPolicy: "strict" } },
    "security.supplementalGroupsPolicy",
    /did you mean "Strict"/,
  ],
  [{ security: { selinux: { level: 1 } } }, "security.selinux.level", /must be a string/],
  [
    { security: { seccomp: "RuntimeDefalt" } },
    "security.seccomp",
    /or \{ localhost \} \(did you mean "RuntimeDefault"\?\)/,
  ],
  [{ security: { seccomp: { localhost: "p.json" } } }, "security.seccomp.localhost", /absolute path/],
  [{ security: { apparmor: { localhost: "" } } }, "security.apparmor.localhost", /must not be empty/],
  [{ security: { apparmor: { localhost: "a b" } } }, "security.apparmor.localhost", /without whitespace/],
  [{ security: { capabilities: {} } }, "security.capabilities", /is not a known field/],
  [{ resources: { memroy: 1 } }, "resources.memroy", /did you mean memory\?/],
  [{ resources: 5 }, "resources", /must be an object/],
  [{ resources: { cpu: "1 core" } }, "resources.cpu", /./],
  [{ resources: { requests: 1 } }, "resources.requests", /must be an object/],
  [{ resources: { requests: { disk: 1 } } }, "resources.requests.disk", /is not a known field/],
  [{ resources: { cpuset: { cpus: 0 } } }, "resources.cpuset.cpus", /must be a string/],
  [{ resources: { unified: { "memory.high": "1\0" } } }, 'resources.unified["memory.high"]', /NUL/],
  [{ overhead: { hugepages: [] } }, "overhead.hugepages", /must be an object/],
  [{ cgroupParent: "a/b" }, "cgroupParent", /must be an absolute path, or a slice/],
  [{ cgroupParent: "/a/../b" }, "cgroupParent", /".." segment/],
  [{ logDirectory: "logs" }, "logDirectory", /absolute path/],
  [{ logDirectory: "/a/../b" }, "logDirectory", /".." segment/],
  [{ logDirectory: true }, "logDirectory", /must be a string/],
  [{ windows: { securityContext: 5 } }, "windows", /must be a WindowsPodSandboxConfig/],
  [{ lables: {} }, "lables", /did you mean labels\?\), got an object/],
  [{ "odd key": 1 }, 'spec["odd key"]', /is not a known field/],
  [
    { metadata: { name: "a" } },
    "metadata",
    /is not a known field; here name, .* are fields of the spec itself$/,
  ],
];

const mount = (fields: object) => ({ mounts: [{ containerPath: "/a", ...fields }] });
const containerRows: readonly Row[] = [
  [{ name: undefined }, "name", /is required/],
  [{ name: "a.b" }, "name", label],
  [{ name: "../a" }, "name", label],
  [{ attempt: 2 ** 32 }, "attempt", /must be an integer/],
  [{ image: undefined }, "image", /is required: an image reference or id/],
  [{ image: "" }, "image", /must not be empty/],
  [{ image: "Busy Box" }, "image", /must be an image reference or id \(.*lowercase\)/],
  [{ pullPolicy: "always" }, "pullPolicy", /did you mean "Always"/],
  [{ command: "sleep 1" }, "command", /must be an array/],
  [{ command: ["a", 1] }, "command[1]", /must be a string/],
  [{ command: ["a", undefined] }, "command[1]", /must be a string/],
  [{ args: ["a\0b"] }, "args[0]", /NUL/],
  [{ workingDir: "tmp" }, "workingDir", /absolute path/],
  [{ env: { "A=B": "" } }, 'env["A=B"]', /has an invalid name: .* contain "="/],
  [{ env: { "": "" } }, 'env[""]', /has an invalid name/],
  [{ env: { A: 1 } }, 'env["A"]', /must be a string or a Uint8Array, got number/],
  [{ env: { A: "x\0" } }, 'env["A"]', /NUL/],
  [{ env: { A: new Uint8Array([1, 0]) } }, 'env["A"]', /NUL/],
  [{ env: { "A\0": "" } }, 'env["A\\u0000"]', /has an invalid name: it must not contain a NUL/],
  [{ env: [{ name: "A", value: "" }] }, "env", /must be an object of keys and values/],
  [{ mounts: [null] }, "mounts[0]", /must be an object, got null/],
  [{ mounts: [{ hostPath: "/h" }] }, "mounts[0].containerPath", /is required/],
  [mount({ containerPath: "a", hostPath: "/h" }), "mounts[0].containerPath", /absolute path/],
  [
    mount({ containerPath: "/", hostPath: "/h" }),
    "mounts[0].containerPath",
    /must not be the root directory/,
  ],
  [mount({}), "mounts[0].hostPath", /is required: .*or set image/],
  [mount({ hostPath: "h" }), "mounts[0].hostPath", /absolute path, got "h"/],
  [mount({ hostPath: "/h/.." }), "mounts[0].hostPath", /".." segment/],
  [mount({ hostPath: "/h\0" }), "mounts[0].hostPath", /NUL/],
  [mount({ hostPath: "/h", image: "i" }), "mounts[0].hostPath", /cannot be combined with image/],
  [mount({ image: "i", readOnly: false }), "mounts[0].readOnly", /must be true or omitted/],
  [mount({ image: "i", propagation: "None" }), "mounts[0].propagation", /combined with image/],
  [mount({ image: "i", subPath: "/a" }), "mounts[0].subPath", /relative path/],
  [mount({ image: "i", subPath: "../a" }), "mounts[0].subPath", /".." segment/],
  [mount({ image: "I" }), "mounts[0].image", /must be an image reference or id/],
  [mount({ hostPath: "/h", subPath: "a" }), "mounts[0].subPath", /requires image/],
  [mount({ hostPath: "/h", recursiveReadOnly: true }), "mounts[0].recursiveReadOnly", /requires readOnly/],
  [
    mount({ hostPath: "/h", readOnly: true, recursiveReadOnly: true, propagation: "Bidirectional" }),
    "mounts[0].propagation",
    /must be "None" with recursiveReadOnly/,
  ],
  [
    mount({ hostPath: "/h", propagation: "rshared" }),
    "mounts[0].propagation",
    /"None" or "HostToContainer" or "Bidirectional"/,
  ],
  [
    mount({ hostPath: "/h", mountOptions: ["noexec,dev"] }),
    "mounts[0].mountOptions[0]",
    /a single mount option/,
  ],
  [mount({ hostPath: "/h", readonly: true }), "mounts[0].readonly", /did you mean readOnly\?/],
  [
    {
      mounts: [
        { containerPath: "/a", hostPath: "/h" },
        { containerPath: "/a", hostPath: "/i" },
      ],
    },
    "mounts[1].containerPath",
    /already the mount point of mounts\[0\]/,
  ],
  [{ devices: [{}] }, "devices[0].hostPath", /is required/],
  [{ devices: [{ hostPath: "null" }] }, "devices[0].hostPath", /absolute path/],
  [{ devices: [{ hostPath: "/dev/null", containerPath: "x" }] }, "devices[0].containerPath", /absolute path/],
  [
    { devices: [{ hostPath: "/dev/null", permissions: "rr" }] },
    "devices[0].permissions",
    /each at most once/,
  ],
  [
    { devices: [{ hostPath: "/dev/null", permissions: "" }] },
    "devices[0].permissions",
    /the letters "r", "w" and "m"/,
  ],
  [{ cdiDevices: ["gpu0"] }, "cdiDevices[0]", /vendor.com\/class=name/],
  [
    { labels: { "io.kubernetes.container.name": "x" } },
    'labels["io.kubernetes.container.name"]',
    /must be "c"/,
  ],
  [{ logPath: "/a.log" }, "logPath", /relative path/],
  [{ logPath: "a/../../b" }, "logPath", /".." segment/],
  [{ logPath: "" }, "logPath", /must not be empty/],
  [{ stdinOnce: true }, "stdinOnce", /requires stdin: true/],
  [{ tty: "no" }, "tty", /must be true or false/],
  [{ stopSignal: "SIGTREM" }, "stopSignal", /did you mean SIGTERM\?\), got "SIGTREM"/],
  [{ stopSignal: "SIGRTMIN+33" }, "stopSignal", /the name of a signal/],
  [{ stopSignal: 15 }, "stopSignal", /must be a string/],
  [{ targetContainerId: "" }, "targetContainerId", /must not be empty/],
  [{ security: { user: "a:b" } }, "security.user", /without whitespace and colons/],
  [{ security: { user: "" } }, "security.user", /a user id, or a user name/],
  [{ security: { user: 1.5 } }, "security.user", /must be an integer/],
  [{ security: { group: 0 } }, "security.group", /requires user/],
  [{ security: { privileged: true } }, "security.privileged", /requires a privileged pod/],
  [
    { security: { privileged: true, allowPrivilegeEscalation: false } },
    "security.allowPrivilegeEscalation",
    /must not be false in a privileged container/,
  ],
  [
    { security: { capabilities: { add: ["NETADMIN"] } } },
    "security.capabilities.add[0]",
    /did you mean NET_ADMIN\?/,
  ],
  [
    { security: { capabilities: { ambient: ["ALL"] } } },
    "security.capabilities.ambient[0]",
    /must be a Linux capability/,
  ],
  [
    { security: { procMount: "unmasked" } },
    "security.procMount",
    /or \{ maskedPaths, readOnlyPaths \}.*"Unmasked"/,
  ],
  [{ security: { procMount: { maskedPaths: [] } } }, "security.procMount.readOnlyPaths", /is required/],
  [
    { security: { procMount: { maskedPaths: ["x"], readOnlyPaths: [] } } },
    "security.procMount.maskedPaths[0]",
    /absolute/,
  ],
  [{ resources: { limits: {} } }, "resources.limits", /is not a known field/],
  [{ windows: 5 }, "windows", /must be a WindowsContainerConfig/],
  [{ ports: [] }, "ports", /is not a known field/],
  [{ volumeMounts: [] }, "volumeMounts", /is not a known field/],
];

/** Checks the problem at the row's path: its message, and that it has the value unless the field is missing. */
function check(found: CriError["problems"], [fields, path, message]: Row): void {
  const problem = found.find((one) => one.path === path);
  assert.ok(problem, `no problem at ${path}: ${JSON.stringify(found.map((one) => one.path))}`);
  assert.match(problem.message, message, path);
  const isMissing = problem.message.startsWith("is required");
  assert.equal("value" in problem, !isMissing, `${path} of ${JSON.stringify(Object.keys(fields))}`);
}

for (const row of podRows)
  test(`pod: ${row[1]} ${row[2].source}`, () => check(podProblems({ name: "p", ...row[0] }), row));
for (const row of containerRows)
  test(`container: ${row[1]} ${row[2].source}`, () =>
    check(containerProblems({ name: "c", image: "i", ...row[0] }), row));

test("each row has one problem, except fields that depend on each other", () => {
  for (const [fields, path] of podRows)
    assert.ok(
      podProblems({ name: "p", ...fields }).every(
        (one) => one.path === path || /hostname|domain|uids/.test(path),
      ),
      path,
    );
  for (const [fields, path] of containerRows)
    assert.ok(
      containerProblems({ name: "c", image: "i", ...fields }).every(
        (one) =>
          one.path === path || path === "security.allowPrivilegeEscalation" || /subPath|hostPath/.test(path),
      ),
      path,
    );
});

test("a spec that is not an object is one problem", () => {
  for (const spec of [undefined, null, "a", 5, [], new Uint8Array()]) {
    const [problem, ...others] = podProblems(spec);
    assert.equal(problem?.path, spec === undefined ? "name" : "spec");
    assert.deepEqual(others, []);
  }
});

test("one error lists all problems, in the order of the fields", () => {
  const error = refused(() =>
    sandboxConfig({ name: "web", attempt: -1, hostname: "A", ports: [{}] } as never),
  );
  assert.equal(error.code, "invalid_argument");
  assert.deepEqual(
    error.problems.map(({ path, value }) => [path, value]),
    [
      ["attempt", -1],
      ["hostname", "A"],
      ["ports[0].containerPort", undefined],
    ],
  );
  assert.match(
    error.message,
    /^invalid spec of pod "web": attempt: must be an integer from 0 to 4294967295, got -1; hostname: must .*; ports\[0\]/,
  );
  const one = refused(() => containerConfig({ name: "c", image: "i", workingDir: "x" }, { pod }));
  assert.equal(
    one.message,
    'invalid spec of container "c": workingDir: must be an absolute path, got "x" [invalid_argument: invalid_spec]',
  );
});

test("a field that is undefined counts as omitted", () => {
  const nothing = { hostname: undefined, ports: undefined, nonsense: undefined, labels: { a: undefined } };
  assert.deepEqual(
    sandboxConfig({ name: "p", uid: "u", ...nothing } as never),
    sandboxConfig({ name: "p", uid: "u" }),
  );
});
