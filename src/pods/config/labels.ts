import { describe } from "../../core/index.js";
import { type Fields, readText, type TextRule } from "./fields.js";
import { annotationKey, labelKey, labelValue } from "./kubernetes-names.js";

interface Labelled {
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

type Texts = Record<string, string>;

/** A spec's labels, and those that the kubelet writes, by which others find the pod: a spec may not say something else there. */
export function readLabels(fields: Fields<Labelled>, written: Readonly<Texts>): Texts {
  const labels = readNamed(fields, "labels", labelKey, labelValue);
  for (const [key, value] of Object.entries(written)) {
    const given = labels[key];
    if (given !== undefined && given !== value)
      fields.report({
        path: `labels[${JSON.stringify(key)}]`,
        message: `is written by this package, and must be ${describe(value)} or left out, got ${describe(given)}`,
        value: given,
      });
  }
  return { ...labels, ...written };
}

export function readAnnotations(fields: Fields<Labelled>): Texts {
  return readNamed(fields, "annotations", annotationKey);
}

function readNamed(fields: Fields<Labelled>, field: keyof Labelled, name: TextRule, value?: TextRule): Texts {
  const read = fields.entries(field, (key, member, path) => {
    const wrong = name(key);
    if (wrong !== undefined) {
      fields.report({ path, message: `is named wrongly: the name ${wrong}`, value: key });
      return undefined;
    }
    return readText(member, path, fields.report, value);
  });
  return Object.fromEntries(read);
}
