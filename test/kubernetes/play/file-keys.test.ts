// fileKeyRef: a variable from a file that an init container wrote.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { play, playground, script } from "../../support/played-pods.js";
import { until } from "../../support/waiting.js";

test("a container gets variables from the file that an init container wrote into a volume", async (t) => {
  const node = await playground(t);
  const uid = randomUUID();
  // The embedded runtime has no mounts: the script writes to the volume's path on the node.
  const volume = join(node.rootDir, "pods", uid, "volumes/kubernetes.io~empty-dir/env");
  const valueFrom = (path: string, optional: boolean) => ({
    fileKeyRef: { volumeName: "env", path, key: "NAME", optional },
  });
  const pod = await play(t, node, {
    metadata: { name: "web", namespace: "test", uid },
    spec: {
      restartPolicy: "Never",
      volumes: [{ name: "env", emptyDir: {} }],
      initContainers: [
        script("init", `echo "NAME='from the file'" > ${volume}/vars; ln -s /etc/hostname ${volume}/evil`),
      ],
      containers: [
        {
          ...script("c", 'echo "$A,$B,"'),
          env: [
            { name: "A", valueFrom: valueFrom("vars", false) },
            { name: "B", valueFrom: valueFrom("none", true) },
          ],
        },
        { ...script("evil", "true"), env: [{ name: "A", valueFrom: valueFrom("evil", true) }] },
      ],
    },
  });
  const stateOf = (container: string) =>
    pod.status().containerStatuses?.find(({ name }) => name === container)?.state;
  await until(() => stateOf("c")?.terminated !== undefined, "the end of the container");
  await until(() => stateOf("evil")?.waiting?.message !== undefined, "the error of the other container");
  const lines: string[] = [];
  for await (const { text } of pod.logs({ container: "c" })) lines.push(text);
  assert.deepEqual(lines, ["from the file,,"]);
  assert.equal(stateOf("evil")?.waiting?.reason, "CreateContainerConfigError");
  assert.equal(stateOf("evil")?.waiting?.message, 'volume "env": evil leads out of the volume');
});
