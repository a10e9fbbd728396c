import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { fromGoJson, toGoJson } from "../../src/crictl/index.js";
import { isCriError } from "../../src/index.js";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../src/v1.js";

interface Recorded {
  readonly pod: { readonly info: string; readonly sent: unknown };
  readonly container: { readonly info: string; readonly sent: unknown };
}

const at = ["config"];

for (const release of ["1.6", "1.7", "2.1"])
  test(`containerd ${release} reports the configs of a pod and a container as they were sent`, () => {
    const path = join(import.meta.dirname, "recorded", `containerd-${release}.json`);
    const { pod, container } = JSON.parse(readFileSync(path, "utf8")) as Recorded;
    const reported = fromGoJson(PodSandboxConfigSchema, pod.info, { at });
    const sent = fromGoJson(PodSandboxConfigSchema, pod.sent);
    // containerd 2.1 adds a sysctl, by its default configuration.
    if (release === "2.1") delete reported.linux?.sysctls["net.ipv4.ping_group_range"];
    assert.deepEqual(reported, sent);
    assert.equal(reported.linux?.securityContext?.supplementalGroups[1], 4294967294n);
    const reportedContainer = fromGoJson(ContainerConfigSchema, container.info, { at });
    const sentContainer = fromGoJson(ContainerConfigSchema, container.sent);
    // containerd 1.6 does not know this field.
    if (release === "1.6" && sentContainer.image) sentContainer.image.userSpecifiedImage = "";
    assert.deepEqual(reportedContainer, sentContainer);
    assert.equal(
      new TextDecoder().decode(reportedContainer.envs[1]?.value),
      'ümlaut "quoted" <tag> = & \u{1f600}',
    );
  });

function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isCriError(error) && error.reason === "invalid_file") return error.rawMessage;
    throw error;
  }
  throw new Error("the JSON was accepted");
}

test("text keeps all digits of numbers, and a parsed number that may have lost digits is refused", () => {
  const text = '{"linux": {"resources": {"memory_limit_in_bytes": 9007199254740993}}}';
  assert.equal(
    fromGoJson(PodSandboxConfigSchema, text).linux?.resources?.memoryLimitInBytes,
    9007199254740993n,
  );
  assert.match(
    refused(() => fromGoJson(PodSandboxConfigSchema, JSON.parse(text))),
    /may have lost digits/,
  );
});

test("keys and enum values of a newer CRI are refused or ignored, and values that are not messages are refused", () => {
  const newer = { hostname: "a", later: 1, port_mappings: [{ protocol: 9 }] };
  assert.match(
    refused(() => fromGoJson(PodSandboxConfigSchema, newer)),
    /later: .*protocol: must be one of/,
  );
  const read = fromGoJson(PodSandboxConfigSchema, newer, { unknownKeys: "ignore" });
  assert.deepEqual([read.hostname, read.portMappings[0]?.protocol], ["a", 9]);
  assert.match(
    refused(() => fromGoJson(PodSandboxConfigSchema, "{", {})),
    /JSON/,
  );
  assert.match(
    refused(() => fromGoJson(PodSandboxConfigSchema, "{}", { at })),
    /config: is missing/,
  );
  assert.match(
    refused(() => fromGoJson(PodSandboxConfigSchema, '{"config": 1}', { at })),
    /config: must be a map/,
  );
});

test("toGoJson refuses an environment variable that is not UTF-8", () => {
  const config = create(ContainerConfigSchema, { envs: [{ key: "A", value: new Uint8Array([0xff]) }] });
  assert.throws(() => toGoJson(ContainerConfigSchema, config), { reason: "invalid_request" });
});
