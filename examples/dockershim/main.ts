// A dockershim: serves the containers of a Docker Engine as CRI, for a kubelet, crictl or this SDK.
//
//   npm run dockershim -- --socket /run/dockershim.sock
//   crictl --runtime-endpoint unix:///run/dockershim.sock ps
//
// It prints a line when it listens. On SIGTERM it ends, and its pods run on; the next one adopts them. README.md explains how it works.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createStreamingServer, serve } from "cri-sdk/server";
import { ContainerEventType } from "cri-sdk/v1";
import type { HostFacts } from "./config/create-sandbox.js";
import { Containers } from "./containers.js";
import type { EngineInfo } from "./engine/api.js";
import { Engine } from "./engine/client.js";
import { messageOf, toCriError } from "./errors.js";
import { type Change, EventFeed } from "./events.js";
import { imageService } from "./images/service.js";
import { forgetRecord, sandboxRecord } from "./labels.js";
import { LogCopies } from "./logs/log-copies.js";
import { PodNetwork } from "./network/pod-network.js";
import { Objects } from "./objects.js";
import { readOptions, type ShimOptions, usage } from "./options.js";
import { describeChange, type PodEvent, runtimeService } from "./runtime-service.js";
import { Sandboxes } from "./sandboxes.js";
import { Sessions } from "./sessions/sessions.js";
import { StatsService } from "./stats/stats-service.js";
import { usesHostNetwork } from "./status.js";

const onProblem = (text: string): void => console.error(text);

async function run(options: ShimOptions): Promise<void> {
  const engine = new Engine(options.docker);
  const info = (): Promise<EngineInfo> => engine.call("GET", "/info", { timeoutMs: 10_000 });
  const { ID, CgroupDriver, SecurityOptions, DockerRootDir } = await info();
  const facts: HostFacts = {
    cgroupDriver: CgroupDriver,
    hasAppArmor: SecurityOptions.some((option) => option.startsWith("name=apparmor")),
    restrictOomScore: options.restrictOomScore,
  };

  const objects = new Objects(engine);
  const logs = new LogCopies({ onProblem });
  const containers = new Containers(engine, objects, logs, facts);
  // Other runtimes, and other engines, may use the same CNI networks.
  const owner = `docker-${createHash("sha256").update(ID).digest("hex").slice(0, 8)}`;
  const network = new PodNetwork({ confDir: options.cniConf, binDirs: options.cniBin, owner });
  const sandboxes = new Sandboxes({
    engine,
    objects,
    network,
    containers,
    pauseImage: options.pauseImage,
    facts,
  });
  const sessions = new Sessions(engine);
  const stats = new StatsService(objects, DockerRootDir);

  const onChange = async ({ id, isSandbox, labels, type }: Change): Promise<void> => {
    if (type === ContainerEventType.CONTAINER_STARTED_EVENT && !isSandbox) await containers.follow(id);
    if (type === ContainerEventType.CONTAINER_STOPPED_EVENT) {
      stats.forget(id);
      if (isSandbox) await sessions.forget(id);
      else await logs.finish(id);
    }
    if (type !== ContainerEventType.CONTAINER_DELETED_EVENT) return;
    const record = sandboxRecord(id, labels);
    if (record) await sandboxes.forget(id, record);
    else await logs.forget(id);
    stats.forget(id);
    forgetRecord(id);
  };
  const describe = (change: Change) => describeChange({ objects, sandboxes, containers }, change);
  const events = new EventFeed<PodEvent>({ engine, objects, onChange, describe, onProblem });

  const streaming = await createStreamingServer({
    exec: (context) => sessions.exec(context),
    attach: (context) => sessions.attach(context),
    async portForward(context) {
      const sandbox = await objects.sandbox(context.podSandboxId);
      const pid = sandbox.details.State.Pid;
      await sessions.portForward(context, { id: sandbox.id, pid, hostNetwork: usesHostNetwork(sandbox) });
    },
  });

  await sandboxes.adopt().catch((error: Error) => onProblem(`an earlier shim's sandboxes: ${error.message}`));
  await events.start();
  // A container that starts now, since an earlier shim has asked for it, is in this list or in an event.
  await containers.adopt();
  const runtime = runtimeService({
    ...{ engine, info, objects, sandboxes, containers, network, sessions, stats, streaming, events },
  });
  const image = imageService(engine, { pauseImage: options.pauseImage });
  const server = await serve(options.socket, { runtime, image, mapError: toCriError });
  console.log(`listening on ${server.endpoint}`);

  await Promise.race(["SIGTERM", "SIGINT"].map((signal) => once(process, signal)));
  await server.close();
  await Promise.all([streaming.close(), sessions.close(), events.close()]);
  await logs.close();
  engine.close();
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await run(options);
  else console.log(usage);
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}
