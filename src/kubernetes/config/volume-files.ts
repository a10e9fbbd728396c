// The files of configMap, secret, downwardAPI and projected volumes.
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from "../api/index.js";
import { StartError } from "../start-error.js";
import type { NodeFacts } from "./node-facts.js";
import { type FieldContext, fieldValue, resourceValue } from "./pod-fields.js";
import type { PodInputs } from "./pod-inputs.js";
import { containersOf, type PodView } from "./pod-view.js";
import { type DataReference, dataOf, neededBy } from "./referenced-objects.js";
import { tokenKey } from "./token-requests.js";
import type { VolumeFile } from "./volume-plans.js";

/** The mode of files for which none is given. */
const defaultFileMode = 0o644;
const reason = "FailedMount";
/** The kubelet's message about a missing key. */
const missingKey = {
  ConfigMap: "configmap references non-existent config key",
  Secret: "references non-existent secret key",
} as const;

/** Writes the files of a volume of a pod. */
export class VolumeFiles {
  readonly #context: FieldContext;

  constructor(view: PodView, node: NodeFacts, inputs: PodInputs) {
    this.#context = { view, node, inputs, reason };
  }

  /** Returns the files of a volume and whether one of them is secret; undefined for a volume of another kind. */
  of(
    { name: volume, configMap, secret, downwardAPI, projected }: Volume,
    path: string,
  ): { readonly files: readonly VolumeFile[]; readonly isSecret: boolean } | undefined {
    if (configMap) {
      const { name, optional, items, defaultMode } = configMap;
      const reference = { ...named("ConfigMap", { name, optional }), path: `${path}.configMap` };
      return { files: this.#ofData(reference, items, defaultMode), isSecret: false };
    }
    if (secret) {
      const { secretName, optional, items, defaultMode } = secret;
      const reference = { ...named("Secret", { name: secretName, optional }), path: `${path}.secret` };
      return { files: this.#ofData(reference, items, defaultMode), isSecret: true };
    }
    if (downwardAPI) {
      const { items = [], defaultMode } = downwardAPI;
      return { files: this.#ofFields(items, `${path}.downwardAPI`, defaultMode), isSecret: false };
    }
    return projected && this.#ofProjected(volume, projected, `${path}.projected`);
  }

  /** A later source replaces a file of an earlier one. */
  #ofProjected(volume: string, { sources = [], defaultMode }: ProjectedVolumeSource, path: string) {
    const files = new Map<string, VolumeFile>();
    for (const [index, source] of sources.entries())
      for (const file of this.#ofSource(volume, source, `${path}.sources[${index}]`, defaultMode))
        files.set(file.path, file);
    const isSecret = sources.some(({ secret, serviceAccountToken }) => secret ?? serviceAccountToken);
    return { files: [...files.values()], isSecret };
  }

  #ofSource(
    volume: string,
    source: VolumeProjection,
    path: string,
    defaultMode: number | undefined,
  ): readonly VolumeFile[] {
    const { configMap, secret, downwardAPI, ...others } = source;
    const { serviceAccountToken: token } = others;
    const { serviceAccountTokens: tokens } = this.#context.inputs;
    if (token && tokens) {
      const field = `${path}.serviceAccountToken`;
      return [this.#ofToken(tokens[tokenKey(volume, token.path)], { volume, token, field, defaultMode })];
    }
    if (configMap) {
      const reference = { ...named("ConfigMap", configMap), path: `${path}.configMap` };
      return this.#ofData(reference, configMap.items, defaultMode);
    }
    if (secret)
      return this.#ofData({ ...named("Secret", secret), path: `${path}.secret` }, secret.items, defaultMode);
    if (downwardAPI) return this.#ofFields(downwardAPI.items ?? [], `${path}.downwardAPI`, defaultMode);
    const [kind] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
    if (kind === undefined) throw new StartError(reason, `${path}: has no source`);
    throw new StartError(reason, `${path}.${kind}: needs an API server`, {
      hint: "Pass the content as a Secret, or mount the volume by a plug-in",
    });
  }

  /**
   * Returns the file of a token. Where the pod has an fsGroup, or its containers have one user, no other user may read it. Source: the
   * kubelet's projected volumes.
   */
  #ofToken(
    content: string | undefined,
    {
      volume,
      token: { path },
      field,
      defaultMode = defaultFileMode,
    }: {
      readonly volume: string;
      readonly token: ServiceAccountTokenProjection;
      readonly field: string;
      readonly defaultMode: number | undefined;
    },
  ): VolumeFile {
    const { view } = this.#context;
    if (content === undefined)
      throw new StartError(
        reason,
        `${field}: failed to fetch token: there is none for ${JSON.stringify(tokenKey(volume, path))}`,
      );
    const user = commonUser(view);
    const isOwned = user !== undefined || view.spec.securityContext.fsGroup !== undefined;
    return {
      path: checkPath(path, `${field}.path`),
      content: Buffer.from(content),
      mode: isOwned ? 0o600 : defaultMode,
      ...(user !== undefined && { user }),
    };
  }

  /** Returns the keys as files: all of them, or those that `items` names. */
  #ofData(
    reference: DataReference,
    items: readonly KeyToPath[] | undefined,
    defaultMode = defaultFileMode,
  ): readonly VolumeFile[] {
    const data = dataOf(this.#context.view, this.#context.inputs, reference);
    if (data === undefined) return [];
    if (items === undefined || items.length === 0)
      return [...data].map(([key, content]) => ({
        path: checkPath(key, reference.path),
        content,
        mode: defaultMode,
      }));
    return items.flatMap(({ key, path, mode }, index) => {
      const field = `${reference.path}.items[${index}]`;
      const content = data.get(key);
      if (content !== undefined)
        return { path: checkPath(path, `${field}.path`), content, mode: mode ?? defaultMode };
      if (reference.optional) return [];
      throw new StartError(reason, `${missingKey[reference.kind]}: ${key}`, {
        hint: neededBy(`${field}.key`),
      });
    });
  }

  #ofFields(
    items: readonly DownwardAPIVolumeFile[],
    path: string,
    defaultMode = defaultFileMode,
  ): readonly VolumeFile[] {
    return items.map(({ fieldRef, resourceFieldRef, path: file, mode }, index) => {
      const field = `${path}.items[${index}]`;
      if (fieldRef === undefined && resourceFieldRef === undefined)
        throw new StartError(reason, `${field}: must have fieldRef or resourceFieldRef`);
      const text = fieldRef
        ? fieldValue(fieldRef, `${field}.fieldRef`, this.#context)
        : resourceFieldRef
          ? resourceValue(resourceFieldRef, `${field}.resourceFieldRef`, undefined, this.#context)
          : "";
      return {
        path: checkPath(file, `${field}.path`),
        content: Buffer.from(text),
        mode: mode ?? defaultMode,
      };
    });
  }
}

/** Returns the user whom all containers of a pod run as; undefined where one has another, or none. */
function commonUser({ spec }: PodView): number | undefined {
  const users = new Set(
    containersOf(spec).map(
      ({ container }) => container.securityContext?.runAsUser ?? spec.securityContext.runAsUser,
    ),
  );
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

function named(
  kind: DataReference["kind"],
  { name, optional }: { readonly name?: string | undefined; readonly optional?: boolean | undefined },
) {
  return { kind, name, optional, reason, binaryData: true } as const;
}

/** A file must stay within its volume, and must not be one of the names by which the volume is updated. */
function checkPath(path: string, field: string): string {
  const isInside = path !== "" && !path.startsWith("/") && !path.split("/").includes("..");
  if (isInside && !path.startsWith("..")) return path;
  throw new StartError(
    reason,
    `${field}: must be a relative path that does not begin with "..", got ${JSON.stringify(path)}`,
  );
}
