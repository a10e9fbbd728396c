/** How a strategic merge patch treats the fields of a type. Fields that are not listed are replaced (lists) or merged (objects). */
export interface PatchType {
  readonly fields: Readonly<Record<string, PatchField>>;
}

/** How a field is merged. */
export interface PatchField {
  /** For a list that is merged: the field that identifies an element, or "" for a list of primitive values. */
  readonly mergeKey?: string;
  /** Whether the strategy is `retainKeys`: the patch may list the fields that stay. */
  readonly retainKeys?: true;
  /** The type of the object, or of the elements of the list. */
  readonly type?: PatchType;
}

function type(fields: Readonly<Record<string, PatchField>>): PatchType {
  return { fields };
}

const objectMeta = type({ ownerReferences: { mergeKey: "uid" }, finalizers: { mergeKey: "" } });

const container = type({
  env: { mergeKey: "name" },
  ports: { mergeKey: "containerPort" },
  volumeMounts: { mergeKey: "mountPath" },
  volumeDevices: { mergeKey: "devicePath" },
});

const podSpec = type({
  containers: { mergeKey: "name", type: container },
  initContainers: { mergeKey: "name", type: container },
  ephemeralContainers: { mergeKey: "name", type: container },
  volumes: { mergeKey: "name", retainKeys: true },
  imagePullSecrets: { mergeKey: "name" },
  hostAliases: { mergeKey: "ip" },
  topologySpreadConstraints: { mergeKey: "topologyKey" },
  schedulingGates: { mergeKey: "name" },
  resourceClaims: { mergeKey: "name", retainKeys: true },
});

const conditions: PatchField = { mergeKey: "type" };
const template: PatchField = {
  type: type({ metadata: { type: objectMeta }, spec: { type: podSpec } }),
};
const workload = type({
  metadata: { type: objectMeta },
  spec: { type: type({ template, strategy: { retainKeys: true } }) },
  status: { type: type({ conditions }) },
});
const other = type({ metadata: { type: objectMeta }, status: { type: type({ conditions }) } });

const kinds: Readonly<Record<string, PatchType>> = {
  Pod: type({
    metadata: { type: objectMeta },
    spec: { type: podSpec },
    status: {
      type: type({
        conditions,
        podIPs: { mergeKey: "ip" },
        hostIPs: { mergeKey: "ip" },
        resourceClaimStatuses: { mergeKey: "name" },
      }),
    },
  }),
  // Taints, images and volumes of a Node are replaced as a whole.
  Node: type({
    metadata: { type: objectMeta },
    spec: { type: type({ podCIDRs: { mergeKey: "" } }) },
    status: { type: type({ conditions, addresses: { mergeKey: "type" } }) },
  }),
  Service: type({
    metadata: { type: objectMeta },
    spec: { type: type({ ports: { mergeKey: "port" } }) },
    status: { type: type({ conditions }) },
  }),
  ServiceAccount: type({
    metadata: { type: objectMeta },
    secrets: { mergeKey: "name" },
    imagePullSecrets: { mergeKey: "name" },
  }),
  CSINode: type({
    metadata: { type: objectMeta },
    spec: { type: type({ drivers: { mergeKey: "name" } }) },
  }),
  Deployment: workload,
  ReplicaSet: workload,
  DaemonSet: workload,
  StatefulSet: workload,
  Job: workload,
};

/** Returns how objects of a kind are patched. */
export function patchTypeOf(kind: string): PatchType {
  return kinds[kind] ?? other;
}
