import { errorCode, Http2Error } from "./errors.js";
import { max31Bits, maxMaxFrameBytes, minMaxFrameBytes, setting } from "./frames.js";

/** The values of a SETTINGS frame that have an effect. */
export interface PeerSettings {
  headerTableSize?: number;
  maxConcurrentStreams?: number;
  initialWindowSize?: number;
  maxFrameSize?: number;
}

/** Reads the payload of a SETTINGS frame; the last value of an identifier counts. Throws {@link Http2Error} for invalid values. */
export function readSettings(payload: Buffer, fromServer: boolean): PeerSettings {
  if (payload.length % 6 !== 0) throw new Http2Error(errorCode.frameSizeError, "SETTINGS of an odd size");
  const settings: PeerSettings = {};
  for (let at = 0; at < payload.length; at += 6) {
    const value = payload.readUInt32BE(at + 2);
    switch (payload.readUInt16BE(at)) {
      case setting.headerTableSize:
        settings.headerTableSize = value;
        break;
      case setting.enablePush:
        if (value > 1 || (value === 1 && fromServer))
          throw new Http2Error(errorCode.protocolError, `SETTINGS_ENABLE_PUSH is ${value}`);
        break;
      case setting.maxConcurrentStreams:
        settings.maxConcurrentStreams = value;
        break;
      case setting.initialWindowSize:
        if (value > max31Bits)
          throw new Http2Error(errorCode.flowControlError, `SETTINGS_INITIAL_WINDOW_SIZE is ${value}`);
        settings.initialWindowSize = value;
        break;
      case setting.maxFrameSize:
        if (value < minMaxFrameBytes || value > maxMaxFrameBytes)
          throw new Http2Error(errorCode.protocolError, `SETTINGS_MAX_FRAME_SIZE is ${value}`);
        settings.maxFrameSize = value;
        break;
    }
  }
  return settings;
}
