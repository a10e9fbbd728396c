export { EventFeed } from "./feed.js";
export { EventHints, type HintListening } from "./hints.js";
