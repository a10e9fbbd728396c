import assert from "node:assert/strict";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as kubeConfigModule from "../../../src/kubelet/api-server/kube-config.js";
import { tempFolder } from "../../support/temp.js";

const sources = fileURLToPath(new URL("../../../src", import.meta.url));

test("without @kubernetes/client-node, the error about a kubeconfig file names the package to install", async (t) => {
  const folder = await tempFolder(t);
  const file = join("kubelet", "api-server", "kube-config.js");
  // Outside of the checkout, the package is not found.
  await mkdir(join(folder, dirname(file)), { recursive: true });
  await cp(join(sources, file), join(folder, file));
  await cp(join(sources, "core"), join(folder, "core"), { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const url = pathToFileURL(join(folder, file)).href;
  const { loadKubeConfig } = (await import(url)) as typeof kubeConfigModule;
  await assert.rejects(loadKubeConfig(undefined), {
    reason: "client_node_missing",
    hint: /npm install @kubernetes\/client-node/,
  });
});
