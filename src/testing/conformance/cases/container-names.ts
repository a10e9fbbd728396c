import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";

/** The metadata of a container as its name in its sandbox. */
export const containerNameCases = casesOf("container", {
  "same-name-makes-no-second-one": {
    title: "creating the same name and attempt again makes no second container",
    rule: "Name and attempt of ContainerMetadata are unique in a sandbox: CreateContainer makes no second one.",
    async run(context) {
      const first = await context.create(context.commands.run);
      const metadata = { name: first.name, attempt: 0 };
      // containerd refuses, and CRI-O answers with the id that there is.
      await context.create(context.commands.run, { metadata }).catch(() => undefined);
      const filter = { labelSelector: { "io.kubernetes.container.name": first.name } };
      const { containers } = await context.runtime.listContainers({ filter });
      assert.deepEqual(
        containers.map(({ id }) => id),
        [first.id],
      );
    },
  },
  "next-attempt-is-another-one": {
    title: "a container is restarted as the next attempt, beside the exited one",
    rule: "ContainerMetadata.attempt is part of the name: CreateContainer with a raised one makes another container.",
    async run(context) {
      const first = await context.start(context.commands.exit(3));
      await first.exited();
      const metadata = { name: first.name, attempt: 1 };
      const second = await context.start(context.commands.run, { metadata });
      assert.notEqual(second.id, first.id);
      assert.equal((await first.status()).exitCode, 3);
      assert.equal((await second.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "name-is-free-after-removal": {
    title: "the name of a removed container can be used again, for another id",
    rule: "RemoveContainer gives back the container's metadata; ids are never used again.",
    async run(context) {
      const first = await context.create(context.commands.run);
      await context.runtime.removeContainer({ containerId: first.id });
      const second = await context.create(context.commands.run, { metadata: { name: first.name } });
      assert.notEqual(second.id, first.id);
    },
  },
  "same-name-in-two-pods": {
    title: "two pods can have containers of one name",
    rule: "CreateContainer: ContainerMetadata must be unique in its sandbox only.",
    async run(context) {
      const [one, other] = await Promise.all([context.sharedPod(), context.pod()]);
      const metadata = { name: context.name() };
      const first = await one.create(context.commands.run, { metadata });
      const second = await other.create(context.commands.run, { metadata });
      assert.notEqual(second.id, first.id);
      assert.equal((await second.status()).metadata?.name, metadata.name);
    },
  },
});
