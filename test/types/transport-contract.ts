// Compiled, never run: our copies of Connect's types and Connect's own must be assignable in both directions.
import type { Interceptor, Transport } from "@connectrpc/connect";
import type { RpcInterceptor, RpcTransport } from "../../src/transport/contract.js";

declare const ourTransport: RpcTransport;
declare const theirTransport: Transport;
declare const ourInterceptor: RpcInterceptor;
declare const theirInterceptor: Interceptor;

export const transportToThem: Transport = ourTransport;
export const transportToUs: RpcTransport = theirTransport;
export const interceptorToThem: Interceptor = ourInterceptor;
export const interceptorToUs: RpcInterceptor = theirInterceptor;
