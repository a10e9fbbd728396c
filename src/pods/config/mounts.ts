import { clone, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type IDMapping,
  IDMappingSchema,
  MountPropagation,
  type MountSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import { Fields } from "./fields.js";
import { imageName } from "./image-names.js";
import { containerPath, hostPath, pathBelow } from "./paths.js";
import type { ContainerSpec, MountSpec } from "./spec-container.js";

const propagations = {
  None: MountPropagation.PROPAGATION_PRIVATE,
  HostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  Bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** The user namespace of the pod: its mounts are mapped like its users. */
export interface IdMappings {
  readonly uidMappings: IDMapping[];
  readonly gidMappings: IDMapping[];
}

type Mount = MessageInitShape<typeof MountSchema>;

/** Mounts in the order of the spec. Two cannot have one place. */
export function readMounts(fields: Fields<ContainerSpec>, mappings: IdMappings): Mount[] {
  const places = new Map<string, string>();
  return fields.list("mounts", (value, path): Mount => {
    const mount = new Fields<MountSpec>(value, path, fields.report);
    const place = mount.required("containerPath", "where it is in the container", mountPoint);
    const taken = places.get(place);
    if (taken !== undefined) mount.wrong("containerPath", `must not be that of ${taken}`);
    else if (place !== "") places.set(place, path);
    const source = mount.has("image") ? imageOf(mount) : hostOf(mount);
    mount.end();
    return { containerPath: place, ...source, ...copyOf(mappings) };
  });
}

/** Messages of its own for each mount: a config that is changed later shares nothing with the pod's. */
function copyOf({ uidMappings, gidMappings }: IdMappings): IdMappings {
  const copy = (mapping: IDMapping) => clone(IDMappingSchema, mapping);
  return { uidMappings: uidMappings.map(copy), gidMappings: gidMappings.map(copy) };
}

function hostOf(mount: Fields<MountSpec>): Mount {
  if (mount.has("subPath")) mount.wrong("subPath", "must not be there without an image");
  const recursiveReadOnly = mount.flag("recursiveReadOnly");
  const readonly = mount.flag("readOnly");
  const propagation = mount.choice("propagation", propagations) ?? MountPropagation.PROPAGATION_PRIVATE;
  if (recursiveReadOnly && !readonly)
    mount.wrong("recursiveReadOnly", "must not be true without readOnly: true");
  if (recursiveReadOnly && propagation !== MountPropagation.PROPAGATION_PRIVATE)
    mount.wrong("propagation", 'must be "None" with recursiveReadOnly');
  return {
    hostPath: mount.required("hostPath", "what of the host is mounted; or give an image", hostPath),
    readonly,
    recursiveReadOnly,
    propagation,
    selinuxRelabel: mount.flag("selinuxRelabel"),
    mountOptions: mount.texts("mountOptions", option),
  };
}

function imageOf(mount: Fields<MountSpec>): Mount {
  for (const key of [
    "hostPath",
    "propagation",
    "recursiveReadOnly",
    "selinuxRelabel",
    "mountOptions",
  ] as const)
    if (mount.has(key)) mount.wrong(key, "must not be there with an image");
  if (mount.has("readOnly") && !mount.flag("readOnly"))
    mount.wrong("readOnly", "must be true or left out: an image is read-only");
  const image = mount.required("image", "the image that is mounted", imageName);
  const imageSubPath = mount.text("subPath", pathBelow) ?? "";
  return { image: { image, userSpecifiedImage: image }, imageSubPath, readonly: true };
}

function mountPoint(path: string): string | undefined {
  return /^\/+\.?$/.test(path) ? "must not be the root" : containerPath(path);
}

/** Runtimes join them with commas. */
function option(text: string): string | undefined {
  return /^[^\s,]+$/.test(text) ? undefined : 'must be one option, as "noexec"';
}
