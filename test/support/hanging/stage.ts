import { type Container, type Cri, connect, type Pod } from "../../../src/index.js";
import type { PodSubject } from "../pod-cases/subject.js";

/** A runtime whose daemon can be stopped as by `kill -STOP`: it keeps its connections and accepts new ones, but never answers. */
export interface HangingSubject extends Pick<PodSubject, "image" | "commands" | "logRoot"> {
  readonly endpoint: string;
  hang(): void;
  resume(): void;
}

/** A client, and one of everything that it can have open, from the time before the daemon hangs. */
export type Stage = Awaited<ReturnType<typeof openStage>>;

let stages = 0;

/** Opens a stage with a pod of its own. Disposing it removes everything of its owner, also what was created in the meantime. */
export async function openStage(subject: HangingSubject) {
  const { endpoint, image, commands } = subject;
  const owner = `hanging-${process.pid}-${stages++}`;
  const pods = { owner, logRoot: `${subject.logRoot}/${owner}` };
  const cri: Cri = await connect(endpoint, { pods });
  // Its requests may be empty: they are never answered.
  const exact: Cri = connect.lazy(endpoint, { preflight: false });
  await cri.images.ensure(image);
  const main = { name: "main", image, command: commands.run, logPath: false } as const;
  const container: Container = await cri.pods.runContainer({ name: owner }, main);
  const pod: Pod = container.pod;
  const { id } = container;
  const session = await cri.exec(id, commands.cat, { stdin: true });
  const attach = await cri.attach(id);
  const killable = await cri.exec(id, commands.cat, { stdin: true, killOnClose: true }).catch(() => session);
  for (const { stdout, stderr } of [session, killable, attach])
    for (const one of [stdout, stderr]) one?.resume();
  const forward = pod.portForward();
  const listener = await pod.portForward().listen(80, { port: 0 });
  // `cri.logs` looks up the path first.
  const reader = cri.logs(id, { follow: true });
  const watch = await cri.watchNode();
  return {
    ...{
      subject,
      endpoint,
      cri,
      exact,
      pod,
      container,
      session,
      attach,
      killable,
      forward,
      listener,
      reader,
      watch,
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([session, attach, killable].map((one) => one.close().catch(() => undefined)));
      await Promise.all([listener.close(), forward.close(), watch.close(), reader.close()]);
      await Promise.all([cri.close(), exact.close()]);
      await using cleaner = await connect(endpoint, { pods });
      for (const one of await cleaner.pods.list({ owner })) await one.remove();
    },
  };
}
