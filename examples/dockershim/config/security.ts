// Security profiles of CRI as options of the engine, for sandboxes and containers alike.
import { readFile } from "node:fs/promises";
import { criError } from "cri-sdk/server";
import {
  NamespaceMode,
  type NamespaceOption,
  type SecurityProfile,
  SecurityProfile_ProfileType,
} from "cri-sdk/v1";
import { messageOf, unsupported } from "../errors.js";

const { RuntimeDefault, Unconfined, Localhost } = SecurityProfile_ProfileType;

/** The parts of CRI's two security contexts that both have. */
export interface SecurityContext {
  readonly privileged: boolean;
  readonly seccomp?: SecurityProfile | undefined;
  readonly seccompProfilePath: string;
  readonly apparmor?: SecurityProfile | undefined;
  readonly selinuxOptions?:
    | { readonly user: string; readonly role: string; readonly type: string; readonly level: string }
    | undefined;
}

/** Returns the engine's `SecurityOpt`. `hasAppArmor`: whether this host has AppArmor; the engine accepts any profile on one without. */
export async function securityOptions(
  context: SecurityContext | undefined,
  apparmorProfile: string,
  hasAppArmor: boolean,
): Promise<string[]> {
  const options: string[] = [];
  if (context?.privileged) return options;
  // Without a profile containers run unconfined, as on containerd: CRI's clients ask for RuntimeDefault where they want it.
  const seccomp = profileOf(context?.seccomp, context?.seccompProfilePath ?? "", "seccomp");
  if (!seccomp || seccomp.type === Unconfined) options.push("seccomp=unconfined");
  else if (seccomp.type === Localhost) options.push(`seccomp=${await seccompFile(seccomp.ref)}`);
  const apparmor = profileOf(context?.apparmor, apparmorProfile, "apparmor");
  if (apparmor?.type === Localhost) {
    if (!hasAppArmor)
      throw criError("wrong_state", `apparmor profile ${apparmor.ref}: AppArmor is not enabled on this host`);
    options.push(`apparmor=${apparmor.ref}`);
  } else if (apparmor?.type === Unconfined && hasAppArmor) options.push("apparmor=unconfined");
  for (const part of ["user", "role", "type", "level"] as const) {
    const value = context?.selinuxOptions?.[part];
    if (value) options.push(`label=${part}:${value}`);
  }
  return options;
}

interface Profile {
  readonly type: SecurityProfile_ProfileType;
  readonly ref: string;
}

/** Returns a profile from its message, or from CRI's older text form; undefined if there is neither. */
function profileOf(message: SecurityProfile | undefined, text: string, field: string): Profile | undefined {
  if (message) {
    const { profileType, localhostRef } = message;
    if ((profileType === Localhost) !== (localhostRef !== ""))
      throw criError(
        "invalid_request",
        `${field}.localhost_ref: must be set for a Localhost profile, and only there`,
      );
    return { type: profileType, ref: localhostRef };
  }
  if (text === "") return undefined;
  if (text === "unconfined") return { type: Unconfined, ref: "" };
  if (text === "runtime/default" || text === "docker/default") return { type: RuntimeDefault, ref: "" };
  if (text.startsWith("localhost/")) return { type: Localhost, ref: text.slice("localhost/".length) };
  throw criError("invalid_request", `${field}: ${JSON.stringify(text)} is not a profile`);
}

/** Returns a seccomp profile as the engine wants it: inline, on one line. */
async function seccompFile(path: string): Promise<string> {
  try {
    return JSON.stringify(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw criError("runtime_error", `seccomp profile ${path}: cannot be used: ${messageOf(cause)}`, {
      code: "invalid_argument",
      cause,
    });
  }
}

/** Returns the engine's `User`: `uid`, `uid:gid`, `name` or `name:gid`; "" for the image's user. */
export function userOf(
  user: { readonly value: bigint } | undefined,
  group: { readonly value: bigint } | undefined,
  name = "",
): string {
  if (user && name) throw criError("invalid_request", "run_as_username: cannot be combined with run_as_user");
  const owner = user ? String(user.value) : name;
  if (group && owner === "")
    throw criError("invalid_request", "run_as_group: needs run_as_user or run_as_username");
  return group ? `${owner}:${group.value}` : owner;
}

/** Throws for a user namespace: the engine has them for all containers or for none. */
export function refuseUserNamespace(options: NamespaceOption | undefined): void {
  const users = options?.usernsOptions;
  if (users && users.mode !== NamespaceMode.NODE)
    throw unsupported("userns_options: the Docker Engine has no user namespaces for single pods");
}
