/** One command at a streaming URL: it sends (`down`) or takes (`up`) that many bytes. The response is the cost of the client. */
export interface TransferOrder {
  readonly url: string;
  readonly way: Way;
  readonly bytes: number;
  /** Whether a command that takes bytes has an output as well. */
  readonly hasOutput?: boolean;
}

export type Way = "down" | "up";

/** The clients for Node that run a command, by direction. */
export const execClients = {
  down: ["cri-sdk, for await", "cri-sdk, piped", "bare socket"],
  up: ["cri-sdk", "bare socket"],
} as const satisfies Record<Way, readonly string[]>;

export type ExecClient = (typeof execClients)[Way][number];
