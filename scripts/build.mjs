// npm run build: bundles the package into dist/, one file per entry point and one chunk per folder that entry points share.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode, encode } from "@jridgewell/sourcemap-codec";
import { rolldown } from "rolldown";
import { esmExternalRequirePlugin } from "rolldown/plugins";
import { dts } from "rolldown-plugin-dts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const declarations = join(root, ".cache", "declarations");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The entry points by name, such as `logs` for `src/logs.ts`. */
const doors = Object.values(manifest.exports).flatMap((target) =>
  typeof target === "string" ? [] : [target["cri-sdk-source"].replace(/^\.\/src\/(\w+)\.ts$/, "$1")],
);
/**
 * The dependencies are bundled: many small files load too slowly, and CommonJS modules that require modules of Node cannot be part of an
 * ES module that esbuild bundles for a user. Here, these requires become imports.
 */
const builtins = builtinModules.flatMap((name) => [name, `node:${name}`]);
/** Beside Node's modules, the optional peer dependency that the kubelet imports when it is needed. */
const external = /^(?:node:|@kubernetes\/client-node$)/;
/** Native addons that ws can use, without need: Node masks fast enough. */
const addons = /^(?:bufferutil|utf-8-validate|react-native-b4a)$/;
const withoutAddons = {
  name: "without-addons",
  resolveId: (id) => (addons.test(id) ? `\0${id}` : null),
  load: (id) => (addons.test(id.slice(1)) ? 'throw new Error("not bundled");' : null),
};
/**
 * protobuf-es decodes the schema of descriptors as soon as it is loaded, which takes a tenth of the time of importing this package. Here, it
 * waits for the first descriptor.
 */
const protobufEs = "/node_modules/@bufbuild/protobuf/dist/esm";
const lazySchemaOfDescriptors = {
  name: "lazy-schema-of-descriptors",
  transform(code, id) {
    if (id.endsWith(`${protobufEs}/wkt/google/protobuf/descriptor_pb.js`))
      return replaced(code, id, [
        [
          "export const file_google_protobuf_descriptor = /*@__PURE__*/ boot(",
          "const bootFile = () => boot(",
        ],
        [
          "export const FileDescriptorSetSchema =",
          "let file; const theFile = () => (file ??= bootFile()); " +
            "export const file_google_protobuf_descriptor = /*@__PURE__*/ theFile(); " +
            "export const fileDescriptorProtoSchema = () => messageDesc(theFile(), 1); " +
            "export const FileDescriptorSetSchema =",
        ],
      ]);
    if (id.endsWith(`${protobufEs}/codegenv2/file.js`))
      return replaced(code, id, [
        ["import { FileDescriptorProtoSchema }", "import { fileDescriptorProtoSchema }"],
        ["fromBinary(FileDescriptorProtoSchema,", "fromBinary(fileDescriptorProtoSchema(),"],
      ]);
    return null;
  },
};
const codeSplitting = {
  includeDependenciesRecursively: false,
  groups: [{ debugName: "room", name: chunkOf, minShareCount: 2 }],
};

rmSync(dist, { recursive: true, force: true });
await Promise.all([bundle(), declare()]);

async function bundle() {
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(doors.map((door) => [door, `src/${door}.ts`])),
    external,
    plugins: [withoutAddons, lazySchemaOfDescriptors, esmExternalRequirePlugin({ external: builtins })],
    // For Node, this package has CommonJS only.
    resolve: { alias: { yaml: join(root, "node_modules/yaml/browser/dist/index.js") } },
    platform: "node",
    preserveEntrySignatures: "allow-extension",
    transform: { target: "node20.19" },
  });
  const { output } = await build.write({
    dir: dist,
    chunkFileNames: "chunks/[name].js",
    sourcemap: true,
    keepNames: true,
    comments: { annotation: true, jsdoc: false, legal: true },
    codeSplitting,
  });
  for (const file of readdirSync(dist, { recursive: true }))
    if (file.endsWith(".js.map")) shrinkSourceMap(join(dist, file));
  writeNotices(
    output.flatMap(({ moduleIds = [] }) => moduleIds).filter((id) => id.includes("/node_modules/")),
  );
}

