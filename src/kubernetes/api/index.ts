export type * from "./container.js";
export type * from "./event.js";
export type * from "./node.js";
export type * from "./objects.js";
export type * from "./pod.js";
export type * from "./security.js";
export type * from "./status.js";
export type * from "./volumes.js";
