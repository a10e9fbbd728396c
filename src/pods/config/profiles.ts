import { SecurityProfile_ProfileType as ProfileType } from "../../../gen/runtime/v1/api_pb.js";
import { Fields, type TextRule } from "./fields.js";
import { hostPath } from "./paths.js";
import type { ContainerSecuritySpec, PodSecuritySpec } from "./spec-security.js";

type Security = Fields<ContainerSecuritySpec | PodSecuritySpec>;

/** SecurityProfile. */
export interface Profile {
  readonly profileType: ProfileType;
  readonly localhostRef: string;
}

const words = { RuntimeDefault: ProfileType.RuntimeDefault, Unconfined: ProfileType.Unconfined };

/** What is not said is unconfined to the runtimes, so it is always said. */
export function readSeccomp(security: Security): Profile {
  return (
    readProfile(security, "seccomp", hostPath) ?? {
      profileType: ProfileType.RuntimeDefault,
      localhostRef: "",
    }
  );
}

/** Not said, it is the runtime's to choose: not every host has AppArmor. */
export function readApparmor(security: Security): Profile | undefined {
  return readProfile(security, "apparmor", profileName);
}

/** The same in the words of the field that runtimes read before there was another. */
export function apparmorText({ profileType, localhostRef }: Profile): string {
  if (profileType === ProfileType.Localhost) return `localhost/${localhostRef}`;
  return profileType === ProfileType.Unconfined ? "unconfined" : "runtime/default";
}

function readProfile(security: Security, key: "seccomp" | "apparmor", rule: TextRule): Profile | undefined {
  const value = security.raw(key);
  if (typeof value === "object" && value !== null) {
    const profile = new Fields<{ readonly localhost: string }>(value, security.pathOf(key), security.report);
    const localhostRef = profile.required("localhost", "the profile on this host", rule);
    profile.end();
    return { profileType: ProfileType.Localhost, localhostRef };
  }
  const profileType = security.choice(key, words, " or { localhost }");
  return profileType === undefined ? undefined : { profileType, localhostRef: "" };
}

function profileName(text: string): string | undefined {
  return /^\S+$/.test(text) ? undefined : "must be the name of a profile, without spaces";
}
