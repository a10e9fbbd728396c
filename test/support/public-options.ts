// The parameters of the public functions that are objects of options, read from the declarations by the compiler.
import { join } from "node:path";
import ts from "typescript-oldest";
import { checkout } from "./checkout.js";

/** One option. */
export interface PublicOption {
  readonly name: string;
  readonly isRequired: boolean;
  readonly isNumber: boolean;
  /** The options of this option, if it is an object of options; undefined otherwise. */
  readonly nested: readonly PublicOption[] | undefined;
}

/** A parameter of a public function that is an object of this package's own types. */
export interface PublicParameter {
  /** `pods.run`: the class or interface with the method, or only the name of a function. */
  readonly id: string;
  readonly index: number;
  readonly typeName: string;
  readonly options: readonly PublicOption[];
}

/** A public function with parameters. */
export interface PublicFunction {
  /** As in {@link PublicParameter}. */
  readonly id: string;
  /** The name of the first argument. */
  readonly argument: string;
  /** Whether the first argument may be omitted. */
  readonly isOptional: boolean;
  /** The kinds of values that the first argument may be, in any overload. */
  readonly kinds: ReadonlySet<ValueKind>;
}

/** A kind of values, by which an argument that is valid is told from one that is not. */
export type ValueKind =
  | "string"
  | "number"
  | "bigint"
  | "boolean"
  | "function"
  | "array"
  | "bytes"
  | "object"
  | "anything";

const sources = join(checkout, "src");
const doors = [
  "index",
  "configs",
  "crictl",
  "kubelet",
  "kubernetes",
  "logs",
  "observe",
  "server",
  "streaming",
  "testing",
  "transport",
];

/** Returns the parameters of all functions and methods that callers of this package can call. */
export function publicParameters(): PublicParameter[] {
  return new Surface().parameters();
}

/** Returns all functions and methods that callers of this package can call with arguments. */
export function publicFunctions(): PublicFunction[] {
  return new Surface().functions();
}

class Surface {
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;
  readonly #found = new Map<string, PublicParameter>();
  readonly #functions = new Map<string, PublicFunction>();
  readonly #seen = new Set<ts.Symbol>();
  readonly #queue: ts.Symbol[] = [];

  constructor() {
    const config = ts.readConfigFile(join(checkout, "tsconfig.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, checkout);
    const files = doors.map((door) => join(sources, `${door}.ts`));
    this.#program = ts.createProgram(files, { ...options, noEmit: true, skipLibCheck: true });
    this.#checker = this.#program.getTypeChecker();
  }

  functions(): PublicFunction[] {
    this.parameters();
    return [...this.#functions.values()];
  }

  parameters(): PublicParameter[] {
    for (const door of doors) {
      const file = this.#program.getSourceFile(join(sources, `${door}.ts`));
      const module = file && this.#checker.getSymbolAtLocation(file);
      for (const exported of module ? this.#checker.getExportsOfModule(module) : []) {
        const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
        const symbol = isAlias ? this.#checker.getAliasedSymbol(exported) : exported;
        if (symbol.flags & ts.SymbolFlags.Value) this.#addValue(symbol);
        if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) this.#add(symbol);
        if (symbol.flags & ts.SymbolFlags.TypeAlias)
          this.#addType(this.#checker.getDeclaredTypeOfSymbol(symbol));
      }
    }
    for (let symbol = this.#queue.shift(); symbol; symbol = this.#queue.shift())
      this.#addMembers(symbol.name, this.#checker.getDeclaredTypeOfSymbol(symbol));
    return [...this.#found.values()];
  }

  /** Adds a function, and the functions that a class or a function has as properties. */
  #addValue(symbol: ts.Symbol): void {
    const type = this.#checker.getTypeOfSymbol(symbol);
    if (!isOurs(symbol) || this.#checker.isArrayType(type)) return;
    for (const signature of type.getCallSignatures()) this.#addSignature(symbol.name, signature);
    for (const signature of type.getConstructSignatures())
      this.#addSignature(`new ${symbol.name}`, signature);
    if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Function)) this.#addMembers(symbol.name, type);
    else this.#addType(type);
  }

  #add(symbol: ts.Symbol): void {
    if (this.#seen.has(symbol) || !isOurs(symbol)) return;
    this.#seen.add(symbol);
    this.#queue.push(symbol);
  }

  #addType(type: ts.Type): void {
    if (type.isUnionOrIntersection()) for (const part of type.types) this.#addType(part);
    else if (type.symbol && type.symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface))
      this.#add(type.symbol);
  }

