import type { DocumentOptions, Scalar, ScalarTag, SchemaOptions, Tags } from "yaml";
import type { NodeRules } from "./nodes.js";

/**
 * How plain scalars are read. `crictl`: as YAML 1.2, in which only `true` and `false` are booleans. `kubernetes`: as Kubernetes does, which
 * is YAML 1.1 without times and numbers of base 60: `y`, `yes`, `on`, `n`, `no` and `off` are booleans, and 0644 is octal.
 */
export type YamlDialect = "crictl" | "kubernetes";

/** The options of the parser that a dialect consists of. */
export type DialectOptions = SchemaOptions & DocumentOptions & { readonly intAsBigInt?: boolean };

const notString = "this key is not a string: put it in quotes";

/** As crictl reads its files. Whole numbers are bigint, so that they keep all digits. */
const crictl: { readonly options: DialectOptions; readonly rules: NodeRules } = {
  options: { intAsBigInt: true },
  rules: {
    key: ({ value }) => (typeof value === "string" ? { text: value } : { problem: notString }),
    // crictl reads YAML 1.1.
    scalar: ({ value, source }) =>
      typeof value === "bigint" && /^[-+]?0\d/.test(source ?? "")
        ? `${source} is octal in YAML 1.1 and decimal in YAML 1.2: write it without the leading 0`
        : undefined,
  },
};

const tagOf = (name: string) => `tag:yaml.org,2002:${name}`;

const nullTag: ScalarTag = {
  default: true,
  tag: tagOf("null"),
  test: /^(?:~|[Nn]ull|NULL)?$/,
  resolve: () => null,
};

const booleanTag: ScalarTag = {
  default: true,
  tag: tagOf("bool"),
  test: /^(?:[yYnN]|[Yy]es|YES|[Nn]o|NO|[Tt]rue|TRUE|[Ff]alse|FALSE|[Oo]n|ON|[Oo]ff|OFF)$/,
  resolve: (text) => /^(?:y|yes|true|on)$/i.test(text),
};

const maxUint64 = 2n ** 64n - 1n;
const minInt64 = -(2n ** 63n);
const wholeNumber = /^([-+]?)(?:(0[bB][01]+|0[xX][0-9a-fA-F]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const decimalNumber = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

/**
 * Reads a plain scalar that begins like a number; others are strings. Underscores mean nothing. Whole numbers that JavaScript cannot
 * represent are bigint.
 */
function numberOf(text: string): number | bigint | string {
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text))
    return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return Number.NaN;
  // After a leading dot, underscores must be between digits.
  if (/^\..*(?:_(?!\d)|(?<!\d)_)/.test(text)) return text;
  const plain = text.replaceAll("_", "");
  const [, sign, prefixed, octal, decimal] = wholeNumber.exec(plain) ?? [];
  if (sign !== undefined) {
    const whole = BigInt(prefixed ?? (octal === undefined ? (decimal ?? "0") : `0o${octal}`));
    const signed = sign === "-" ? -whole : whole;
    // What has more than 64 bits is read as a fraction is, in which a leading 0 means nothing.
    if (signed <= maxUint64 && signed >= minInt64)
      return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }
  const number = decimalNumber.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(number) ? number : text;
}

const numberTag: ScalarTag = {
  default: true,
  tag: tagOf("float"),
  test: /^[-+.0-9][-+.\w]*$/,
  resolve: numberOf,
};

/** Whole numbers have no tag of their own but where the text has one. */
const integerTag: ScalarTag = { tag: tagOf("int"), resolve: numberOf };

const structuralTags: ReadonlySet<string> = new Set(["map", "seq", "str"].map(tagOf));

/** As Kubernetes reads manifests: sigs.k8s.io/yaml, which is built on version 2 of go-yaml. */
const kubernetes: { readonly options: DialectOptions; readonly rules: NodeRules } = {
  options: {
    version: "1.1",
    resolveKnownTags: false,
    customTags: (tags: Tags) => [
      ...tags.filter((tag) => typeof tag !== "string" && structuralTags.has(tag.tag)),
      nullTag,
      booleanTag,
      numberTag,
      integerTag,
    ],
  },
  rules: {
    key: keyOfManifest,
    scalar: () => undefined,
  },
};

/** Whole numbers are keys, by their digits, such as in the data of a ConfigMap. Kubernetes reads `on` as the key "true". */
function keyOfManifest({ value, source }: Scalar): { readonly text: string } | { readonly problem: string } {
  if (typeof value === "string") return { text: value };
  if ((typeof value === "number" || typeof value === "bigint") && source === String(value))
    return { text: source };
  if (typeof value === "boolean")
    return { problem: `the key ${source ?? value} is a boolean in YAML 1.1: put it in quotes` };
  return { problem: notString };
}

export const yamlDialects = { crictl, kubernetes } as const;
