import type { Messages } from "./messages.js";

/** The servers for Node that are measured. */
export const nodeServers = ["cri-sdk", "connect-node", "grpc-js"] as const;
export type ServerName = (typeof nodeServers)[number];

/** Listens on a socket file. */
export type StartServer = (path: string, messages: Messages) => Promise<unknown>;
