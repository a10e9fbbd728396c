// Host ports: listeners on the host's loopback interface that forward to the ports of pods.
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, isIP, type Server, type Socket } from "node:net";
import { type PodSandboxConfig, type PortMapping, Protocol } from "../../../gen/runtime/v1/api_pb.js";
import type { Driver, DriverPod } from "./driver.js";
import type { ErrorFactory, RefusalPlace } from "./errors.js";
import { joinConnections, type Traffic } from "./stream-copy.js";
import { enumName } from "./words.js";

/** A checked mapping with a host port. */
interface HostPort {
  readonly ip: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
  readonly path: string;
}

/** Something that forwards a port of the host. */
interface Forwarder {
  listen(host: string, port: number): Promise<void>;
  close(): Promise<void>;
}

/** The open host ports of one pod. */
export interface OpenHostPorts {
  close(): Promise<void>;
}

/** Opens the host ports of pods, and makes sure that no two pods get the same one. */
export class HostPorts {
  readonly #driver: Driver;
  readonly #errors: ErrorFactory;
  /** The addresses and ports that are in use. */
  readonly #taken = new Set<string>();
  readonly #open = new Set<OpenHostPorts>();

  constructor(driver: Driver, errors: ErrorFactory) {
    this.#driver = driver;
    this.#errors = errors;
  }

  /** Throws `invalid_request` for a mapping that is not possible. */
  check(config: PodSandboxConfig, sandboxId: string): readonly HostPort[] {
    return config.portMappings.flatMap((mapping, index) => {
      const path = `config.port_mappings[${index}]`;
      return mapping.hostPort === 0 ? [] : [this.#check(mapping, path, sandboxId)];
    });
  }

  /**
   * Listens on host ports, on 127.0.0.1 where the mapping has no `host_ip`. Rejects with `runtime_error` when one is not available, after
   * closing the others.
   */
  async open(ports: readonly HostPort[], pod: DriverPod, traffic: Traffic): Promise<OpenHostPorts> {
    const forwards: Forwarder[] = [];
    const keys: string[] = [];
    const close = async () => {
      await Promise.all(forwards.map((forward) => forward.close()));
      for (const key of keys) this.#taken.delete(key);
      this.#open.delete(opened);
    };
    const opened: OpenHostPorts = { close };
    this.#open.add(opened);
    try {
      for (const port of ports) {
        const { ip, hostPort, protocol } = port;
        const key = `${protocol} ${ip} ${hostPort}`;
        if (this.#taken.has(key)) throw this.#unavailable(port, pod, "address already in use");
        this.#taken.add(key);
        keys.push(key);
        const forward = this.#forwarder(port, pod, traffic);
        await forward.listen(ip, hostPort).catch((error) => {
          throw this.#unavailable(port, pod, reasonOf(error));
        });
        // A process of the host has the port itself: it listens on all addresses of the host, and could not if this listener stayed.
        if (this.#driver.sharesHostPorts && hostPort === port.containerPort) await forward.close();
        else forwards.push(forward);
      }
      return opened;
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** Closes the host ports of all pods. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((ports) => ports.close()));
  }

  #forwarder({ ip, containerPort, protocol }: HostPort, pod: DriverPod, traffic: Traffic): Forwarder {
    if (protocol === "tcp") return new Forward(() => this.#driver.connect(pod, containerPort), traffic);
    // Functions of a test have no UDP ports: their datagrams are dropped, as those to a pod that does not listen.
    const target = this.#driver.sharesHostPorts ? (pod.ip ?? "127.0.0.1") : undefined;
    return new DatagramForward(ip, target, containerPort);
  }

  #check({ protocol, hostPort, containerPort, hostIp }: PortMapping, path: string, id: string): HostPort {
    const refuse = (field: string, message: string, value: unknown): never => {
      throw this.#errors.refused(message, { step: "network", path: `${path}.${field}`, value, id });
    };
    if (protocol !== Protocol.TCP && protocol !== Protocol.UDP) {
      const name = enumName(Protocol, protocol);
      refuse("protocol", `only TCP and UDP ports of the host can be forwarded, got ${name}`, name);
    }
    if (!isPort(hostPort)) refuse("host_port", `Invalid host port number: ${hostPort}`, hostPort);
    if (!isPort(containerPort))
      refuse("container_port", `Invalid container port number: ${containerPort}`, containerPort);
    if (hostIp !== "" && isIP(hostIp) === 0) refuse("host_ip", `Invalid host IP address: ${hostIp}`, hostIp);
    // Every address of the host would let other machines in, and nothing is isolated here.
    const ip = ["", "0.0.0.0"].includes(hostIp) ? "127.0.0.1" : hostIp === "::" ? "::1" : hostIp;
    return { ip, hostPort, containerPort, path, protocol: protocol === Protocol.UDP ? "udp" : "tcp" };
  }

  #unavailable({ ip, hostPort, path, protocol }: HostPort, { id, hostname }: DriverPod, why: string): Error {
    const address = ip.includes(":") ? `[${ip}]` : ip;
    const text = `cannot open hostport ${hostPort} for pod ${hostname}: listen ${protocol} ${address}:${hostPort}: bind: ${why}`;
    const place: RefusalPlace = { step: "network", path: `${path}.host_port`, value: hostPort, id };
    return this.#errors.portNotOpened(text, place);
  }
}

function isPort(port: number): boolean {
  return port > 0 && port < 65_536;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
};

function reasonOf(error: NodeJS.ErrnoException): string {
  return reasons[error.code ?? ""] ?? error.message;
}

/** A listener whose connections are joined with connections to a pod. */
class Forward implements Forwarder {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(connect: () => ReturnType<Driver["connect"]>, traffic: Traffic) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
      connect().then(
        async (toPod) => {
          socket.on("close", () => toPod.destroy());
          await joinConnections(socket, toPod, traffic);
        },
        // Where nothing listens in the pod, a client sees a reset, as its connection was accepted already.
        () => socket.resetAndDestroy(),
      );
    });
    // A runtime that is not closed must not keep the process alive.
    this.#server.unref();
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}