  #addMembers(owner: string, type: ts.Type): void {
    for (const member of type.getProperties()) {
      const declaration = member.valueDeclaration ?? member.declarations?.[0];
      if (!declaration || member.name === "prototype" || isPrivate(declaration)) continue;
      const memberType = this.#checker.getNonNullableType(this.#checker.getTypeOfSymbol(member));
      for (const signature of memberType.getCallSignatures())
        this.#addSignature(`${owner}.${member.name}`, signature);
      this.#addType(memberType);
    }
  }

  #addSignature(id: string, signature: ts.Signature): void {
    const { declaration } = signature;
    // Those of Node and of JavaScript are inherited.
    if (!declaration?.getSourceFile().fileName.startsWith(`${sources}/`) || isPrivate(declaration)) return;
    const [first] = signature.getParameters();
    const declared = first?.valueDeclaration;
    if (declared && ts.isParameter(declared)) {
      const declaredType = this.#checker.getTypeOfSymbol(first);
      const isOptional =
        this.#checker.isOptionalParameter(declared) ||
        declared.dotDotDotToken !== undefined ||
        (declaredType.isUnion() && declaredType.types.some(({ flags }) => flags & ts.TypeFlags.Undefined));
      // Optional if one overload says so.
      const before = this.#functions.get(id);
      const type = this.#checker.getNonNullableType(declaredType);
      const kinds = new Set([...(before?.kinds ?? []), ...this.#kindsOf(type)]);
      const { name } = first;
      this.#functions.set(id, {
        id,
        argument: name,
        isOptional: isOptional || before?.isOptional === true,
        kinds,
      });
    }
    for (const [index, parameter] of signature.getParameters().entries()) {
      const type = this.#checker.getNonNullableType(this.#checker.getTypeOfSymbol(parameter));
      const object = this.#objectOf(type);
      if (object === undefined) continue;
      const typeName = this.#checker.typeToString(object);
      const options = this.#optionsOf(object, 0);
      const key = `${id} ${index}`;
      const before = this.#found.get(key);
      // Overloads differ in the types of single options.
      if (!before || before.options.length < options.length)
        this.#found.set(key, { id, index, typeName, options });
    }
    const result = signature.getReturnType();
    this.#addType(this.#checker.getAwaitedType(result) ?? result);
  }

  #kindsOf(type: ts.Type): ValueKind[] {
    if (type.isUnion()) return type.types.flatMap((part) => this.#kindsOf(part));
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return ["anything"];
    if (type.flags & ts.TypeFlags.StringLike) return ["string"];
    if (type.flags & ts.TypeFlags.NumberLike) return ["number"];
    if (type.flags & ts.TypeFlags.BigIntLike) return ["bigint"];
    if (type.flags & ts.TypeFlags.BooleanLike) return ["boolean"];
    if (type.flags & ts.TypeFlags.TypeParameter) {
      const constraint = this.#checker.getBaseConstraintOfType(type);
      return constraint ? this.#kindsOf(constraint) : ["anything"];
    }
    if (type.getCallSignatures().length > 0) return ["function"];
    if (["Uint8Array", "Buffer"].includes(type.symbol?.name ?? "")) return ["bytes"];
    if (this.#checker.isArrayLikeType(type)) return ["array"];
    return ["object"];
  }

  /** Returns the object type of this package in a type or a union; undefined if there is none. */
  #objectOf(type: ts.Type): ts.Type | undefined {
    if (type.isUnion()) {
      const objects = type.types.flatMap((part) => this.#objectOf(part) ?? []);
      // Of a transport or options with one, the options.
      return (
        objects.find((one) => one.getProperties().some(({ flags }) => flags & ts.SymbolFlags.Optional)) ??
        objects[0]
      );
    }
    if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) return undefined;
    if (type.getCallSignatures().length > 0 || this.#checker.isArrayLikeType(type)) return undefined;
    if (type.symbol && type.symbol.flags & ts.SymbolFlags.Class) return undefined;
    const properties = type.getProperties();
    return properties.length > 0 && properties.every(isOurs) ? type : undefined;
  }

  #optionsOf(type: ts.Type, depth: number): PublicOption[] {
    return type.getProperties().map((property) => {
      const given = this.#checker.getTypeOfSymbol(property);
      const propertyType = this.#checker.getNonNullableType(given);
      const object = depth < 3 && !propertyType.isUnion() ? this.#objectOf(propertyType) : undefined;
      return {
        name: property.name,
        isRequired: (property.flags & ts.SymbolFlags.Optional) === 0 && given === propertyType,
        isNumber: (propertyType.flags & ts.TypeFlags.NumberLike) !== 0,
        nested: object && this.#optionsOf(object, depth + 1),
      };
    });
  }
}

/** Reports whether a type or property is declared in `src/`, and not generated or Node's. */
function isOurs(symbol: ts.Symbol): boolean {
  const file = (symbol.valueDeclaration ?? symbol.declarations?.[0])?.getSourceFile().fileName;
  return file?.startsWith(`${sources}/`) === true;
}

function isPrivate(declaration: ts.Node): boolean {
  if (!ts.isClassElement(declaration)) return false;
  const flags = ts.getCombinedModifierFlags(declaration);
  const isHidden = declaration.name !== undefined && ts.isPrivateIdentifier(declaration.name);
  return isHidden || (flags & ts.ModifierFlags.Private) !== 0;
}
