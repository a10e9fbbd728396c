// Writes the second half of docs/kubernetes.md: what becomes of each field of a Pod, from the tables that validation uses.
// With --check it only checks that the page is up to date.
import {
  containerFields,
  emptyDirFields,
  envFromFields,
  envSourceFields,
  ephemeralContainerFields,
  type FieldSupport,
  lifecycleFields,
  lifecycleHandlerFields,
  metadataFields,
  podFields,
  podSecurityFields,
  portFields,
  probeFields,
  projectionFields,
  resourceFields,
  securityFields,
  volumeFields,
  volumeMountFields,
} from "../src/kubernetes.js";
import { writeSection } from "./written-section.js";

const supports: Readonly<Record<FieldSupport["support"], string>> = {
  done: "done",
  refused: "refused",
  "needs-api-server": "needs an API server",
  "not-used": "no effect on a node",
};

const tables: readonly (readonly [string, Readonly<Record<string, FieldSupport>>])[] = [
  ["The Pod: `metadata`", metadataFields],
  ["The Pod: `spec`", podFields],
  ["`spec.securityContext`", podSecurityFields],
  ["Containers", containerFields],
  ["Ephemeral containers, where they differ", differing(ephemeralContainerFields, containerFields)],
  ["`ports`", portFields],
  ["`env[].valueFrom`", envSourceFields],
  ["`envFrom`", envFromFields],
  ["`resources`", resourceFields],
  ["`securityContext` of a container", securityFields],
  ["Probes", probeFields],
  ["`lifecycle`", lifecycleFields],
  ["`lifecycle.postStart` and `preStop`", lifecycleHandlerFields],
  ["`volumeMounts`", volumeMountFields],
  ["Volumes", volumeFields],
  ["`emptyDir`", emptyDirFields],
  ["`projected.sources`", projectionFields],
];

/** Returns the rows that another table does not have. */
function differing<T extends Readonly<Record<string, FieldSupport>>>(
  table: T,
  other: Readonly<Record<string, FieldSupport>>,
): Readonly<Record<string, FieldSupport>> {
  return Object.fromEntries(
    Object.entries(table).filter(
      ([name, { support, text }]) => other[name]?.support !== support || other[name]?.text !== text,
    ),
  );
}

function tableOf(title: string, fields: Readonly<Record<string, FieldSupport>>): string[] {
  return [
    "",
    `### ${title}`,
    "",
    "| field | | |",
    "| --- | --- | --- |",
    ...Object.entries(fields).map(
      ([name, { support, text, input }]) =>
        `| \`${name}\` | ${supports[support]}${input ? ` or \`${input}\`` : ""} | ${text.replaceAll("|", "\\|")} |`,
    ),
  ];
}

const section = [
  "## What becomes of each field",
  "",
  "A field that is *refused* makes a Pod invalid. So does one that *needs an API server*, unless the input beside it is passed.",
  ...tables.flatMap(([title, fields]) => tableOf(title, fields)),
  "",
].join("\n");
writeSection("docs/kubernetes.md", "scripts/kubernetes-page.ts", section);
