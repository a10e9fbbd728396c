// Checks the links of a folder of HTML pages: that each leads to a page and a place on it, and that viewing a page sends no request to
// another host.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Returns one sentence for each link that is broken, and for each request to another host. */
export function brokenLinks(folder: string): string[] {
  const site = new Site(folder);
  return site
    .files(".html")
    .flatMap((page) => site.problemsOf(page))
    .concat(site.requestsOfStyles());
}

/** An attribute of an element that refers to something. */
interface Reference {
  readonly element: string;
  readonly target: string;
}

class Site {
  readonly #folder: string;
  readonly #anchors = new Map<string, ReadonlySet<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  files(extension: string): string[] {
    const names = readdirSync(this.#folder, { recursive: true, encoding: "utf8" });
    return names.filter((name) => name.endsWith(extension)).sort();
  }

  problemsOf(page: string): string[] {
    const problems = referencesOf(this.#read(page)).map((reference) => this.#problem(page, reference));
    return [...new Set(problems.filter((problem) => problem !== undefined))];
  }

  requestsOfStyles(): string[] {
    const external = /url\(\s*["']?(?:https?:)?\/\/[^)]*|@import[^;]*/g;
    return this.files(".css").flatMap((file) =>
      [...this.#read(file).matchAll(external)].map(([text]) => `${file}: requests ${text} from another host`),
    );
  }

  #problem(page: string, { element, target }: Reference): string | undefined {
    if (/^(?:[a-z]+:)?\/\//i.test(target))
      return element === "a" ? undefined : `${page}: <${element}> requests ${target} from another host`;
    if (/^(?:data|mailto):/.test(target)) return undefined;
    const [path = "", anchor = ""] = target.split("#").map(decodeURIComponent);
    const file = path === "" ? page : relative(".", join(dirname(page), path.replace(/\?.*$/, "")));
    if (!existsSync(join(this.#folder, file)) || statSync(join(this.#folder, file)).isDirectory())
      return `${page}: the link ${target} leads to no file`;
    if (anchor === "" || !file.endsWith(".html") || this.#anchorsOf(file).has(anchor)) return undefined;
    return `${page}: the link ${target} leads to no place on its page`;
  }

  #anchorsOf(page: string): ReadonlySet<string> {
    const known = this.#anchors.get(page);
    if (known) return known;
    const ids = [...this.#read(page).matchAll(/\sid="([^"]*)"/g)].map(([, id = ""]) => decoded(id));
    const anchors = new Set(ids);
    this.#anchors.set(page, anchors);
    return anchors;
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), "utf8");
  }
}

function referencesOf(html: string): Reference[] {
  const elements = html.matchAll(/<([a-z]+)\s[^<>]*?\b(?:href|src)="([^"]*)"/g);
  return [...elements].map(([, element = "", target = ""]) => ({ element, target: decoded(target) }));
}

function decoded(attribute: string): string {
  const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return attribute.replace(/&(?:(amp|lt|gt|quot)|#x([0-9a-f]+)|#(\d+));/gi, (_, name, hex, decimal) =>
    name ? (named[name] ?? "") : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
  );
}