/** How long answers are awaited after the last datagram of a client. */
const idleMs = 60_000;

/** A UDP port whose datagrams are sent to a pod, with a socket for each client so that answers find it. */
class DatagramForward implements Forwarder {
  readonly #server: UdpSocket;
  readonly #clients = new Map<string, { readonly socket: UdpSocket; readonly timer: NodeJS.Timeout }>();

  /** Without a target, datagrams are dropped. */
  constructor(ip: string, target: string | undefined, port: number) {
    this.#server = createSocket(ip.includes(":") ? "udp6" : "udp4");
    this.#server.on("message", (message, { address, port: from }) => {
      if (target !== undefined) this.#client(`${address} ${from}`, address, from).send(message, port, target);
    });
    // A runtime that is not closed must not keep the process alive.
    this.#server.unref();
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.bind({ address: host, port, exclusive: true }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", () => undefined);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    for (const key of this.#clients.keys()) this.#forget(key);
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #client(key: string, address: string, port: number): UdpSocket {
    const known = this.#clients.get(key);
    if (known) {
      known.timer.refresh();
      return known.socket;
    }
    const socket = createSocket("udp4").unref();
    // A port without a listener is not a failure: datagrams may be lost.
    socket.on("error", () => undefined);
    socket.on("message", (message) => this.#server.send(message, port, address));
    this.#clients.set(key, { socket, timer: setTimeout(() => this.#forget(key), idleMs).unref() });
    return socket;
  }

  #forget(key: string): void {
    const client = this.#clients.get(key);
    this.#clients.delete(key);
    clearTimeout(client?.timer);
    client?.socket.close();
  }
}
