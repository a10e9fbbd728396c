import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  ContainerConfigSchema,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
} from "../../gen/runtime/v1/api_pb.js";
import { CriError, invalidOption, stoppedError, unlessAborted } from "../core/index.js";
import { type ConfigDialect, type Recognized, recognize } from "./dialect.js";
import { parseText } from "./parse-text.js";
import { invalidFile } from "./problems.js";
import { type Reading, readMessage, type UnknownKeys } from "./read-message.js";

/** How the text of a config file is read. */
export interface ParseConfigOptions {
  /**
   * How the file is written. `auto`: one key with an underscore (`log_path`) makes it crictl's; without any, one key that
   * only protojson has (`logPath`) makes it protojson; with neither it is crictl's.
   *
   * @default "auto"
   */
  readonly dialect?: ConfigDialect | "auto" | undefined;
  /**
   * What becomes of keys that CRI does not have. crictl itself takes no notice of them.
   *
   * @default "refuse"
   */
  readonly unknownKeys?: UnknownKeys | undefined;
  /**
   * What errors call the file.
   *
   * @default the path of the file, or "the text"
   */
  readonly name?: string | undefined;
}

/** How a config file is read. */
export interface ConfigFileOptions extends ParseConfigOptions {
  /** Gives the reading up; code `canceled`, or `deadline_exceeded` for a signal of `AbortSignal.timeout()`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * A larger file is refused, in bytes.
   *
   * @default 4_194_304
   */
  readonly limitBytes?: number | undefined;
}

/**
 * Reads a pod file as `crictl runp` takes it, JSON or YAML, for `RunPodSandboxRequest.config`. Throws `invalid_file` with
 * every wrong place in `problems`, its path in the words of the file, and its line and column.
 *
 * Whether a pod can be run with it is looked at when it is run. crictl makes a uid where the file has none; this does not.
 */
export function loadSandboxConfig(
  path: string | URL,
  options: ConfigFileOptions = {},
): Promise<PodSandboxConfig> {
  return load(PodSandboxConfigSchema, path, options);
}

/**
 * Reads a container file as `crictl create` takes it, JSON or YAML, for `CreateContainerRequest.config`. Throws
 * `invalid_file` as {@link loadSandboxConfig} does.
 */
export function loadContainerConfig(
  path: string | URL,
  options: ConfigFileOptions = {},
): Promise<ContainerConfig> {
  return load(ContainerConfigSchema, path, options);
}

/** The text of a pod file, JSON or YAML, as a message; see {@link loadSandboxConfig}. Reads nothing. */
export function parseSandboxConfig(text: string, options: ParseConfigOptions = {}): PodSandboxConfig {
  return parseConfig(PodSandboxConfigSchema, text, options);
}

/** The text of a container file, JSON or YAML, as a message; see {@link loadContainerConfig}. Reads nothing. */
export function parseContainerConfig(text: string, options: ParseConfigOptions = {}): ContainerConfig {
  return parseConfig(ContainerConfigSchema, text, options);
}

async function load<Desc extends DescMessage>(
  schema: Desc,
  path: string | URL,
  options: ConfigFileOptions,
): Promise<MessageShape<Desc>> {
  const name = options.name ?? (typeof path === "string" ? path : pathOf(path));
  return parseConfig(schema, await readText(path, name, options), { ...options, name });
}

function pathOf(url: URL): string {
  return url.protocol === "file:" ? fileURLToPath(url) : url.href;
}

function parseConfig<Desc extends DescMessage>(
  schema: Desc,
  text: string,
  { dialect = "auto", unknownKeys = "refuse", name = "the text" }: ParseConfigOptions,
): MessageShape<Desc> {
  oneOf("dialect", dialect, ["auto", "crictl", "protojson"]);
  oneOf("unknownKeys", unknownKeys, ["refuse", "ignore"]);
  const what = `${name} as a ${schema.name}`;
  const parsed = parseText(text);
  if (parsed.found.length > 0) throw invalidFile(what, parsed.found);
  const recognized: Recognized =
    dialect === "auto" ? recognize(schema, parsed.value) : { dialect, because: undefined };
  const reading: Reading = { dialect: recognized.dialect, unknownKeys, found: [] };
  const message = readMessage(schema, parsed.value, [], reading);
  if (reading.found.length > 0) {
    const found = reading.found.map((one) => ({ ...one, place: parsed.placeOf(one.path, one.isKey) }));
    throw invalidFile(what, found, dialect === "auto" ? hintOn(recognized) : undefined);
  }
  // readMessage makes a message of the schema it is given; reflection does not carry its type.
  return message.message as MessageShape<Desc>;
}

function hintOn({ dialect, because }: Recognized): string {
  const other = dialect === "crictl" ? "protojson" : "crictl";
  const why = because ? ` because of its key ${because}` : "";
  return `It was read in the dialect of ${dialect}${why}; dialect: "${other}" reads the other one`;
}

function oneOf(path: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw invalidOption(path, value, `must be one of ${allowed.join(", ")}`);
}

async function readText(
  path: string | URL,
  name: string,
  { signal, limitBytes = 4 * 1024 * 1024 }: ConfigFileOptions,
): Promise<string> {
  let content: Buffer;
  try {
    const reading = readUpTo(path, limitBytes, signal);
    // Opening a pipe, Node waits for its writer whatever the signal says.
    content = await (signal ? unlessAborted(reading, signal) : reading);
  } catch (cause) {
    if (signal?.aborted) throw stoppedError(signal);
    const text = `cannot read ${name}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CriError({ code: "invalid_argument", reason: "invalid_file", text, cause });
  }
  if (content.length > limitBytes) throw invalidFile(name, [whole(`it is larger than ${limitBytes} bytes`)]);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw invalidFile(name, [whole("it is no UTF-8 text")]);
  }
}

/** A file's bytes; of one that is larger, some more than the limit. */
async function readUpTo(path: string | URL, limitBytes: number, signal: AbortSignal | undefined) {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of createReadStream(path, { signal })) {
    // Without an encoding, a stream of a file gives buffers.
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > limitBytes) break;
  }
  return Buffer.concat(chunks);
}

function whole(message: string) {
  return { path: [], message, value: undefined };
}
