import { createContextKey, createContextValues } from "@connectrpc/connect";
import type { RpcContextKey, RpcContextValues } from "./contract.js";
import type { Endpoint } from "./endpoint.js";

const endpointKey: RpcContextKey<Endpoint | undefined> = createContextKey<Endpoint | undefined>(undefined, {
  description: "cri-sdk: endpoint",
});

/** The endpoint that a call goes to, for interceptors: the URL of a request does not tell it for a socket file. */
export function endpointOf(values: RpcContextValues): Endpoint | undefined {
  return values.get(endpointKey);
}

/** A call's values with its endpoint beside them; the caller's own object stays as it is, since calls may share it. */
export function withEndpoint(values: RpcContextValues | undefined, endpoint: Endpoint): RpcContextValues {
  if (!values) return createContextValues().set(endpointKey, endpoint);
  const own = createContextValues().set(endpointKey, endpoint);
  const both: RpcContextValues = {
    get: (key) => (key.id === endpointKey.id ? own : values).get(key),
    set(key, value) {
      (key.id === endpointKey.id ? own : values).set(key, value);
      return both;
    },
    delete(key) {
      (key.id === endpointKey.id ? own : values).delete(key);
      return both;
    },
  };
  return both;
}
