// Manifests as texts: YAML as Kubernetes reads it, kinds, lists, the types of values, places of problems, limits.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CriError, isCriError } from "../../../src/index.js";
import { parseManifests } from "../../../src/kubernetes.js";

function refused(text: string, source?: string): CriError {
  try {
    parseManifests(text, { source });
  } catch (error) {
    if (isCriError(error)) return error;
    throw error;
  }
  return assert.fail("it was accepted");
}

/** The problems of a text: `path: message`. */
const problemsOf = (text: string) => refused(text).problems.map(({ path, message }) => `${path}: ${message}`);

const podOf = (spec: string) => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n${spec}`;
const container = (fields: string) => podOf(`  containers:\n  - name: web\n${fields}`);
const annotations = (values: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [], affinity: ${values}}`;
/** What the reader makes of plain scalars, by a field whose type is not known. */
const scalars = (...texts: string[]) =>
  Object.values(
    parseManifests(annotations(`{${texts.map((text, i) => `k${i}: ${text}`).join(", ")}}`)).pods[0]?.object
      .spec?.affinity ?? {},
  );

describe("YAML 1.1", () => {
  // kubectl 1.32 printed these, by `kubectl label --local -o json`.
  test("booleans and null", () => {
    assert.deepEqual(
      scalars("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"),
      Array(11).fill(true),
    );
    assert.deepEqual(
      scalars("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"),
      Array(11).fill(false),
    );
    assert.deepEqual(scalars("~", "null", "Null", "NULL"), Array(4).fill(null));
    assert.deepEqual(scalars("yEs", "tRue", "nULL", "oN", "yes1"), ["yEs", "tRue", "nULL", "oN", "yes1"]);
  });

  test("numbers", () => {
    const rows: readonly (readonly [string, unknown])[] = [
      ["0644", 420],
      ["-0644", -420],
      ["08", 8],
      ["0o17", 15],
      ["0x1F", 31],
      ["-0x10", -16],
      ["0b101", 5],
      ["1_000", 1000],
      ["-_32_6", -326],
      ["886E_0", 886],
      [".207_1", 0.2071],
      [".04_", ".04_"],
      ["._1", "._1"],
      ["_1", "_1"],
      [".5", 0.5],
      ["5.", 5],
      ["1.e1", 10],
      ["1e3", 1000],
      ["+5", 5],
      ["1e", "1e"],
      ["0x", "0x"],
      ["0o8", "0o8"],
      ["9e0739", "9e0739"],
      ["1.2.3", "1.2.3"],
      ["12345678901234567890", 12345678901234567890n],
      ["99999999999999999999", 1e20],
      // Neither times nor numbers of base 60.
      ["22:30", "22:30"],
      ["1:20:30", "1:20:30"],
      ["2001-12-14", "2001-12-14"],
      ["2001-12-14T21:59:43Z", "2001-12-14T21:59:43Z"],
    ];
    assert.deepEqual(
      scalars(...rows.map(([text]) => text)),
      rows.map(([, value]) => value),
    );
  });

  test("a boolean where a string is expected is refused, with the place and the way out", () => {
    const [problem = ""] = problemsOf(
      container("    image: nginx\n    env:\n    - name: DEBUG\n      value: on\n"),
    );
    assert.match(
      problem,
      /^spec\.containers\[0\]\.env\[0\]\.value: Invalid value: true: must be a string: put it in quotes/,
    );
    assert.match(problem, /\(line 11, column 14\)$/);
  });

  test("quoted scalars are strings", () => {
    const { pods } = parseManifests(
      container("    image: nginx\n    args: ['y', \"on\", '0644', !!str 12]\n"),
    );
    assert.deepEqual(pods[0]?.object.spec?.containers[0]?.args, ["y", "on", "0644", "12"]);
  });

  test("keys: duplicates and booleans are refused, whole numbers are their digits", () => {
    const config = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: ${data}`;
    assert.deepEqual(problemsOf(config("{a: x, a: y}")), [": map keys must be unique (line 4, column 14)"]);
    assert.deepEqual(problemsOf(config("{on: x}")), [
      ": the key on is a boolean in YAML 1.1: put it in quotes (line 4, column 8)",
    ]);
    assert.deepEqual(parseManifests(config('{8080: x, "on": z}')).configMaps[0]?.object.data, {
      "8080": "x",
      on: "z",
    });
    assert.match(problemsOf(config("{0644: x}"))[0] ?? "", /this key is not a string/);
  });

  test("__proto__ is a key like any other", () => {
    const { configMaps } = parseManifests(
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"__proto__":"x"}}',
    );
    const data = configMaps[0]?.object.data ?? {};
    assert.deepEqual(Object.entries(data), [["__proto__", "x"]]);
    assert.equal(Object.getPrototypeOf(data), Object.prototype);
    assert.match(
      problemsOf(podOf("  __proto__: {containers: []}\n  containers: []"))[0] ?? "",
      /^spec\.__proto__: Unknown field/,
    );
  });

  test("aliases and merge keys", () => {
    const { pods } = parseManifests(
      podOf(
        "  containers:\n  - &base {name: a, image: nginx, args: &args [x]}\n  - {<<: *base, name: b, command: *args}\n",
      ),
    );
    assert.deepEqual(pods[0]?.object.spec?.containers[1], {
      name: "b",
      image: "nginx",
      args: ["x"],
      command: ["x"],
    });
  });
});

describe("documents and kinds", () => {
  test("several documents; empty ones are left out", () => {
    const config = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
    const { configMaps } = parseManifests(
      `# comment\n---\n${config("a")}---\n\n---\n# only a comment\n---\n${config("b")}`,
      {
        source: "f.yaml",
      },
    );
    assert.deepEqual(
      configMaps.map(({ object, place, kind }) => [object.metadata?.name, place, kind]),
      [
        ["a", { source: "f.yaml", line: 3, column: 1 }, "ConfigMap"],
        ["b", { source: "f.yaml", line: 11, column: 1 }, "ConfigMap"],
      ],
    );
    assert.deepEqual(parseManifests(""), { pods: [], configMaps: [], secrets: [], notices: [] });
  });

  test("lists of both forms, in JSON too", () => {
    const item = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { containers: [] } };
    const { kind: _, apiVersion: __, ...bare } = item;
    for (const list of [
      { apiVersion: "v1", kind: "List", metadata: {}, items: [item] },
      { apiVersion: "v1", kind: "PodList", items: [bare] },
    ])
      assert.deepEqual(parseManifests(JSON.stringify(list)).pods[0]?.object.metadata, { name: "a" });
    assert.deepEqual(
      problemsOf(
        '{"apiVersion":"v1",\n"kind":"List",\n"items":[{"apiVersion":"v1","kind":"Pod","spec":{"containers":[\n{"name":1}]}}]}',
      ),
      [
        "items[0].spec.containers[0].name: Invalid value: 1: must be a string: put it in quotes (line 4, column 9)",
      ],
    );
    assert.match(problemsOf('{"apiVersion":"v1","kind":"List","item":[]}')[0] ?? "", /^item: Unknown field/);
    // Without their kind, items of a List cannot be read.
    assert.deepEqual(
      problemsOf('{"apiVersion":"v1","kind":"List","items":[{}, 1]}').map((text) =>
        text.replace(/ \(.*/, ""),
      ),
      [
        "items[0].kind: Required value",
        "items[0].apiVersion: Required value",
        "items[1]: Invalid value: 1: must be an object with apiVersion and kind",
      ],
    );
  });

  test("other kinds and versions are refused with what is supported", () => {
    assert.deepEqual(problemsOf("apiVersion: v1\nkind: Service\n"), [
      'kind: Unsupported value: "Service": supported values: "Pod", "PodTemplate", "ConfigMap", "Secret", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "List" (line 2, column 7)',
    ]);
    assert.match(problemsOf("apiVersion: v1\nkind: pod\n")[0] ?? "", /did you mean "Pod"\?/);
    assert.deepEqual(problemsOf("apiVersion: extensions/v1beta1\nkind: Deployment\n"), [
      'apiVersion: Unsupported value: "extensions/v1beta1": supported values: "apps/v1" (line 1, column 13)',
    ]);
    assert.match(
      problemsOf("apiVersion: batch/v1\nkind: CronJob\n")[0] ?? "",
      /Unsupported value: "CronJob"/,
    );
  });

  test("two objects with one name are refused", () => {
    const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    assert.deepEqual(problemsOf(`${text}---\n${text}`), [
      'metadata.name: Duplicate value: "a" (line 7, column 18)',
    ]);
  });

  const template = (labels = "{app: web}", rest = "") =>
    `    metadata: {labels: ${labels}}\n    spec:\n      containers: [{name: web, image: nginx}]\n${rest}`;
  const workload = (kind: string, spec: string, body = template()) =>
    `apiVersion: ${kind === "Job" ? "batch/v1" : "apps/v1"}\nkind: ${kind}\nmetadata: {name: web, namespace: prod}\nspec:\n${spec}  template:\n${body}`;
  const selector = "  selector: {matchLabels: {app: web}}\n";

  test("workloads are one Pod each, with a notice that names what is not used", () => {
    for (const kind of ["Deployment", "ReplicaSet"]) {
      const { pods, notices } = parseManifests(workload(kind, `${selector}  replicas: 3\n`));
      const [pod] = pods;
      assert.match(pod?.object.metadata?.name ?? "", /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      assert.deepEqual(
        [pod?.object.metadata?.namespace, pod?.object.metadata?.labels],
        ["prod", { app: "web" }],
      );
      assert.equal(pod?.kind, kind);
      assert.deepEqual(
        notices.map(({ message }) => message),
        [`${kind} "web" is read as one Pod, "${pod?.object.metadata?.name}"; not used: spec.replicas`],
      );
      // The same name after an edit.
      const edited = parseManifests(workload(kind, selector, template("{app: web, a: b}"))).pods[0];
      assert.equal(edited?.object.metadata?.name, pod?.object.metadata?.name);
    }
    assert.deepEqual(parseManifests(workload("Deployment", `${selector}  replicas: 0\n`)).pods, []);
    assert.deepEqual(parseManifests(workload("DaemonSet", selector)).pods.length, 1);
  });

  test("a StatefulSet gives its first Pod, with its identity and claims", () => {
    const { pods } = parseManifests(
      workload(
        "StatefulSet",
        `${selector}  serviceName: db\n  volumeClaimTemplates: [{metadata: {name: data}}]\n`,
      ),
    );
    assert.equal(pods[0]?.object.metadata?.name, "web-0");
    assert.equal(pods[0]?.object.metadata?.labels?.["statefulset.kubernetes.io/pod-name"], "web-0");
    const { hostname, subdomain, volumes } = pods[0]?.object.spec ?? {};
    assert.deepEqual(
      [hostname, subdomain, volumes],
      ["web-0", "db", [{ name: "data", persistentVolumeClaim: { claimName: "data-web-0" } }]],
    );
  });

  test("a Job needs a restart policy, other workloads have Always", () => {
    assert.deepEqual(problemsOf(workload("Job", "")), [
      'spec.template.spec.restartPolicy: Required value: a Job needs "OnFailure" or "Never" (line 8, column 7)',
    ]);
    const [job] = parseManifests(
      workload("Job", "  backoffLimit: 2\n", template("{}", "      restartPolicy: Never\n")),
    ).pods;
    assert.equal(job?.object.metadata?.labels?.["job-name"], "web");
    assert.deepEqual(
      parseManifests(workload("Job", "  suspend: true\n", template("{}", "      restartPolicy: Never\n")))
        .pods,
      [],
    );
    assert.match(
      problemsOf(
        workload("Deployment", selector, template("{app: web}", "      restartPolicy: Never\n")),
      )[0] ?? "",
      /^spec\.template\.spec\.restartPolicy: Unsupported value: "Never": supported values: "Always"/,
    );
    assert.match(
      problemsOf(workload("Deployment", selector, template("{app: other}")))[0] ?? "",
      /^spec\.template\.metadata\.labels: Invalid value: an object: must have "app: web"/,
    );
  });

  test("a PodTemplate is a Pod, and fields of templates have places", () => {
    const { pods } = parseManifests(
      "apiVersion: v1\nkind: PodTemplate\nmetadata: {name: t}\ntemplate:\n  metadata: {labels: {a: b}}\n  spec:\n    containers:\n    - name: c\n      image: nginx\n",
      { source: "t.yaml" },
    );
    assert.deepEqual(pods[0]?.object.metadata, { labels: { a: "b" }, name: "t" });
    assert.deepEqual(pods[0]?.placeOf(["spec", "containers", 0, "image"]), {
      source: "t.yaml",
      line: 9,
      column: 14,
    });
    // What is not in the text has the place of what is around it.
    assert.deepEqual(pods[0]?.placeOf(["spec", "containers", 0, "ports", 1]), {
      source: "t.yaml",
      line: 8,
      column: 7,
    });
    assert.deepEqual(pods[0]?.placeOf(["metadata", "name"]), { source: "t.yaml", line: 5, column: 13 });
  });
});

