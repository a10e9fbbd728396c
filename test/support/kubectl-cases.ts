// What people do with kubectl, against a kubelet of this package. The cases of a cluster run one after the other.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type JsonObject, listAt, startReplicas, textAt, valueAt } from "./api-server/index.js";
import { cleanup } from "./cleanup.js";
import { freePort } from "./free-port.js";
import { type Ended, stop } from "./kubectl.js";
import type { KubectlNode } from "./kubectl-node.js";
import { tempFolder } from "./temp.js";
import { until, within } from "./waiting.js";

/** How the cases use a runtime. */
export interface KubectlCaseOptions {
  readonly image: string;
  /** A folder in containers that can be written. */
  readonly folder: string;
  /** Returns the command of a server that answers each connection with "pong" and a newline. */
  readonly pong: (port: number) => readonly string[];
  /** The columns and rows that a terminal has at first are seen by `stty size`. */
  readonly hasTerminals: boolean;
}

const sleeping = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

/** A Pod that prints five lines and then waits until it is stopped. */
function webPod({ image, pong }: KubectlCaseOptions, port: number): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", labels: { app: "web" } },
    spec: {
      terminationGracePeriodSeconds: 5,
      initContainers: [{ name: "prepare", image, command: ["sh", "-c", "echo prepared"] }],
      containers: [
        {
          name: "main",
          image,
          command: ["sh", "-c", `for i in 1 2 3 4 5; do echo line $i; done; echo to stderr >&2; ${sleeping}`],
        },
        { name: "server", image, command: pong(port) },
        {
          name: "reader",
          image,
          stdin: true,
          command: ["sh", "-c", "while read line; do echo got $line; done"],
        },
      ],
    },
  };
}

