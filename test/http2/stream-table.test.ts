import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Stream } from "../../src/http2/stream.js";
import { StreamTable } from "../../src/http2/stream-table.js";

const streamOf = (id: number) => ({ id }) as Stream;

test("a table finds, lists and removes streams as a Map does", () => {
  const step = fc.record({ skip: fc.nat(5), remove: fc.option(fc.nat()) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = new StreamTable();
      const expected = new Map<number, Stream>();
      let id = 1;
      for (const { skip, remove } of steps) {
        const stream = streamOf(id);
        table.add(stream);
        expected.set(id, stream);
        id += 2 + 2 * skip;
        if (remove === null) continue;
        const gone = [...expected.keys()][remove % expected.size] ?? 0;
        table.delete(gone);
        expected.delete(gone);
        // A second time, and an id that never was.
        table.delete(gone);
        table.delete(id);
        assert.equal(table.get(gone), undefined);
      }
      assert.equal(table.size, expected.size);
      assert.deepEqual(table.list(), [...expected.values()]);
      for (const [known, stream] of expected) assert.equal(table.get(known), stream);
      assert.equal(table.get(id), undefined);
    }),
  );
});

test("a table holds many streams that live long, and many after them", () => {
  const table = new StreamTable();
  for (let id = 1; id <= 20_001; id += 2) table.add(streamOf(id));
  for (let id = 20_003; id <= 400_001; id += 2) {
    table.add(streamOf(id));
    assert.equal(table.get(id)?.id, id);
    table.delete(id);
  }
  assert.equal(table.size, 10_001);
  assert.equal(table.get(20_001)?.id, 20_001);
});
