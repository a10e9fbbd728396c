// Any message of a schema, for property tests.
import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import fc from "fast-check";

/** Any message; every field may be unset. Values of variables are UTF-8, as crictl's dialect demands. */
export function anyMessage<Desc extends DescMessage>(schema: Desc): fc.Arbitrary<MessageShape<Desc>> {
  const fields = schema.fields.map((field) => fc.option(fieldValues(field), { nil: undefined }));
  return fc.tuple(...fields).map((values) => {
    const message = create(schema);
    const target = reflect(schema, message);
    for (const [index, value] of values.entries()) {
      const field = schema.fields[index];
      if (field && value !== undefined) set(target, field, value);
    }
    return message;
  });
}

function set(target: ReflectMessage, field: DescField, value: unknown): void {
  const wrap = (item: unknown) => (field.message ? reflect(field.message, item as Message) : item);
  if (field.fieldKind === "list") for (const item of value as unknown[]) target.get(field).add(wrap(item));
  else if (field.fieldKind === "map")
    for (const [key, item] of value as [string, unknown][]) target.get(field).set(key, wrap(item));
  else target.set(field, wrap(value));
}

function fieldValues(field: DescField): fc.Arbitrary<unknown> {
  if (field.fieldKind === "list") return fc.array(single(field), { maxLength: 3 });
  if (field.fieldKind === "map")
    return fc.array(
      fc.tuple(
        text().filter((key) => key !== "__proto__"),
        single(field),
      ),
      { maxLength: 3 },
    );
  return single(field);
}

function single(field: DescField): fc.Arbitrary<unknown> {
  if (field.message) return anyMessage(field.message);
  if (field.enum) return fc.constantFrom(...field.enum.values.map(({ number }) => number));
  return scalars[field.scalar ?? ScalarType.STRING] ?? text();
}

/** Text that YAML might take for something else is among it. */
function text(): fc.Arbitrary<string> {
  const traps = [
    "yes",
    "null",
    "~",
    "0755",
    "1e3",
    "- a",
    "a: b",
    "#",
    "\t",
    "\n",
    "<<",
    "toString",
    "{",
    "'",
    '"',
  ];
  return fc.oneof(fc.string({ unit: "binary", maxLength: 12 }), fc.constantFrom(...traps));
}

const scalars: Partial<Record<ScalarType, fc.Arbitrary<unknown>>> = {
  [ScalarType.STRING]: text(),
  [ScalarType.BYTES]: text().map((value) => new TextEncoder().encode(value)),
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.DOUBLE]: fc.double(),
  [ScalarType.INT32]: fc.integer(),
  [ScalarType.UINT32]: fc.nat(2 ** 32 - 1),
  [ScalarType.INT64]: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  [ScalarType.UINT64]: fc.bigInt(0n, 2n ** 64n - 1n),
};