/** Runs all cases. */
export async function kubectlCases(
  t: TestContext,
  node: KubectlNode,
  options: KubectlCaseOptions,
): Promise<void> {
  const { cluster, kubectl, nodeName } = node;
  const { image } = options;
  const port = await freePort();
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await kubectl.run(...args);
    assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  };
  const fails = async (...args: readonly string[]): Promise<Ended> => {
    const ended = await kubectl.run(...args);
    assert.notEqual(ended.code, 0, `kubectl ${args.join(" ")} has succeeded: ${ended.stdout}`);
    return ended;
  };
  const apply = async (object: JsonObject): Promise<void> => {
    const file = join(await tempFolder(t), "object.json");
    await writeFile(file, JSON.stringify(object));
    await ok("apply", "-f", file);
  };

  await t.test("get nodes: the node is Ready", async () => {
    await ok("wait", `node/${nodeName}`, "--for=condition=Ready", "--timeout=60s");
    assert.match(
      await ok("get", "nodes", "-o", "wide"),
      new RegExp(`^${nodeName} +Ready .*127\\.0\\.0\\.1`, "m"),
    );
  });

  await t.test("apply, wait, get pods", async () => {
    await apply(webPod(options, port));
    await ok("wait", "pod/web", "--for=condition=Ready", "--timeout=60s");
    assert.match(
      await ok("get", "pods", "-o", "wide"),
      new RegExp(`^web +3/3 +Running +0 .*${nodeName}`, "m"),
    );
    const pod = JSON.parse(await ok("get", "pod", "web", "-o", "json")) as JsonObject;
    assert.equal(textAt(pod, "status", "hostIP"), "127.0.0.1");
    assert.equal(listAt(pod, "status", "containerStatuses").length, 3);
  });

  await t.test("describe pod and node", async () => {
    const pod = await ok("describe", "pod", "web");
    for (const reason of ["Scheduled|Created", "Started"])
      assert.match(pod, new RegExp(`Normal +(${reason}) `));
    assert.match(pod, /State: +Running/);
    const described = await ok("describe", "node", nodeName);
    assert.match(described, /Ready +True .*KubeletReady/);
    assert.match(described, /HolderIdentity: +node-1/);
    assert.match(described, /Container Runtime Version: +\S+:\/\/\S+/);
    assert.match(described, /default +web /);
    assert.match(await ok("get", "events"), /pod\/web/);
  });

  await t.test("logs", async () => {
    const lines = "line 1\nline 2\nline 3\nline 4\nline 5\n";
    // Nothing orders what is written to different streams: stderr's line may come anywhere, even first.
    const main = await ok("logs", "web", "-c", "main");
    assert.ok(main.replace("to stderr\n", "").startsWith(lines), main);
    assert.match(await ok("logs", "web"), /line 5/, "the first container is the default");
    assert.equal(await ok("logs", "web", "-c", "prepare"), "prepared\n");
    assert.equal((await ok("logs", "web", "-c", "main", "--tail=2")).split("\n").length, 3);
    assert.match(await ok("logs", "web", "--since=1h"), /line 1/);
    assert.equal(await ok("logs", "web", "--limit-bytes=4"), main.slice(0, 4));
    assert.match(
      await ok("logs", "web", "--timestamps", "--tail=1"),
      /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d) /,
    );
    assert.match(
      await ok("logs", "-l", "app=web", "--all-containers", "--prefix"),
      /\[pod\/web\/main\] line 1/,
    );
    const since = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, "");
    assert.equal(await ok("logs", "web", `--since-time=${since}`), "");
    assert.match((await fails("logs", "web", "-c", "no")).stderr, /container no is not valid for pod web/);
    assert.match((await fails("logs", "web", "--previous")).stderr, /previous terminated container/);
  });

  await t.test(
    "logs -f follows until the container ends; logs --previous reads the one before a restart",
    async () => {
      const script = "for i in 1 2 3 4 5 6; do echo step $i; sleep 0.3; done";
      await ok("run", "steps", `--image=${image}`, "--restart=Never", "--", "sh", "-c", script);
      await cluster.until(
        "pods",
        "default",
        "steps",
        (pod) => textAt(pod, "status", "phase") !== "Pending",
        60_000,
      );
      const followed = await ok("logs", "-f", "steps");
      assert.equal(followed, [1, 2, 3, 4, 5, 6].map((step) => `step ${step}\n`).join(""));
      await ok("wait", "pod/steps", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s");

      const file = `${options.folder}/restarted-${port}`;
      const crash = `if [ -e ${file} ]; then echo second; ${sleeping}; fi; touch ${file}; echo first; exit 3`;
      const spec = {
        terminationGracePeriodSeconds: 1,
        volumes: [{ name: "shared", emptyDir: {} }],
        containers: [
          {
            name: "main",
            image,
            command: ["sh", "-c", crash.replaceAll(file, "$SHARED/mark")],
            env: [{ name: "SHARED", value: "/shared" }],
            volumeMounts: [{ name: "shared", mountPath: "/shared" }],
          },
        ],
      };
      await apply({ apiVersion: "v1", kind: "Pod", metadata: { name: "crash" }, spec });
      await cluster.until(
        "pods",
        "default",
        "crash",
        (pod) => valueAt(listAt(pod, "status", "containerStatuses")[0], "restartCount") === 1,
        60_000,
      );
      await ok("wait", "pod/crash", "--for=condition=Ready", "--timeout=60s");
      assert.equal(await ok("logs", "crash", "--previous"), "first\n");
      assert.equal(await ok("logs", "crash"), "second\n");
      assert.match(await ok("get", "pods"), /^crash +1\/1 +Running +1 \(\d+s ago\)/m);
    },
  );

  await t.test("exec: output, input, exit codes", async () => {
    for (const code of [0, 3, 137]) {
      const ended = await kubectl.run(
        "exec",
        "web",
        "-c",
        "main",
        "--",
        "sh",
        "-c",
        `echo out; echo err >&2; exit ${code}`,
      );
      assert.deepEqual([ended.code, ended.stdout], [code, "out\n"]);
      assert.match(ended.stderr, /^err\n/);
    }
    const { child, ended } = kubectl.start(["exec", "-i", "web", "-c", "main", "--", "sh", "-c", "wc -c"]);
    child.stdin.end(randomBytes(2 ** 20));
    assert.equal((await ended).stdout.trim(), String(2 ** 20));
    assert.match(
      (await fails("exec", "web", "-c", "main", "--", "no-such-command")).stderr,
      /no-such-command/,
    );
    assert.match(
      (await fails("exec", "web", "-c", "no", "--", "true")).stderr,
      /container no is not valid|not found/,
    );
  });

  await t.test("exec -it: a terminal of the right size", async () => {
    if (!options.hasTerminals) return;
    const shell = `stty rows 41 cols 133; "$KUBECTL" exec -it web -c main -- sh -c 'sleep 1; stty size; read line; echo "typed $line"; exit 7'`;
    const running = kubectl.start([], shell);
    await until(() => running.output().includes("41 133"), "the size of the terminal", 30_000);
    running.child.stdin.write("hello\n");
    const { code, stdout } = await running.ended;
    assert.match(stdout, /typed hello/);
    assert.equal(code, 7);
  });

  await t.test("attach -i", async () => {
    const running = kubectl.start(["attach", "-i", "web", "-c", "reader"]);
    cleanup(t, () => stop(running));
    running.child.stdin.write("one\n");
    await until(() => running.output().includes("got one"), "the first answer", 30_000);
    running.child.stdin.write("two\n");
    await until(() => running.output().includes("got two"), "the second answer", 30_000);
    await stop(running);
  });

  await t.test("cp: into a container and back", async () => {
    const folder = await tempFolder(t);
    const content = randomBytes(3 * 2 ** 20);
    await writeFile(join(folder, "file"), content);
    const remote = `${options.folder}/copy-${port}`;
    await ok("cp", join(folder, "file"), `web:${remote}`, "-c", "main");
    await ok("cp", `web:${remote}`, join(folder, "again"), "-c", "main");
    assert.ok(content.equals(await readFile(join(folder, "again"))));
    await ok("exec", "web", "-c", "main", "--", "rm", remote);
  });

  await t.test("port-forward", async () => {
    const running = kubectl.start(["port-forward", "pod/web", `:${port}`]);
    cleanup(t, () => stop(running));
    const reported = (): string | undefined =>
      /Forwarding from 127\.0\.0\.1:(\d+)/.exec(running.output())?.[1];
    await until(() => reported() !== undefined, "kubectl listens", 30_000);
    const replies = await Promise.all(Array.from({ length: 5 }, () => reply(Number(reported()))));
    assert.deepEqual(
      replies,
      Array.from({ length: 5 }, () => "pong\n"),
    );
    await stop(running);
    const closed = await freePort();
    const refused = kubectl.start(["port-forward", "pod/web", `:${closed}`]);
    cleanup(t, () => stop(refused));
    const local = (): string | undefined => /Forwarding from 127\.0\.0\.1:(\d+)/.exec(refused.output())?.[1];
    await until(() => local() !== undefined, "kubectl listens", 30_000);
    await reply(Number(local())).catch(() => "");
    await until(() => /refused/i.test(refused.output()), "kubectl prints the reason", 30_000);
    await stop(refused);
  });

  await t.test("top", async () => {
    assert.match(await ok("top", "nodes"), new RegExp(`^${nodeName} +\\d+m +\\d+% +\\d+Mi +\\d+%`, "m"));
    assert.match(await ok("top", "pods"), /^web +\d+m +\d+Mi/m);
    assert.match(await ok("top", "pod", "web", "--containers"), /^web +main +\d+m +\d+Mi/m);
  });

  await t.test("debug: an ephemeral container", async () => {
    const debug = ["debug", "web", `--image=${image}`, "--profile=general"];
    await ok(...debug, "-c", "look", "--", "sh", "-c", "echo looked");
    await cluster.until(
      "pods",
      "default",
      "web",
      (pod) =>
        valueAt(listAt(pod, "status", "ephemeralContainerStatuses")[0], "state", "terminated") !== undefined,
      60_000,
    );
    assert.equal(await ok("logs", "web", "-c", "look"), "looked\n");
    const running = kubectl.start([
      ...debug,
      "-i",
      "-c",
      "ask",
      "--",
      "sh",
      "-c",
      "read line; echo answer $line",
    ]);
    await cluster.until(
      "pods",
      "default",
      "web",
      (pod) =>
        listAt(pod, "status", "ephemeralContainerStatuses").some(
          (one) => textAt(one, "name") === "ask" && valueAt(one, "state", "running") !== undefined,
        ),
      60_000,
    );
    // The end of the input would detach at once, since the container's stdin stays open for the next one (stdinOnce is false).
    running.child.stdin.write("yes\n");
    const { stdout, stderr, code } = await running.ended;
    assert.match(stdout, /answer yes/, `exit code ${code}: ${stderr}`);
  });

  await t.test("run -i --rm: input, output and exit code", async () => {
    const base = ["run", "once", "-i", "--rm", "--restart=Never", "--quiet", `--image=${image}`];
    const running = kubectl.start([...base, "--", "sh", "-c", "read line; echo read $line; exit 4"]);
    running.child.stdin.end("this\n");
    const { code, stdout, stderr } = await running.ended;
    assert.match(stdout, /read this/, `exit code ${code}: ${stderr}`);
    assert.equal(code, 4);
    await cluster.untilGone("pods", "default", "once", 60_000);
  });

  await t.test("the kubelet's own API through the API server", async () => {
    const raw = (path: string): Promise<string> =>
      ok("get", "--raw", `/api/v1/nodes/${nodeName}/proxy${path}`);
    assert.equal(await raw("/healthz"), "ok");
    const pods = JSON.parse(await raw("/pods")) as JsonObject;
    assert.ok(listAt(pods, "items").some((pod) => textAt(pod, "metadata", "name") === "web"));
    const stats = JSON.parse(await raw("/stats/summary")) as JsonObject;
    assert.equal(textAt(stats, "node", "nodeName"), nodeName);
    assert.match(await raw("/metrics/resource"), /^node_cpu_usage_seconds_total /m);
  });

  await t.test("delete: with its grace period, by force, and while it is followed", async () => {
    await ok("delete", "pod", "crash", "--timeout=60s");
    assert.match((await fails("get", "pod", "crash")).stderr, /not found/);
    await ok(
      "run",
      "stubborn",
      `--image=${image}`,
      "--",
      "sh",
      "-c",
      "trap '' TERM; while :; do sleep 0.1; done",
    );
    await ok("wait", "pod/stubborn", "--for=condition=Ready", "--timeout=60s");
    const logs = kubectl.start(["logs", "-f", "stubborn"]);
    await ok("delete", "pod", "stubborn", "--grace-period=1", "--timeout=60s");
    assert.equal((await logs.ended).code, 0);
    await ok("run", "forced", `--image=${image}`, "--", "sh", "-c", sleeping);
    await ok("wait", "pod/forced", "--for=condition=Ready", "--timeout=60s");
    await ok("delete", "pod", "forced", "--force", "--grace-period=0");
    await until(
      () => node.kubelet.pod("default", "forced") === undefined,
      "the kubelet has removed it",
      60_000,
    );
    assert.match(await ok("get", "events"), /Killing +pod\/stubborn/);
  });

  await t.test("cordon, drain, uncordon", async () => {
    const template = {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image, command: ["sh", "-c", sleeping] }],
    };
    const replicas = startReplicas(cluster, "set", 2, template);
    cleanup(t, () => replicas.stop());
    await until(() => replicas.isDone(), "two pods", 60_000);
    const before = replicas.pods().map(({ metadata }) => metadata.name);
    await ok("cordon", nodeName);
    assert.match(await ok("get", "nodes"), /Ready,SchedulingDisabled/);
    assert.match((await fails("drain", nodeName, "--timeout=30s")).stderr, /declare no controller|--force/);
    await ok("drain", nodeName, "--force", "--delete-emptydir-data", "--timeout=60s");
    for (const name of ["web", "steps", ...before])
      assert.equal(cluster.find("pods", "default", name), undefined, name);
    assert.match(await ok("get", "pods"), /^set-\w+ +0\/1 +Pending/m);
    await ok("uncordon", nodeName);
    await until(() => replicas.isDone(), "two new pods", 60_000);
    replicas.update({ count: 0 });
    await until(() => replicas.isDone(), "no pods", 60_000);
  });

  await t.test("sessions reached the kubelet by the protocol of kubectl", () => {
    // A WebSocket begins with GET, SPDY with POST.
    const verb = node.webSockets ? "get" : "create";
    for (const resource of ["pods/exec", "pods/attach", "pods/portforward"]) {
      const sessions = cluster.requests({ resource, code: 101 });
      assert.ok(sessions.length > 0, resource);
      assert.ok(
        sessions.every((session) => session.verb === verb),
        `${resource}: ${sessions.map((session) => session.verb).join()}`,
      );
    }
  });

  await t.test("no request of the kubelet was refused", () => {
    const refused = cluster.server.requests.filter(
      ({ user, code = 0, resource }) =>
        user.startsWith("system:node:") && [400, 403, 405, 415, 422].includes(code) && resource !== "",
    );
    assert.deepEqual(
      refused.map(({ verb, url, code, refusal }) => `${code} ${verb} ${url} ${refusal ?? ""}`),
      [],
    );
  });
}

/** Returns what a port sends until it closes the connection. */
async function reply(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  const parts: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    socket.on("data", (part) => parts.push(part));
    socket.on("end", resolve);
    socket.on("error", reject);
  });
  await within(30_000, ended, "the reply").finally(() => socket.destroy());
  return Buffer.concat(parts).toString();
}
