// Recordings of the calls to a runtime, and their replay without one.
export { type RecordingOptions, type RecordingTransport, recording } from "./recording.js";
export type { Replay } from "./replayer.js";
export { type ReplayOptions, replaying } from "./replaying.js";