describe("types of values", () => {
  const typeCases: readonly (readonly [field: string, problem: string])[] = [
    [
      '    ports: [{containerPort: "80"}]',
      'spec.containers[0].ports[0].containerPort: Invalid value: "80": must be a whole number: remove the quotes',
    ],
    [
      "    ports: [{containerPort: 80.5}]",
      "spec.containers[0].ports[0].containerPort: Invalid value: 80.5: must be a whole number",
    ],
    [
      "    ports: [{containerPort: 3000000000}]",
      "spec.containers[0].ports[0].containerPort: Invalid value: 3000000000: must be a whole number between -2147483648 and 2147483647",
    ],
    ["    ports: {containerPort: 80}", "spec.containers[0].ports: Invalid value: an object: must be a list"],
    ["    ports: [80]", "spec.containers[0].ports[0]: Invalid value: 80: must be a map of fields"],
    ["    image: 5", "spec.containers[0].image: Invalid value: 5: must be a string: put it in quotes"],
    ['    stdin: "yes"', 'spec.containers[0].stdin: Invalid value: "yes": must be true or false'],
    ["    command: echo", 'spec.containers[0].command: Invalid value: "echo": must be a list'],
    [
      "    resources: {limits: {cpu: [1]}}",
      "spec.containers[0].resources.limits[cpu]: Invalid value: an array of 1: must be a quantity such as 100m or 64Mi",
    ],
    [
      "    resources: {limits: []}",
      "spec.containers[0].resources.limits: Invalid value: an array of 0: must be a map",
    ],
    [
      "    imagePullPolcy: Always",
      'spec.containers[0].imagePullPolcy: Unknown field: "imagePullPolcy" is not a field of Container: did you mean imagePullPolicy?',
    ],
    [
      "    hostNetwork: true",
      'spec.containers[0].hostNetwork: Unknown field: "hostNetwork" is not a field of Container: it is a field of PodSpec',
    ],
    ["    livenessProbe: {tcpSocket: {}}", "spec.containers[0].livenessProbe.tcpSocket.port: Required value"],
    [
      "    securityContext: {runAsUser: 1e400}",
      'spec.containers[0].securityContext.runAsUser: Invalid value: "1e400": must be a whole number',
    ],
    [
      "    securityContext: {runAsUser: 9223372036854775807}",
      "spec.containers[0].securityContext.runAsUser: Invalid value: 9223372036854775807: must be a whole number between -9007199254740991 and 9007199254740991",
    ],
  ];
  for (const [field, problem] of typeCases)
    test(field.trim(), () => {
      const all = problemsOf(container(`${field}\n`));
      assert.deepEqual(
        all.map((text) => text.replace(/ \(line \d+, column \d+\)$/, "")),
        [problem],
      );
    });

  test("a quantity may be a number, and one that cannot be parsed is refused", () => {
    const { pods } = parseManifests(
      container("    resources: {limits: {cpu: 0.5, memory: 1_024}, requests: {cpu: 100m}}\n"),
    );
    assert.deepEqual(pods[0]?.object.spec?.containers[0]?.resources, {
      limits: { cpu: 0.5, memory: 1024 },
      requests: { cpu: "100m" },
    });
    assert.match(
      problemsOf(container("    resources: {limits: {memory: 64MB}}\n"))[0] ?? "",
      /limits\[memory\]: Invalid value: "64MB".*64M/,
    );
  });

  test("null is as good as absent, and kubectl's output can be read", () => {
    const { pods } = parseManifests(
      'apiVersion: v1\nkind: Pod\nmetadata:\n  creationTimestamp: null\n  name: a\n  uid: 1b2c\n  resourceVersion: "12"\nspec:\n  nodeName:\n  containers: []\nstatus:\n  phase: Running\n  podIPs: [{ip: 10.0.0.1}]\n',
    );
    assert.deepEqual(pods[0]?.object, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "a", uid: "1b2c", resourceVersion: "12" },
      spec: { containers: [] },
      status: { phase: "Running" },
    });
  });

  test("all problems of all documents are in one error, which names the source", () => {
    const error = refused(
      `${container("    image: 5\n")}---\n${container("    tty: 1\n").replace("web", "b")}`,
      "all.yaml",
    );
    assert.equal(error.reason, "invalid_file");
    assert.match(
      error.rawMessage,
      /^all\.yaml is not a valid manifest: spec\.containers\[0\]\.image: .*\(line 8, column 12\); spec\.containers\[0\]\.tty: .*\(line 17, column 10\)$/,
    );
  });
});

