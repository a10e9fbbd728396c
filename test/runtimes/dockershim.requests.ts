// Random requests of all RPCs: valid ones, valid ones with wrong fields, and arbitrary ones. None of them can harm the machine: no host
// namespaces, no privileges, only paths in a folder of the test, and only short commands.
import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { SeededRandom } from "../support/random.js";

/** What requests may refer to. */
export interface World {
  readonly folder: string;
  readonly cgroupParent: string;
  /** References to images, of which some exist. */
  readonly images: readonly [string, ...string[]];
  /** Ids of sandboxes and containers, also of foreign ones. */
  readonly ids: () => readonly string[];
}

export class RandomRequests {
  readonly #random: SeededRandom;
  readonly #special: Readonly<Record<string, () => unknown>>;

  constructor(random: SeededRandom, world: World) {
    this.#random = random;
    this.#special = specialFields(random, world);
  }

  /** Returns a request that begins as `valid`, in which a random share of the fields is replaced. */
  next(schema: DescMessage, valid: Record<string, unknown> = {}): Message {
    const message = create(schema, valid);
    this.#fill(reflect(schema, message), this.#random.of(0, 0.03, 0.03, 0.2, 0.8));
    return message;
  }

  #fill(target: ReflectMessage, share: number): void {
    for (const field of target.fields) {
      if (this.#random.next() < share) this.#set(target, field, share);
      else if (field.fieldKind === "message" && target.isSet(field)) this.#fill(target.get(field), share);
    }
  }

  #set(target: ReflectMessage, field: DescField, share: number): void {
    const value = () => this.#value(field, share);
    const repeat = this.#random.below(4);
    target.clear(field);
    if (field.fieldKind === "list") for (let left = repeat; left > 0; left--) target.get(field).add(value());
    else if (field.fieldKind === "map")
      for (let left = repeat; left > 0; left--) target.get(field).set(this.#text(field), value());
    else target.set(field, value());
  }

  #value(field: DescField, share: number): unknown {
    // IDMapping.container_id is a number.
    const special = field.scalar === ScalarType.UINT32 ? undefined : this.#special[field.name];
    if (field.message) {
      const message = reflect(field.message, create(field.message));
      this.#fill(message, Math.max(share, 0.3));
      return message;
    }
    if (special) return special();
    if (field.enum) return this.#random.of(99, ...field.enum.values.map(({ number }) => number));
    return this.#scalar(field.scalar ?? ScalarType.STRING);
  }

  #text({ name }: DescField): string {
    const random = this.#random;
    if (name === "sysctls")
      return random.of("net.ipv4.ip_forward", "kernel.shmmax", "kernel.panic", "none", "../x");
    if (name === "labels")
      return random.of("cri-sdk.dockershim.kind", "cri-sdk.dockershim.config", "__proto__", "a");
    return random.of(...texts);
  }

  #scalar(type: ScalarType): unknown {
    const random = this.#random;
    switch (type) {
      case ScalarType.STRING:
        return random.of(...texts);
      case ScalarType.BYTES:
        return random.bytes(random.below(9));
      case ScalarType.BOOL:
        return random.below(2) === 0;
      case ScalarType.DOUBLE:
        return random.of(0, -1, 1e308, Number.NaN);
      case ScalarType.INT64:
        return random.of(0n, 1n, -1n, 1001n, 2n ** 31n, 2n ** 63n - 1n, -(2n ** 63n));
      case ScalarType.UINT64:
        return random.of(0n, 1n, 1001n, 2n ** 64n - 1n);
      default:
        return random.of(
          0,
          1,
          ...(type === ScalarType.UINT32 ? [2 ** 32 - 1] : [-1, 2 ** 31 - 1, -(2 ** 31)]),
        );
    }
  }
}

const texts = [
  ...[
    "",
    "a",
    "web",
    "../..",
    "/",
    "a/b",
    "a b",
    "a\nb",
    "\0",
    "{",
    '"',
    "'",
    "%s",
    "=",
    ":",
    "_",
    "-",
    "<none>",
  ],
  ...["__proto__", "toString", "NODE", "none", "container:x", "ü", "🦀", "x".repeat(300), "x".repeat(70_000)],
] as [string, ...string[]];

/** Returns what the fields may be that could do harm, or that have to fit to something. */
function specialFields(random: SeededRandom, world: World): Readonly<Record<string, () => unknown>> {
  const { folder, cgroupParent, images } = world;
  const hex = (length: number) => random.bytes(length).toString("hex").slice(0, length);
  const id = () => {
    const known = world.ids();
    const real = known[random.below(known.length)] ?? "";
    return random.of(
      real,
      real,
      real,
      real,
      real.slice(0, 12),
      real.slice(0, 4),
      hex(64),
      hex(5),
      "",
      "k8s_POD_a",
      "/",
    );
  };
  const path = () =>
    random.of(`${folder}/a`, `${folder}/b/c`, `${folder}/a/../d`, "/dev/null", "relative", "", "\0");
  const words = () => random.of("true", "false", "sleep", "1", "none", "", "\0", "/etc/passwd", "ü");
  const profile = () =>
    random.of("", "runtime/default", "unconfined", `localhost/${folder}/none.json`, "wrong");
  const namespace = () => random.of(0, 1, 3, 99);
  return {
    ...{ id, container_id: id, pod_sandbox_id: id, target_id: id },
    ...{ host_path: path, checkpoint_path: path, output_path: path, location: path, localhost_ref: path },
    container_path: () =>
      random.of("/a", "/a/b", "relative", "", "/", "/proc", "/dev/null", "/etc/resolv.conf", "/../a"),
    log_directory: () => random.of("", `${folder}/logs`, `${folder}/logs/../other`, "relative", "/dev/null"),
    log_path: () => random.of("", "0.log", "a/0.log", "../0.log", "/", "x".repeat(300)),
    ...{ command: words, args: words, cmd: words },
    ...{ seccomp_profile_path: profile, apparmor_profile: profile },
    privileged: () => false,
    ...{ network: namespace, pid: namespace, ipc: namespace },
    cgroup_parent: () => random.of(`${cgroupParent}/fuzz`, `${cgroupParent}/fuzz`, "", "\0"),
    image: () =>
      random.of(...images, "", "UPPER", "a:b:c", "sha256:00", "localhost:1/none:1", `${hex(12)}@sha256:0`),
    host_port: () => random.of(0, -1, 70_000, 42_000 + random.below(1_000)),
    host_ip: () => random.of("", "127.0.0.1", "::1", "wrong"),
    timeout: () => random.of(0n, 1n, 2n, -1n),
    runtime_handler: () => random.of("", "runc", "none", "__proto__", "/bin/true"),
    memory_limit_in_bytes: () => random.of(0n, -1n, 1n, 2n ** 26n, 2n ** 63n - 1n),
    // A quota of a few percent would make every start wait.
    cpu_quota: () => random.of(0n, -1n, 1n, 50_000n, 2n ** 63n - 1n),
    cpuset_cpus: () => random.of("", "0", "0-1", "99", "wrong"),
    oom_score_adj: () => random.of(0n, 1000n, 1001n, -1000n, 2n ** 63n - 1n),
  };
}
