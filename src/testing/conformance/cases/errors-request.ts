import assert from "node:assert/strict";
import { RuntimeService } from "../../../../gen/runtime/v1/api_pb.js";
import { isError } from "../../../core/index.js";
import { casesOf } from "../case.js";
import { rejected } from "../rejection.js";

const { exec, attach, runPodSandbox, version } = RuntimeService.method;

/** Invalid requests. */
export const requestErrorCases = casesOf("errors", {
  "exec-without-streams": {
    title: "Exec without a stream is refused",
    rule: "One of ExecRequest.stdin, stdout and stderr must be true, or the call fails with InvalidArgument.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const request = { containerId: id, cmd: [...context.commands.exit(0)] };
      await rejected(context.send(exec, request), "invalid_argument");
    },
  },
  "exec-with-tty-and-stderr": {
    title: "Exec with a terminal and standard error is refused",
    rule: "ExecRequest.stderr must be false with tty, which has one output, or the call fails with InvalidArgument.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const cmd = [...context.commands.exit(0)];
      const request = { containerId: id, cmd, tty: true, stdout: true, stderr: true };
      await rejected(context.send(exec, request), "invalid_argument");
    },
  },
  "attach-without-streams": {
    title: "Attach without a stream is refused",
    rule: "One of AttachRequest.stdin, stdout and stderr must be true, or the call fails with InvalidArgument.",
    async run(context) {
      const { id } = await context.sharedContainer();
      await rejected(context.send(attach, { containerId: id }), "invalid_argument");
    },
  },
  "attach-with-tty-and-stderr": {
    title: "Attach with a terminal and standard error is refused",
    rule: "AttachRequest.stderr must be false with tty, or the call fails.",
    async run(context) {
      const { id } = await context.start(context.commands.run, { tty: true });
      await rejected(context.send(attach, { containerId: id, tty: true, stdout: true, stderr: true }));
    },
  },
  "run-without-a-config": {
    title: "RunPodSandbox without a config, or without metadata, is refused",
    rule: "RunPodSandboxRequest.config and its metadata are required.",
    async run(context) {
      await rejected(context.send(runPodSandbox, {}));
      await rejected(context.send(runPodSandbox, { config: { labels: { of: context.name() } } }));
    },
  },
  "status-of-an-empty-id": {
    title: "an empty id is an error",
    rule: "PodSandboxStatusRequest.pod_sandbox_id and ContainerStatusRequest.container_id are required.",
    async run(context) {
      await context.sharedContainer();
      await rejected(context.runtime.podSandboxStatus({ podSandboxId: "" }));
      await rejected(context.runtime.containerStatus({ containerId: "" }));
    },
  },
  "status-of-an-ambiguous-id": {
    title: "an ambiguous prefix is an error",
    rule: "ContainerStatus with an ambiguous prefix fails, and ListContainers returns nothing.",
    async run(context) {
      // Of seventeen ids, at least two share their first hex digit.
      const made = await Promise.all(Array.from({ length: 17 }, () => context.create(context.commands.run)));
      const digits = made.map(({ id }) => id.slice(0, 1));
      const twice = digits.find((digit, index) => digits.indexOf(digit) !== index) ?? "";
      assert.notEqual(twice, "");
      await rejected(context.runtime.containerStatus({ containerId: twice }));
      const { containers } = await context.runtime.listContainers({ filter: { id: twice } });
      assert.deepEqual(containers, []);
    },
  },
  "names-are-not-ids": {
    title: "a sandbox and a container are not found by their names",
    rule: "ContainerStatus finds a container by its id or a prefix of that, never by its name or its sandbox's id.",
    async run(context) {
      const { name, podId } = await context.sharedContainer();
      await rejected(context.runtime.containerStatus({ containerId: name }), "not_found");
      await rejected(context.runtime.containerStatus({ containerId: podId }), "not_found");
    },
  },
  "image-status-without-a-name": {
    title: "ImageStatus without an image is an error",
    rule: "ImageStatusRequest.image is required.",
    async run({ image }) {
      await rejected(image.imageStatus({}));
    },
  },
  "create-without-the-image-here": {
    title: "a container of an image that is not on the node cannot be created, and nothing is pulled",
    rule: "CreateContainer pulls no image: ContainerConfig.image must be on the node.",
    async run(context) {
      const other = await context.otherImage();
      const failing = context.create(context.commands.run, {
        image: { image: other, userSpecifiedImage: other },
      });
      await rejected(failing);
      const { image } = await context.image.imageStatus({ image: { image: other } });
      assert.equal(image, undefined);
    },
  },
  "failed-create-leaves-nothing": {
    title: "a failed CreateContainer leaves no container and no reserved name",
    rule: "A failed CreateContainer leaves no container, and reserves no name.",
    async run(context) {
      const metadata = { name: context.name() };
      const { missing } = context.images;
      const image = { image: missing, userSpecifiedImage: missing };
      await rejected(context.create(context.commands.run, { metadata, image }));
      const { containers } = await context.runtime.listContainers();
      assert.ok(!containers.some((one) => one.metadata?.name === metadata.name));
      await context.create(context.commands.run, { metadata });
    },
  },
  "create-for-an-unknown-user": {
    title: "a user that the image does not have is refused",
    rule: "CreateContainer: LinuxContainerSecurityContext.run_as_username must be a user of the image.",
    async run(context) {
      const linux = { securityContext: { runAsUsername: "no-such-user" } };
      const container = await context
        .create(context.commands.run, { linux })
        .catch((error: unknown) => error);
      if (isError(container)) await rejected(Promise.reject(container));
      else assert.fail("the container was created");
    },
  },
  "unknown-method": {
    title: "an unknown RPC is unimplemented",
    rule: "A method that runtime.v1.RuntimeService does not contain (it contains Version, for example) fails with Unimplemented.",
    async run(context) {
      const method = { ...version, name: "NoSuchMethod", localName: "noSuchMethod" };
      await rejected(context.send(method, {}), "unimplemented");
      await context.runtime.version();
    },
  },
  "unknown-service": {
    title: "an unknown service is unimplemented",
    rule: "Version of a service that is not served at the endpoint fails with Unimplemented.",
    async run(context) {
      const parent = { ...RuntimeService, typeName: "runtime.v0.RuntimeService" };
      await rejected(context.send({ ...version, parent }, {}), "unimplemented");
      await context.runtime.version();
    },
  },
  "errors-have-a-text": {
    title: "an error has a message",
    rule: "An error, such as the one of ContainerStatus for an unknown container_id, has a message that is not empty.",
    async run(context) {
      const id = "0123456789abcdef".repeat(4);
      const error = await rejected(context.runtime.containerStatus({ containerId: id }), "not_found");
      assert.match(error.rawMessage, /\S/);
    },
  },
});