describe("ConfigMaps and Secrets", () => {
  const secret = (rest: string) => `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n${rest}`;

  test("stringData is part of data, and takes precedence", () => {
    const { secrets } = parseManifests(secret("data: {a: eA==, b: eQ==}\nstringData: {b: z}\n"));
    assert.deepEqual(secrets[0]?.object, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: "default" },
      data: { a: "eA==", b: Buffer.from("z").toString("base64") },
    });
  });

  test("no error shows a value of a Secret", () => {
    for (const text of [
      "stringData: {a: 1234567}",
      "data: {a: not-base-64}",
      "data: {a: [hunter2]}",
      "stringData: {a: true}",
    ]) {
      const error = refused(secret(text));
      assert.doesNotMatch(JSON.stringify(error), /1234567|not-base-64|hunter2/);
      assert.match(error.message, /\[a\]: Invalid value: must be/);
    }
  });

  test("keys, base64, types and sizes", () => {
    const config = (rest: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n${rest}`;
    const rows: readonly (readonly [string, RegExp])[] = [
      [config('data: {"a/b": x}'), /^data\[a\/b\]: Invalid value: "a\/b": must consist of/],
      [config('data: {"..a": x}'), /must not start with "\.\."/],
      [config("data: {a: x}\nbinaryData: {a: eA==}"), /must not be a key of binaryData as well/],
      [config("binaryData: {a: eA}"), /^binaryData\[a\]: Invalid value: must be base64/],
      [config(`data: {a: "${"x".repeat(1_048_577)}"}`), /Too long: may not be more than 1048576 bytes/],
      [secret("type: kubernetes.io/tls\nstringData: {tls.crt: x}"), /^data\[tls\.key\]: Required value/],
      [
        secret("type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: x}"),
        /must be a JSON object/,
      ],
      ["apiVersion: v1\nkind: ConfigMap\ndata: {}", /^metadata\.name: Required value/],
      ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_b}", /^metadata\.name: Invalid value: "A_b"/],
    ];
    for (const [text, expected] of rows) assert.match(problemsOf(text)[0] ?? "", expected);
  });
});

describe("limits and options", () => {
  test("size, depth and aliases", () => {
    assert.match(refused("x".repeat(10 * 2 ** 20 + 1)).message, /is larger than 10485760 bytes/);
    assert.match(refused("[".repeat(100_000)).message, /is nested too deeply/);
    const nested = `${'{"a":'.repeat(70)}1${"}".repeat(70)}`;
    assert.match(
      problemsOf(podOf(`  containers: []\n  affinity: ${nested}`))[0] ?? "",
      /^spec\.affinity: .*at most 64 levels/,
    );
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (const [name, before] of ["ba", "cb", "dc", "ed", "fe", "gf"].map((pair) => [...pair]))
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(", ")}]`);
    assert.match(refused(bomb.join("\n")).message, /aliases and merge keys stand for more than/);
    assert.match(refused("a: &a [*a]").message, /contains it|no anchor/);
  });

  test("options are checked", () => {
    assert.throws(
      () => parseManifests("", { sourc: "x" } as object),
      /parseManifests: sourc is not an option \(did you mean source\?\)/,
    );
    assert.throws(() => parseManifests(5 as unknown as string), /text must be a string/);
  });
});
