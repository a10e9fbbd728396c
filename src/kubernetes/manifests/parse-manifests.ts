import { checkArgument, OptionTable, option } from "../../core/index.js";
import { parseTexts } from "../../yaml-text/index.js";
import { manifestError } from "./manifest-error.js";
import { ManifestReader } from "./manifest-reader.js";
import type { ParsedManifests, ParseManifestsOptions } from "./parsed-manifests.js";

/** The largest text, in bytes: the kubelet's limit of a manifest. */
const maxTextBytes = 10 * 2 ** 20;

const table = new OptionTable<ParseManifestsOptions>({ source: option.string });

/**
 * Reads manifests in YAML or JSON, as Kubernetes reads them: YAML 1.1, in which `y`, `on` and `no` without quotes are booleans; several
 * documents; lists of objects. Every value is checked against the type of its field, and unknown fields are refused, as strict field
 * validation of an API server does. Pods are not validated beyond that, and have no defaults: see `checkPod` and `defaultPod`.
 *
 * Kinds: Pod, PodTemplate, ConfigMap and Secret; Deployment, ReplicaSet, StatefulSet, DaemonSet and Job, of which one Pod each is made,
 * with a notice; and the lists of these. The text may have 10 MiB.
 *
 * @throws {CriError} `invalid_file` with every problem: its line and column, and the path of the field. Values of Secrets are not shown.
 */
export function parseManifests(text: string, options: ParseManifestsOptions = {}): ParsedManifests {
  checkArgument("parseManifests", "text", text, option.string);
  table.check("parseManifests", options);
  const { source = "the text" } = options;
  if (Buffer.byteLength(text) > maxTextBytes)
    throw manifestError(source, [{ path: "", message: `is larger than ${maxTextBytes} bytes` }]);
  const reader = new ManifestReader(source);
  for (const document of parseTexts(text, "kubernetes")) reader.read(document);
  return reader.finish();
}
