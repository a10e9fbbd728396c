import { isCriError } from "../../core/index.js";
import { type CredentialSource, keyring, type PullSecret } from "../../images/index.js";
import type { Pod, Secret } from "../api/index.js";

/** The keys of the types of pull secrets. */
const keyOfType: Readonly<Record<string, string>> = {
  "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
  "kubernetes.io/dockercfg": ".dockercfg",
};

/** The pull secrets of a Pod. */
export interface PullSecrets {
  readonly secrets: readonly Secret[];
  /** The names in `spec.imagePullSecrets` for which there is no Secret. */
  readonly missing: readonly string[];
}

/** Returns the Secrets that `spec.imagePullSecrets` refers to, in its order. A Secret without a namespace belongs to the Pod's. */
export function pullSecretsOf(pod: Pod, secrets: readonly Secret[]): PullSecrets {
  const namespace = pod.metadata?.namespace ?? "default";
  const names = (pod.spec?.imagePullSecrets ?? []).map(({ name = "" }) => name).filter((name) => name !== "");
  const find = (name: string) =>
    secrets.find(
      ({ metadata }) => metadata?.name === name && (metadata.namespace ?? namespace) === namespace,
    );
  return {
    secrets: names.flatMap((name) => find(name) ?? []),
    missing: names.filter((name) => find(name) === undefined),
  };
}

/**
 * Returns the source of the credentials in pull secrets. Secrets of other types than `kubernetes.io/dockerconfigjson` and
 * `kubernetes.io/dockercfg` are left out, as in the kubelet. Throws `invalid_file`, with the name of the Secret, for one that cannot be
 * parsed.
 */
export function secretKeyring(secrets: readonly Secret[]): CredentialSource {
  // One keyring for all: the longest key comes first, whichever Secret has it.
  return keyring(...secrets.map(checkedSecret).filter((secret) => secret !== undefined));
}

function checkedSecret(secret: Secret): PullSecret | undefined {
  const usable = pullSecretOf(secret);
  try {
    if (usable) keyring(usable);
  } catch (error) {
    const { namespace = "", name = "" } = secret.metadata ?? {};
    if (!isCriError(error)) throw error;
    const rawMessage = `Secret ${namespace ? `${namespace}/` : ""}${name}: ${error.rawMessage}`;
    throw error.with({ rawMessage });
  }
  return usable;
}

function pullSecretOf({ type = "", data, stringData }: Secret): PullSecret | undefined {
  const key = keyOfType[type];
  if (key === undefined) return undefined;
  const text = stringData?.[key];
  const base64 = data?.[key];
  // The API server lets stringData replace data.
  if (text !== undefined) return { kind: "Secret", stringData: { [key]: text } };
  return base64 === undefined ? undefined : { kind: "Secret", data: { [key]: base64 } };
}
