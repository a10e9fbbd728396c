// The manifests of examples/manifests that need no isolation, with processes of this host.

import { dirname } from "node:path";
import { after, before } from "node:test";
import { type Cri, connect } from "../../../src/index.js";
import { EmbeddedRuntime } from "../../../src/testing/index.js";
import { imagePrograms, sampleImage } from "../../support/docs/on-embedded.js";
import { manifestCases } from "../../support/manifests/manifests.cases.js";

let runtime: EmbeddedRuntime;
let cri: Cri;
before(async () => {
  const path = [imagePrograms, dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"];
  runtime = await EmbeddedRuntime.start({
    images: [{ names: [sampleImage], env: { PATH: path.join(":") }, cmd: ["sh"] }],
  });
  cri = connect.through(runtime);
});
after(async () => {
  await cri.close();
  await runtime.close();
});
manifestCases(() => ({ cri, image: sampleImage }), { isolated: false });
