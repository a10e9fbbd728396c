const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text that is HTML already. Only {@link html} makes it, so that everything else is escaped. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What a template of {@link html} may contain. Undefined and false are left out. */
export type HtmlValue = Html | string | number | false | undefined | readonly HtmlValue[];

/** Creates HTML from a template. Values are escaped, for the text of elements and for attributes in quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.map((part, index) => `${part}${rendered(values[index])}`).join(""));
}

function rendered(value: HtmlValue): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Html) return value.toString();
  if (typeof value === "object") return value.map(rendered).join("");
  // A control character other than white space has no meaning in HTML, and U+0000 not even as an entity.
  const text = String(value).replace(/[^\P{Cc}\t\n]/gu, "\uFFFD");
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
