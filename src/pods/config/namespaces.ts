import type { MessageInitShape } from "@bufbuild/protobuf";
import { NamespaceMode, type NamespaceOptionSchema } from "../../../gen/runtime/v1/api_pb.js";
import type { Fields } from "./fields.js";
import type { IdRange, NamespacesSpec, PodSpec } from "./spec-pod.js";

const pidModes = { container: NamespaceMode.CONTAINER, pod: NamespaceMode.POD, host: NamespaceMode.NODE };
const maxId = 2 ** 32 - 1;
const defaultLength = 65_536;

export type Namespaces = MessageInitShape<typeof NamespaceOptionSchema>;

/** NamespaceOption of the sandbox, with every mode said: the zero values of two of them are not what Kubernetes means. */
export function readNamespaces(fields: Fields<PodSpec>): Namespaces {
  const namespaces = fields.nested<NamespacesSpec>("namespaces");
  const hostNetwork = namespaces.flag("hostNetwork");
  const pid = namespaces.choice("pid", pidModes) ?? NamespaceMode.CONTAINER;
  const hostIpc = namespaces.flag("hostIpc");
  const users = namespaces.has("users");
  const usernsOptions = users ? readUsers(namespaces) : { mode: NamespaceMode.NODE };
  if (users && (hostNetwork || hostIpc || pid === NamespaceMode.NODE))
    namespaces.wrong("users", "must not be there with another namespace of the host");
  namespaces.end();
  return {
    network: hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
    pid,
    ipc: hostIpc ? NamespaceMode.NODE : NamespaceMode.POD,
    usernsOptions,
  };
}

function readUsers(namespaces: Fields<NamespacesSpec>): NonNullable<Namespaces["usernsOptions"]> {
  const users = namespaces.nested<NonNullable<NamespacesSpec["users"]>>("users");
  if (!users.has("uids")) users.missing("uids", "the range of user ids");
  const uids = readRange(users.nested<IdRange>("uids"), users.has("uids"));
  const gids = users.has("gids") ? readRange(users.nested<IdRange>("gids"), true) : { ...uids };
  users.end();
  return { mode: NamespaceMode.POD, uids: [uids], gids: [gids] };
}

function readRange(range: Fields<IdRange>, given: boolean) {
  if (given && !range.has("hostId")) range.missing("hostId", "the first id on the host");
  const hostId = range.whole("hostId", 0, maxId) ?? 0;
  const containerId = range.whole("containerId", 0, maxId) ?? 0;
  const length = range.whole("length", 1, maxId) ?? defaultLength;
  range.end();
  if (Math.max(hostId, containerId) + length > maxId + 1)
    range.wrong("length", `must end at ${maxId}, where ids end`);
  return { hostId, containerId, length };
}
