export {
  LogRotation,
  type LogRotationOptions,
  type LogRotationParts,
  logRotationTable,
} from "./log-rotation.js";
