import type { Interceptor, Transport } from "@connectrpc/connect";

export type { Interceptor, Transport };
