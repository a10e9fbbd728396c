// Any message survives its way into a recording and back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { file_runtime_v1_api } from "../../../gen/runtime/v1/api_pb.js";
import { messageOfText, messageText } from "../../../src/testing/recording/message-text.js";
import { anyMessage } from "../../support/arbitrary-messages.js";
import { SeededRandom } from "../../support/random.js";

test("any request or response becomes JSON and the same message again", (t) => {
  const { seed } = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${seed}`);
  const schemas = file_runtime_v1_api.services.flatMap(({ methods }) =>
    methods.flatMap(({ input, output }) => [input, output]),
  );
  for (const schema of schemas)
    fc.assert(
      fc.property(anyMessage(schema), (message) => {
        const { json, bytes } = JSON.parse(JSON.stringify(messageText(schema, message)));
        const again = messageOfText(schema, { json, bytes });
        // NaN and lone surrogates are not equal to themselves.
        assert.deepEqual(toBinary(schema, again), toBinary(schema, message));
      }),
      { seed, numRuns: 20 },
    );
});
