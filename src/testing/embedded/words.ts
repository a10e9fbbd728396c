// The texts of refused configs, as the measured runtimes word them: clients match these texts.

/** Returns the name of an enum's value; its number for an unknown one. */
export function enumName(values: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(values).find(([, number]) => number === value)?.[0] ?? `${value}`;
}

/** A step of a runtime that can refuse a config. */
export type Step =
  | "sandbox user"
  | "sandbox seccomp"
  | "sandbox profile"
  | "sandbox spec"
  | "sandbox start"
  | "network"
  | "container user"
  | "container seccomp"
  | "container apparmor"
  | "container profile"
  | "container mounts"
  | "container spec"
  | "image volume"
  | "devices";

/** The texts that differ between runtimes. */
export interface Words {
  /**
   * What a runtime writes before the error of a step; `{id}` stands for the quoted id. Undefined for a runtime that writes the field's
   * path, as the CRI specification prescribes no texts.
   */
  readonly steps: Readonly<Record<Step, string>> | undefined;
  notFound(kind: "sandbox" | "container", id: string): string;
  groupWithoutUser(gid: bigint): string;
  noMountSource(): string;
  writableRecursiveReadOnly(hostPath: string): string;
  sharedRecursiveReadOnly(hostPath: string, propagation: string): string;
  noImageForMount(image: string): string;
  idMappedMount(hostPath: string): string;
}

const containerdSpec = "failed to generate container {id} spec: ";
const containerdSandbox = "failed to generate sandbox container spec";
const containerdOptions = "failed to get container spec opts: ";

const containerd17: Readonly<Record<Step, string>> = {
  "sandbox user": `${containerdSandbox} options: failed to generate user string: `,
  "sandbox seccomp": `${containerdSandbox} options: failed to generate seccomp spec opts: `,
  "sandbox profile": "failed to create containerd container: ",
  "sandbox spec": `${containerdSandbox}: `,
  "sandbox start":
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: ",
  network: 'failed to setup network for sandbox {id}: plugin type="portmap" failed (add): ',
  "container user": `${containerdOptions}failed to generate user string: `,
  "container seccomp": `${containerdOptions}failed to generate seccomp spec opts: `,
  "container apparmor": `${containerdOptions}failed to generate apparmor spec opts: `,
  "container profile": "failed to create containerd container: ",
  "container mounts": `${containerdSpec}failed to generate spec: `,
  "container spec": containerdSpec,
  "image volume": "failed to mount image volume: ",
  devices: "failed to create containerd container: CDI device injection failed: ",
};

const inSandbox = (text: string) => `failed to start sandbox {id}: ${text}`;

const containerd21: Readonly<Record<Step, string>> = {
  ...containerd17,
  "sandbox user": inSandbox(containerd17["sandbox user"]),
  "sandbox seccomp": inSandbox(containerd17["sandbox seccomp"]),
  "sandbox profile": inSandbox(containerd17["sandbox profile"]),
  "sandbox spec": inSandbox(containerd17["sandbox spec"]),
  "sandbox start": inSandbox(containerd17["sandbox start"]),
  "container spec": `${containerdSpec}failed to generate spec opts: `,
};

const crio: Readonly<Record<Step, string>> = {
  "sandbox user": "",
  "sandbox seccomp": "setup seccomp: ",
  "sandbox profile": "setup seccomp: ",
  "sandbox spec": "",
  "sandbox start": "",
  network: "failed to create pod network sandbox {id}: ",
  "container user": "",
  "container seccomp": "setup seccomp: ",
  "container apparmor": "",
  "container profile": "setup seccomp: ",
  "container mounts": "",
  "container spec": "",
  "image volume": "ImageVolumeMountFailed: ",
  devices: "CDI device injection failed: ",
};

const words: Words = {
  steps: undefined,
  notFound: (kind, id) => `an error occurred when try to find ${kind} ${JSON.stringify(id)}: not found`,
  groupWithoutUser: (gid) => `user group "${gid}" is specified without user`,
  noMountSource: () => 'failed to mkdir "": mkdir : no such file or directory',
  writableRecursiveReadOnly: (hostPath) =>
    `recursive read-only mount conflicts with RW mount (hostPath=${JSON.stringify(hostPath)})`,
  sharedRecursiveReadOnly: (hostPath, propagation) =>
    `recursive read-only mount needs private propagation, got ${JSON.stringify(propagation)} (hostPath=${JSON.stringify(hostPath)})`,
  noImageForMount: (image) => `failed to resolve image ${JSON.stringify(image)}: not found`,
  idMappedMount: (hostPath) =>
    `idmap mounts not yet supported, but they were requested for: ${JSON.stringify(hostPath)}`,
};

/** The texts for a runtime that names fields. */
export const standardWords: Words = { ...words, noMountSource: () => "must not be empty without `image`" };

/** The texts of containerd 1.7. */
export const containerd17Words: Words = { ...words, steps: containerd17 };

/** The texts of containerd 2.1. */
export const containerd21Words: Words = { ...words, steps: containerd21 };

/** The texts of CRI-O. */
export const crioWords: Words = {
  steps: crio,
  notFound: (kind, id) =>
    `could not find ${kind} ${JSON.stringify(id)}: ${kind} with ID starting with ${id} not found: ID does not exist`,
  groupWithoutUser: () => "user group is specified without user or username",
  noMountSource: () => "mount.HostPath is empty",
  writableRecursiveReadOnly: (hostPath) =>
    `recursive read-only mount conflicts with read-write mount for hostPath ${JSON.stringify(hostPath)}`,
  sharedRecursiveReadOnly: (hostPath, propagation) =>
    `recursive read-only mount requires private propagation for hostPath ${JSON.stringify(hostPath)}, got: ${propagation}`,
  noImageForMount: (image) => `image ${JSON.stringify(image)} does not exist locally`,
  idMappedMount: () =>
    "idmap mounts specified but OCI runtime does not support them. Perhaps the OCI runtime is too old",
};
