// Runs typedoc: from door files to a site in HTML, and to the model that coverage.ts counts.
// Plain JavaScript, because typedoc's declarations need those of TypeScript 5, and this checkout is compiled by TypeScript 7.
import { readFileSync } from "node:fs";
import * as module from "node:module";
import { relative } from "node:path";

// typedoc imports "typescript" and needs its API, which TypeScript 7 does not have: it gets the oldest supported compiler instead.
const resolve = (specifier, context, next) =>
  next(specifier === "typescript" ? "typescript-oldest" : specifier, context);
// Node 20 has only hooks of another thread, and Node 26 warns of them.
if (module.registerHooks) module.registerHooks({ resolve });
else module.register(`data:text/javascript,${encodeURIComponent(`export const resolve = ${resolve};`)}`);
const { Application, Converter, JSX, LogLevel, Logger, PageEvent, TSConfigReader } = await import("typedoc");

/** Collects what typedoc reports, and prints nothing. */
class ProblemLog extends Logger {
  problems = [];

  log(message, level) {
    if (level >= LogLevel.Warn) this.problems.push(message);
  }

  /** Puts the place first, without colors. */
  addContext(message, _level, ...[place, file]) {
    if (!file) return message;
    const position = typeof place === "number" ? place : place?.getStart(file, false);
    if (position === undefined) return `${file.fileName}: ${message}`;
    const { line } = file.getLineAndCharacterOfPosition(position);
    return `${file.fileName}:${line + 1}: ${message}`;
  }
}

/** Documents are called after their first heading, and doors after what a program imports. */
function nameOf(document) {
  const text = document.content.map((part) => part.text).join("");
  return /^# (.+)$/m.exec(text)?.[1].replaceAll("`", "") ?? document.name;
}

/** The doors above every page: typedoc's own header has room for absolute addresses only. */
function doorLinks(context) {
  const doors = context.page.project.children.map((door) =>
    JSX.createElement("a", { href: context.urlTo(door) }, door.name.replace(/^cri-sdk\//, "")),
  );
  const start = JSX.createElement("a", { href: context.relativeURL("index.html") }, "Start");
  return JSX.createElement("nav", { class: "doors", "aria-label": "Entry points" }, start, doors);
}

/** Lets a comment link to each name of each door: TypeScript finds only what the file with the comment imports. */
function linkAcrossDoors(project) {
  const exported = (name) =>
    project.children
      .map((door) => door.getChildByName([name]))
      .find((found) => found && !found.isReference());
  for (const { comment } of Object.values(project.reflections))
    for (const part of [comment?.summary, ...(comment?.blockTags.map(({ content }) => content) ?? [])].flat())
      if (part?.kind === "inline-tag" && part.target === undefined) {
        const [name, ...members] = part.text.split(/[\s|]/)[0].split(".");
        const found = exported(name);
        const target = members.length > 0 ? found?.getChildByName(members) : found;
        if (target) part.target = target;
      }
}

/** Returns the file and line of each declaration, by its id. */
function placesOf(project, root) {
  const texts = new Map();
  const place = ({ fileName, pos }) => {
    if (!texts.has(fileName)) texts.set(fileName, readFileSync(fileName, "utf8"));
    const before = texts.get(fileName).slice(0, pos);
    return `${relative(root, fileName)}:${before.split("\n").length}`;
  };
  const symbols = Object.values(project.reflections).map(({ id }) => [
    id,
    project.getSymbolIdFromReflection({ id }),
  ]);
  return Object.fromEntries(
    symbols
      .filter(([, symbol]) => symbol?.fileName && Number.isFinite(symbol.pos))
      .map(([id, symbol]) => [id, place(symbol)]),
  );
}

/**
 * @param {import("./typedoc.mjs").GenerateOptions} options
 * @returns {Promise<import("./typedoc.mjs").Generated>}
 */
export async function generate({ root, doors, tsconfig, output, guides, notExported = [] }) {
  const app = await Application.bootstrapWithPlugins(
    {
      name: "cri-sdk",
      basePath: root,
      tsconfig,
      entryPoints: Object.values(doors),
      alwaysCreateEntryPointModule: true,
      sortEntryPoints: false,
      // `npm run check` checks types.
      skipErrorChecking: true,
      excludeExternals: true,
      excludePrivate: true,
      excludeInternal: true,
      disableSources: true,
      readme: guides?.start ?? "none",
      projectDocuments: guides?.pages ?? [],
      headings: { readme: false, document: false },
      navigation: { includeGroups: true, includeCategories: false, includeFolders: false },
      searchInComments: true,
      searchInDocuments: true,
      includeHierarchySummary: false,
      githubPages: false,
      hideGenerator: true,
      customCss: new URL("site.css", import.meta.url).pathname,
      highlightLanguages: ["typescript", "javascript", "json", "yaml", "shellscript", "console", "ini"],
      ignoredHighlightLanguages: ["text", "toml", "http"],
      lightHighlightTheme: "github-light-high-contrast",
      darkHighlightTheme: "github-dark-high-contrast",
      // Defaults are Markdown here, not code.
      jsDocCompatibility: { defaultTag: false },
      blockTags: [
        "@param",
        "@returns",
        "@throws",
        "@default",
        "@remarks",
        "@example",
        "@deprecated",
        "@see",
        "@generated",
      ],
      excludeTags: ["@generated"],
      modifierTags: ["@packageDocumentation", "@internal", "@inline", "@interface"],
      validation: {
        invalidLink: true,
        invalidPath: true,
        notExported: true,
        notDocumented: false,
        rewrittenLink: true,
        unusedMergeModuleWith: true,
      },
      intentionallyNotExported: notExported,
    },
    [new TSConfigReader()],
  );
  const log = new ProblemLog();
  app.logger = log;
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    document.name = nameOf(document);
    document.frontmatter.group = "Guides";
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    // In the order of the entry points.
    for (const [index, name] of Object.keys(doors).entries()) project.children[index].name = name;
    linkAcrossDoors(project);
  });
  app.renderer.hooks.on("body.begin", doorLinks);
  // typedoc links to the folder of the start page, which a browser lists when it reads the site from disk.
  app.renderer.on(PageEvent.END, (page) => {
    page.contents = page.contents.replaceAll(/(?<=<a href=")(?:\.\.\/)+(?=")/g, "$&index.html");
  });
  const project = await app.convert();
  if (!project) throw new Error(`typedoc: the doors cannot be read:\n${log.problems.join("\n")}`);
  app.validate(project);
  if (output) await app.generateDocs(project, output);
  const model = app.serializer.projectToObject(project, root);
  return { model, places: placesOf(project, root), problems: log.problems };
}
