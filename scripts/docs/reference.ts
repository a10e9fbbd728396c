// The site of the guides and the API reference: what belongs to it, and what is wrong with it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { coverage, type DoorCoverage, type Member } from "./coverage.js";
import { brokenLinks } from "./links.js";
import { generate } from "./typedoc.mjs";

/** The share of its public members, in percent, that each door must have comments for. */
export const goalPercent = 98;

/** Types in public signatures that no door exports, as `FILE:NAME`, with the reason. Others are exported, or marked `@inline`. */
const notExported: Readonly<Record<string, string>> = {
  "src/pods/facts.ts:PodFacts": "class Pod has all of its members; only its declaration refers to it",
  "src/events/node-watch.ts:Synchronous": "refuses predicates that return a promise; callers never write it",
  "src/observe/otel-api.ts:OtelContext": "the part of @opentelemetry/api's own type that is used",
  "src/observe/otel-api.ts:OtelSpan": "the part of @opentelemetry/api's own type that is used",
  "src/observe/otel-api.ts:OtelMeterProvider": "the part of @opentelemetry/api's own type that is used",
  "src/observe/otel-api.ts:OtelTracerProvider": "the part of @opentelemetry/api's own type that is used",
};

/** The doors of a package, and its guides. */
export interface Sources {
  /** The folder of the package. */
  readonly root: string;
  /** The files of the doors, by the name that programs import. */
  readonly doors: Readonly<Record<string, string>>;
  /** The path of the tsconfig.json. */
  readonly tsconfig: string;
  /** The page that the site begins with, and the other guides in their order. @default no guides */
  readonly guides?: { readonly start: string; readonly pages: readonly string[] } | undefined;
  /** Types in public signatures that need not be exported. @default none */
  readonly notExported?: readonly string[] | undefined;
}

/** What was found while the site was written. */
export interface Findings {
  readonly coverage: readonly DoorCoverage[];
  /** One sentence each: links that lead nowhere, requests to other hosts, doors with too few comments. */
  readonly problems: readonly string[];
}

/** Returns the doors and guides of the package in a folder. The guides are in the order of the start page. */
export function sourcesOfPackage(root: string): Sources {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | { readonly "cri-sdk-source": string }>>;
  };
  const doors = Object.entries(exports).flatMap(([path, target]) =>
    typeof target === "string"
      ? []
      : [[path.replace(/^\./, "cri-sdk"), join(root, target["cri-sdk-source"])] as const],
  );
  const start = join(root, "docs/README.md");
  const text = readFileSync(start, "utf8");
  const positionOf = (page: string) => (text.includes(`(${page})`) ? text.indexOf(`(${page})`) : text.length);
  const pages = readdirSync(join(root, "docs")).filter(
    (name) => name.endsWith(".md") && name !== "README.md",
  );
  return {
    root,
    doors: Object.fromEntries(doors),
    tsconfig: join(root, "tsconfig.build.json"),
    guides: {
      start,
      pages: pages.sort((a, b) => positionOf(a) - positionOf(b)).map((name) => join(root, "docs", name)),
    },
    notExported: Object.keys(notExported),
  };
}

/** Writes the site to a folder, and returns what is wrong with it. */
export async function writeReference(sources: Sources, output: string): Promise<Findings> {
  const { model, places, problems } = await generate({ ...sources, output });
  const found = coverage(model);
  const placed = (member: Member) => ({ ...member, place: places[member.id] });
  return {
    coverage: found.map((door) => ({ ...door, undocumented: door.undocumented.map(placed) })),
    problems: [...problems, ...brokenLinks(output), ...found.flatMap(coverageProblem)],
  };
}

function coverageProblem(door: DoorCoverage): string[] {
  const percent = percentOf(door);
  if (percent >= goalPercent) return [];
  return [
    `${door.door}: ${percent.toFixed(1)} % of the public members have comments, and not ${goalPercent} %`,
  ];
}

function percentOf({ members, undocumented }: DoorCoverage): number {
  return (100 * (members - undocumented.length)) / members;
}

/** The number of undocumented members that a table shows for each door. */
const shownMembers = 5;

/** Returns the coverage as a table, and below it the first undocumented members of each door. */
export function coverageTable(doors: readonly DoorCoverage[]): string {
  const rows = doors.map((door) => {
    const documented = door.members - door.undocumented.length;
    return [
      door.door.padEnd(20),
      ...[door.members, documented].map((n) => String(n).padStart(10)),
      percentText(door),
    ];
  });
  const header = ["door".padEnd(20), "members".padStart(10), "documented".padStart(10), "".padStart(8)];
  const missing = doors.flatMap(({ undocumented }) => [
    ...undocumented
      .slice(0, shownMembers)
      .map(({ path, place }) => `${place ?? "?"}: ${path} has no comment`),
    ...(undocumented.length > shownMembers ? [`… and ${undocumented.length - shownMembers} more`] : []),
  ]);
  return [header, ...rows]
    .map((cells) => cells.join(" ").trimEnd())
    .concat(missing)
    .join("\n");
}

function percentText(door: DoorCoverage): string {
  // Rounded down: 99.96 % is not everything.
  return `${(Math.floor(percentOf(door) * 10) / 10).toFixed(1)} %`.padStart(8);
}