/** Replaces texts of a module's code, each of which must occur exactly once. Keeps the lines, so that the source map stays right. */
function replaced(code, id, replacements) {
  let result = code;
  for (const [from, to] of replacements) {
    if (result.split(from).length !== 2) throw new Error(`${id} has changed: ${from} is not there once`);
    result = result.replace(from, () => to);
  }
  return { code: result, map: null };
}

/** Writes the licenses of the bundled modules next to the bundle: the first comments of their files, or their package's file. */
function writeNotices(modules) {
  const notices = new Map();
  for (const module of modules) {
    const [folder, name] = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module);
    const license = ["LICENSE", "LICENSE.md"]
      .map((file) => join(folder, file))
      .find((file) => existsSync(file));
    const [head = ""] = /^(?:\/\/.*\n)+/.exec(readFileSync(module, "utf8")) ?? [];
    const comment =
      head.includes("Licensed") || !license ? head.replace(/^\/\/ ?/gm, "") : readFileSync(license, "utf8");
    const notice = `${comment.trim()}\n`;
    notices.set(notice, (notices.get(notice) ?? new Set()).add(name));
  }
  const sections = [...notices].map(([notice, names]) => `${[...names].sort().join(", ")}:\n\n${notice}`);
  writeFileSync(join(dist, "THIRD-PARTY-NOTICES.txt"), sections.join("\n"));
}

/** Returns the chunk of a module that several entry points import: one per folder, and one for the bundled dependencies. */
function chunkOf(path) {
  const [, library] =
    /\/node_modules\/(yaml|ws|tar-stream|streamx|b4a|fast-fifo|text-decoder|events-universal)\//.exec(path) ??
    [];
  // Loaded on first use, so not together with protobuf.
  if (library) return ["yaml", "ws"].includes(library) ? library : "tar-stream";
  const [, folder, room = ""] = /\/(src|gen|node_modules)\/([^/]+)/.exec(path) ?? [];
  if (folder === "node_modules") return "protobuf";
  if (folder === "gen" || ["descriptors.ts", "wire-reader.ts", "wire-writer.ts"].includes(room))
    return "messages";
  // Modules of Node that CommonJS modules require have no path.
  return path.includes("/src/pods/config/") ? "configs" : room.replace(/\.ts$/, "") || "node-modules";
}

/**
 * Reduces a source map to the part that stack traces need, a third of its size: the line of each position, without the names
 * and the columns. The sources are in the repository; with them, the package would be twice as large.
 */
function shrinkSourceMap(path) {
  const map = JSON.parse(readFileSync(path, "utf8"));
  const mappings = decode(map.mappings).map((line) => {
    let [lastSource, lastLine] = [-1, -1];
    return line.flatMap(([column, source, sourceLine, sourceColumn]) => {
      if (source === undefined || (source === lastSource && sourceLine === lastLine)) return [];
      [lastSource, lastLine] = [source, sourceLine];
      return [[column, source, sourceLine, sourceColumn]];
    });
  });
  const { version, file, sources } = map;
  writeFileSync(path, JSON.stringify({ version, file, sources, names: [], mappings: encode(mappings) }));
}

/** Compiles a declaration file per module, and bundles these. */
async function declare() {
  rmSync(declarations, { recursive: true, force: true });
  mkdirSync(declarations, { recursive: true });
  const tsc = join(root, "node_modules", ".bin", "tsc");
  execFileSync(tsc, ["-p", "tsconfig.build.json", "--outDir", declarations], { cwd: root, stdio: "inherit" });
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(doors.map((door) => [door, join(declarations, "src", `${door}.d.ts`)])),
    preserveEntrySignatures: "allow-extension",
    external: /^node:|^@bufbuild\/|^@connectrpc\/|^@kubernetes\/|^ws$|^yaml$|^tar-stream$/,
    plugins: [dts({ dtsInput: true, tsconfig: false })],
  });
  await build.write({
    dir: dist,
    entryFileNames: "[name].d.ts",
    chunkFileNames: "chunks/[name].d.ts",
    codeSplitting,
  });
}
