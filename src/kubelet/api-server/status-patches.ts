import { patchTypes } from "./api-client.js";
import type { ApiContext } from "./api-context.js";
import { ApiServerError } from "./api-error.js";

/** How an API server refuses a list or an object in a field that it does not know. */
const unknownField = /unable to find api field in struct \w+ for the json field "(\w+)"/;

/**
 * Sends strategic merge patches of statuses. An API server ignores values that it does not know, but refuses patches with lists and objects
 * in fields that it does not know, since these are newer than it: they are left out then, and in later patches.
 */
export class StatusPatches {
  readonly #client: Pick<ApiContext["client"], "request">;
  readonly #unknown = new Set<string>();

  constructor({ client }: { readonly client: Pick<ApiContext["client"], "request"> }) {
    this.#client = client;
  }

  /** Rejects with an {@link ApiServerError}, or as the signal demands. */
  async send<T>(
    path: string,
    body: { readonly metadata?: object; readonly status: object },
    { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs?: number | undefined },
  ): Promise<T> {
    for (;;)
      try {
        const status = Object.entries(body.status).filter(([name]) => !this.#unknown.has(name));
        return await this.#client.request<T>("PATCH", `${path}/status`, {
          body: { ...body, status: Object.fromEntries(status) },
          contentType: patchTypes.strategic,
          ...{ signal, timeoutMs },
        });
      } catch (error) {
        const name = error instanceof ApiServerError ? unknownField.exec(error.rawMessage)?.[1] : undefined;
        if (name === undefined || this.#unknown.has(name)) throw error;
        this.#unknown.add(name);
      }
  }
}
