/**
 * CRI v1 as generated: every message type, its schema for `create` and the like, the enums, and the two services.
 *
 * @packageDocumentation
 */
export * from "../gen/runtime/v1/api_pb.js";
