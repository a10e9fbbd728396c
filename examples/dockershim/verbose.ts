// The verbose info of statuses: one JSON text, in which clients that know containerd's find the process and CRI's config.
import { clone } from "@bufbuild/protobuf";
import { toGoJson } from "cri-sdk/crictl";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "cri-sdk/v1";
import type { Container, Sandbox } from "./objects.js";

export function sandboxInfo({ config, details }: Sandbox): Record<string, string> {
  const { State, Image, HostConfig } = details;
  const own = {
    pid: State.Pid,
    image: Image,
    netNamespace: State.Pid > 0 ? `/proc/${State.Pid}/ns/net` : "",
  };
  return info({ ...own, cgroupParent: HostConfig.CgroupParent }, toGoJson(PodSandboxConfigSchema, config));
}

export function containerInfo({ config, sandboxId, details }: Container): Record<string, string> {
  const { State, HostConfig, Config } = details;
  // The engine has the image's variables among them.
  const complete = clone(ContainerConfigSchema, config);
  complete.envs = (Config.Env ?? []).map((line) => {
    const [key = ""] = line.split("=", 1);
    return { $typeName: "runtime.v1.KeyValue", key, value: Buffer.from(line.slice(key.length + 1)) };
  });
  const own = { pid: State.Pid, sandboxID: sandboxId, hostConfig: HostConfig };
  return info(own, toGoJson(ContainerConfigSchema, complete));
}

/** `config` is text, since it has numbers that are not exact in JavaScript. */
function info(own: object, config: string): Record<string, string> {
  return { info: `${JSON.stringify(own).slice(0, -1)},"config":${config}}` };
}
