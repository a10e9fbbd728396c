/** The servers that are measured. */
export const serverNames = ["cri-sdk", "connect-node", "grpc-js"] as const;
export type ServerName = (typeof serverNames)[number];

/** Listens on a socket file. */
export type StartServer = (path: string) => Promise<unknown>;
