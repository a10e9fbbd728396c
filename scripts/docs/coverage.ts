// Counts the public members of each door that have a doc comment, in typedoc's model. CONTRIBUTING.md says what counts.

/** A declaration or signature in typedoc's model: the properties that matter here. */
export interface Reflection {
  readonly id: number;
  readonly name: string;
  readonly kind: number;
  readonly comment?: Comment;
  readonly children?: readonly Reflection[];
  readonly signatures?: readonly Reflection[];
  readonly indexSignatures?: readonly Reflection[];
  readonly parameters?: readonly Reflection[];
  readonly getSignature?: Reflection;
  readonly setSignature?: Reflection;
  /** Its type, with the declarations that are written in it. */
  readonly type?: unknown;
  /** Where an inherited member is declared. `target` is a number if the site has a page with that declaration. */
  readonly inheritedFrom?: { readonly target?: unknown };
}

interface Comment {
  readonly summary: readonly { readonly text: string }[];
  readonly blockTags?: readonly unknown[];
}

/** typedoc's numbers for kinds of declarations. */
const kinds = { module: 2, variable: 32, constructor: 512, accessor: 262_144, reference: 4_194_304 } as const;

/** How many public members of a door have a doc comment. */
export interface DoorCoverage {
  readonly door: string;
  readonly members: number;
  /** The members without a comment, in the order of the model. */
  readonly undocumented: readonly Member[];
}

/** Returns the coverage of each door, in the order of the model. */
export function coverage(project: Reflection): DoorCoverage[] {
  const doors = (project.children ?? []).filter(({ kind }) => kind === kinds.module);
  return doors.map((door) => {
    const members: Member[] = [];
    add(door, door.name, isDocumented(door), members);
    for (const child of door.children ?? []) count(child, child.name, members);
    const undocumented = members.filter(({ isDocumented }) => !isDocumented);
    return { door: door.name, members: members.length, undocumented };
  });
}

/** A public member. */
export interface Member {
  /** Its id in the model. */
  readonly id: number;
  /** Its name in the door, such as `Kubelet.pods`. */
  readonly path: string;
  readonly isDocumented: boolean;
  /** The file and line of its declaration, where they are known. */
  readonly place?: string | undefined;
}

function add({ id }: Reflection, path: string, isDocumented: boolean, found: Member[]): void {
  found.push({ id, path, isDocumented });
}

/** Adds a declaration and its members to `found`. */
function count(declaration: Reflection, path: string, found: Member[]): void {
  if (isCountedElsewhere(declaration) || isLiteral(declaration.type) || isPlainConstructor(declaration))
    return;
  const { signatures = [], indexSignatures = [], getSignature, setSignature } = declaration;
  const called = declaration.kind === kinds.accessor ? [] : signatures;
  // An overload has a comment of its own.
  if (called.length > 0) for (const signature of called) add(signature, path, isDocumented(signature), found);
  else add(declaration, path, [declaration, getSignature, setSignature].some(isDocumented), found);
  for (const signature of indexSignatures) add(signature, `${path}.[key]`, isDocumented(signature), found);
  if (declaration.kind === kinds.variable) countConstants(declaration, path, found);
  else countWithin(declaration, path, found);
}

/** Whether the door that exports it first counts a declaration, or the type that declares it. */
function isCountedElsewhere({ kind, inheritedFrom }: Reflection): boolean {
  return kind === kinds.reference || typeof inheritedFrom?.target === "number";
}

/** Whether a constructor takes no arguments: the comment of the class says what it does. */
function isPlainConstructor({ kind, signatures = [] }: Reflection): boolean {
  return kind === kinds.constructor && signatures.every(({ parameters = [] }) => parameters.length === 0);
}

/** Whether a type has one value only: the literal of `kind: "pod"`, or undefined. */
function isLiteral(type: unknown): boolean {
  const { type: kind, name } = (type ?? {}) as { readonly type?: string; readonly name?: string };
  return kind === "literal" || (kind === "intrinsic" && name === "undefined");
}

/** Adds the strings and numbers in a constant, which are like the members of an enum. Objects in it describe themselves. */
function countConstants({ type }: Reflection, path: string, found: Member[]): void {
  const { declaration } = (type ?? {}) as { readonly declaration?: Reflection };
  for (const child of declaration?.children ?? [])
    if (isLiteral(child.type)) add(child, `${path}.${child.name}`, isDocumented(child), found);
}

/** Adds the members of a declaration, and those that are written in its types. */
function countWithin(declaration: Reflection, path: string, found: Member[]): void {
  for (const child of declaration.children ?? []) count(child, `${path}.${child.name}`, found);
  const { signatures = [], indexSignatures = [], getSignature, setSignature } = declaration;
  for (const signature of [...signatures, ...indexSignatures, getSignature, setSignature])
    if (signature) countInType(signature.type, path, found);
  countInType(declaration.type, path, found);
}

/** Adds the members of the type literals in a type, however deep. */
function countInType(type: unknown, path: string, found: Member[]): void {
  if (typeof type !== "object" || type === null) return;
  for (const [key, value] of Object.entries(type))
    if (key === "declaration") countWithin(value as Reflection, path, found);
    // What a conditional type compares has no members of its own.
    else if (key !== "checkType" && key !== "extendsType") countInType(value, path, found);
}

function isDocumented(declaration: Reflection | undefined): boolean {
  const { summary = [], blockTags = [] } = declaration?.comment ?? {};
  return (
    summary.some(({ text }) => text.trim() !== "") || blockTags.length > 0 || ofCallable(declaration?.type)
  );
}

/** Whether a type is a function with a comment: typedoc moves the comment of an alias there. */
function ofCallable(type: unknown): boolean {
  const { declaration } = (type ?? {}) as { readonly declaration?: Reflection };
  return (declaration?.signatures ?? []).some(isDocumented);
}
