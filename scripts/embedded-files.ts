// Reads the files that an embedded runtime is started with. Errors contain the file and the line.
import { spawnSync } from "node:child_process";
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type ImageCatalogue, parseCatalogue } from "../src/testing/embedded/images/index.js";
import type { Programs } from "../src/testing/index.js";
import { FileError, readDataFile } from "./data-file.js";

/** Reads a catalogue of images, in JSON or YAML. */
export async function readCatalogue(path: string): Promise<ImageCatalogue> {
  return parseCatalogue(await readDataFile(path, "image catalogue"), path);
}

/** Loads a module with the programs of containers: its export `programs`, or its default export. */
export async function readPrograms(path: string): Promise<Programs> {
  const file = resolve(path);
  let module: { readonly default?: unknown; readonly programs?: unknown };
  try {
    await access(file);
    const { href } = pathToFileURL(file);
    module = /\.[cm]?ts$/.test(file)
      ? await (await import("tsx/esm/api")).tsImport(href, import.meta.url)
      : await import(href);
  } catch (error) {
    throw new FileError(`cannot load the script ${path}: ${locatedMessage(error, file)}`);
  }
  const [where, programs] =
    module.programs === undefined ? ["default", module.default] : ["programs", module.programs];
  if (isPrograms(path, where, programs)) return programs;
  throw new FileError(
    `the script ${path} has no programs: its export \`${where}\` must be an object of functions or a function, ` +
      `got ${kindOf(programs)}`,
  );
}

/** Returns an error's message with its location in the module, or in a module that it imports. */
function locatedMessage(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  // Node prints the location of a syntax error, but the error object does not contain it.
  if (error instanceof SyntaxError) {
    const { stderr } = spawnSync(process.execPath, ["--check", file], { encoding: "utf8" });
    const [place = ""] = stderr.split("\n    at ");
    if (place.trim()) return place.trim();
  }
  const lines = (error.stack ?? error.message).split("\n");
  return lines
    .filter((line) => !/^ +at .*(?:\bnode:|node_modules|embedded(?:-files)?\.ts|<anonymous>)/.test(line))
    .join("\n");
}

function isPrograms(path: string, where: string, value: unknown): value is Programs {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const [name, program] of Object.entries(value))
    if (typeof program !== "function")
      throw new FileError(
        `the script ${path} has an invalid program: ${where}[${JSON.stringify(name)}] must be a function, ` +
          `got ${kindOf(program)}`,
      );
  return true;
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}
