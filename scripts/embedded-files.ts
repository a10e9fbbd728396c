// The files that an embedded runtime is started with. What is wrong with them is told with the file and the place.
import { spawnSync } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { LineCounter, parseDocument } from "yaml";
import { isCriError } from "../src/index.js";
import { type ImageCatalogue, type Programs, parseCatalogue } from "../src/testing/index.js";

/** A file that cannot be used, and why. */
export class FileError extends Error {}

/** Reads a catalogue of images, in JSON or YAML. */
export async function readCatalogue(path: string): Promise<ImageCatalogue> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new FileError(`the image catalogue ${path} cannot be read: ${messageOf(error)}`);
  }
  return parseCatalogue(parse(path, text), path);
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // YAML, or broken: YAML's parser, which knows JSON, says where.
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new FileError(`${path}:${line}:${col}: ${error.message}`);
  }
  try {
    return document.toJS();
  } catch (cause) {
    throw new FileError(`${path}: ${messageOf(cause)}`);
  }
}

/** Loads a module with the programs of containers: its default export, or `programs`. */
export async function readPrograms(path: string): Promise<Programs> {
  const file = resolve(path);
  let module: { readonly default?: unknown; readonly programs?: unknown };
  try {
    await access(file);
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw new FileError(`the script ${path} cannot be loaded: ${placeOf(error, file)}`);
  }
  const [where, programs] =
    module.programs === undefined ? ["default", module.default] : ["programs", module.programs];
  if (isPrograms(path, where, programs)) return programs;
  throw new FileError(
    `the script ${path} has no programs: its export \`${where}\` must be an object of functions, or a function; ` +
      `it is ${kindOf(programs)}`,
  );
}

/** An error with where it is in the module, or in those that it imports. */
function placeOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  // Of a module that it cannot read, Node tells the place to a terminal only.
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
        `the script ${path} has a broken program: ${where}[${JSON.stringify(name)}] must be a function, ` +
          `it is ${kindOf(program)}`,
      );
  return true;
}

function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `of type ${typeof value}`;
}

function messageOf(error: unknown): string {
  return isCriError(error) ? error.text : error instanceof Error ? error.message : String(error);
}
