import { fileURLToPath } from "node:url";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  ContainerConfigSchema,
  type PodSandboxConfig,
  PodSandboxConfigSchema,
} from "../../gen/runtime/v1/api_pb.js";
import {
  abortError,
  checkArgument,
  criError,
  FileRefused,
  maxConfigBytes,
  messageOf,
  OptionTable,
  option,
  raceAbort,
  readRegularFile,
} from "../core/index.js";
import { parseText } from "../yaml-text/index.js";
import { type ConfigDialect, type Recognized, recognize } from "./dialect.js";
import { invalidFile } from "./invalid-file.js";
import { type ReadContext, readMessage, type UnknownKeyPolicy } from "./read-message.js";

/** Options of {@link parseSandboxConfig} and {@link parseContainerConfig}. */
export interface ParseConfigOptions {
  /**
   * The dialect of the file. `auto` recognizes it by its keys: crictl's if a key contains an underscore (`log_path`), else
   * protojson if a key occurs only in protojson (`logPath`), else crictl's.
   *
   * @default "auto"
   */
  readonly dialect?: ConfigDialect | "auto" | undefined;
  /**
   * How keys are treated that CRI does not define. crictl itself ignores them.
   *
   * @default "refuse"
   */
  readonly unknownKeys?: UnknownKeyPolicy | undefined;
  /**
   * The name of the file in error messages.
   *
   * @default the path of the file, or "the text"
   */
  readonly name?: string | undefined;
}

/** Options of {@link loadSandboxConfig} and {@link loadContainerConfig}. */
export interface ConfigFileOptions extends ParseConfigOptions {
  /**
   * Cancels the reading, which fails with `aborted_by_caller`, or with `deadline` for `AbortSignal.timeout()`.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * The largest size of a file, in bytes. A larger file is an error.
   *
   * @default 4_194_304
   */
  readonly limitBytes?: number | undefined;
}

const parseTable = new OptionTable<ParseConfigOptions>({
  dialect: option.oneOf("auto", "crictl", "protojson"),
  unknownKeys: option.oneOf("refuse", "ignore"),
  name: option.string,
});
const fileTable = new OptionTable<ConfigFileOptions>({
  ...parseTable.checks,
  signal: option.signal,
  limitBytes: option.wholeNumber(1),
});

/**
 * Reads a pod file as `crictl runp` accepts it, in JSON or YAML, for `RunPodSandboxRequest.config`. Whether the config can be
 * run is not checked. Unlike crictl, does not add a uid to a file without one.
 *
 * @throws {CriError} `invalid_file` with every invalid field in `problems`: its path in the names of the file, its line and its column.
 */
export function loadSandboxConfig(
  path: string | URL,
  options: ConfigFileOptions = {},
): Promise<PodSandboxConfig> {
  return load("loadSandboxConfig", PodSandboxConfigSchema, path, options);
}

/**
 * Reads a container file as `crictl create` accepts it, in JSON or YAML, for `CreateContainerRequest.config`.
 *
 * @throws {CriError} `invalid_file`, as {@link loadSandboxConfig} does.
 */
export function loadContainerConfig(
  path: string | URL,
  options: ConfigFileOptions = {},
): Promise<ContainerConfig> {
  return load("loadContainerConfig", ContainerConfigSchema, path, options);
}

/** Parses the text of a pod file, JSON or YAML; see {@link loadSandboxConfig}. Performs no I/O. */
export function parseSandboxConfig(text: string, options: ParseConfigOptions = {}): PodSandboxConfig {
  checkArgument("parseSandboxConfig", "text", text, option.string);
  parseTable.check("parseSandboxConfig", options);
  return parseConfig(PodSandboxConfigSchema, text, options);
}

/** Parses the text of a container file, JSON or YAML; see {@link loadContainerConfig}. Performs no I/O. */
export function parseContainerConfig(text: string, options: ParseConfigOptions = {}): ContainerConfig {
  checkArgument("parseContainerConfig", "text", text, option.string);
  parseTable.check("parseContainerConfig", options);
  return parseConfig(ContainerConfigSchema, text, options);
}

async function load<Desc extends DescMessage>(
  operation: string,
  schema: Desc,
  path: string | URL,
  options: ConfigFileOptions,
): Promise<MessageShape<Desc>> {
  checkArgument(operation, "path", path, option.url);
  fileTable.check(operation, options);
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
  const what = `${name} is not a valid ${schema.name}`;
  const parsed = parseText(text, "crictl");
  if (parsed.problems.length > 0) throw invalidFile(what, parsed.problems);
  const recognized: Recognized =
    dialect === "auto" ? recognize(schema, parsed.value) : { dialect, key: undefined };
  const context: ReadContext = { dialect: recognized.dialect, unknownKeys, problems: [] };
  const message = readMessage(schema, parsed.value, [], context);
  if (context.problems.length > 0) {
    const problems = context.problems.map((problem) => ({
      ...problem,
      location: parsed.locate(problem.path, problem.isKey),
    }));
    throw invalidFile(what, problems, dialect === "auto" ? dialectHint(recognized) : undefined);
  }
  // The message has the type of the schema, which reflection does not preserve.
  return message.message as MessageShape<Desc>;
}

function dialectHint({ dialect, key }: Recognized): string {
  const other = dialect === "crictl" ? "protojson" : "crictl";
  const why = key ? ` because of its key ${key}` : "";
  return `Pass \`dialect: "${other}"\` if the file is in that dialect; it was read as ${dialect}${why}`;
}

async function readText(
  path: string | URL,
  name: string,
  { signal, limitBytes = maxConfigBytes }: ConfigFileOptions,
): Promise<string> {
  let content: Buffer;
  try {
    const bytes = readRegularFile(path, { maxBytes: limitBytes, signal });
    // A file system that hangs ignores the signal.
    content = await (signal ? raceAbort(bytes, signal) : bytes);
  } catch (cause) {
    if (signal?.aborted) throw abortError(signal);
    if (cause instanceof FileRefused && cause.refusal === "too_large")
      throw invalidFile(`${name} is not a valid file`, [
        ofWholeFile(`is larger than limitBytes, ${limitBytes}`),
      ]);
    const why = messageOf(cause);
    throw criError("invalid_file", `${name} cannot be read: ${why}`, { cause });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw invalidFile(`${name} is not a valid file`, [ofWholeFile("is not encoded in UTF-8")]);
  }
}

function ofWholeFile(message: string) {
  return { path: [], message, value: undefined };
}
