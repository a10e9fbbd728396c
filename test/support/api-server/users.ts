/** Who sent a request. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The user who may do everything. */
export const admin: User = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** Who sent a request without credentials. */
export const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

const nodePrefix = "system:node:";

/** Returns the name of the node that a user is, or undefined. */
export function nodeOf(user: User): string | undefined {
  if (!user.name.startsWith(nodePrefix) || !user.groups.includes("system:nodes")) return undefined;
  return user.name.slice(nodePrefix.length);
}
