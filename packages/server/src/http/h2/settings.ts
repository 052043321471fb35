import {
  ConnectionError,
  defaultMaxFrameBytes,
  ErrorCode,
  largestMaxFrameBytes,
  max31Bit,
  readUint32,
  writeUint32,
} from "./frame.js";
import { dynamicTableBytes } from "./hpack/decoder.js";
import type { Http2Options } from "./options.js";

/**
 * The SETTINGS payload (RFC 9113 §6.5.1): any number of
 *
 *    0        2                                   6
 *   +--------+--------+--------+--------+--------+--------+
 *   |    identifier   |               value               |
 *   +--------+--------+--------+--------+--------+--------+
 */
export const settingBytes = 6;

const SettingId = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** What we announce. What is left out keeps the protocol's default: a table of 4096 bytes, frames of 16 KiB. */
export function ownSettings(options: Http2Options, initialWindowBytes: number): Buffer {
  const settings: readonly (readonly [id: number, value: number])[] = [
    [SettingId.MAX_CONCURRENT_STREAMS, options.maxStreams],
    [SettingId.INITIAL_WINDOW_SIZE, initialWindowBytes],
    [SettingId.MAX_HEADER_LIST_SIZE, options.maxHeaderBytes],
  ];
  const payload = Buffer.alloc(settings.length * settingBytes);
  settings.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, at * settingBytes);
    writeUint32(payload, at * settingBytes + 2, value);
  });
  return payload;
}

/** The settings of the peer that change what we do. Undefined: not in this frame. */
export interface PeerSettings {
  readonly initialWindowBytes: number | undefined;
  readonly maxFrameBytes: number | undefined;
  /** The peer's header table fell below the default at some point of the frame. */
  readonly isTableReduced: boolean;
}

/**
 * Read the settings of one frame; later values of one identifier replace earlier ones. Only the last initial window
 * counts: a frame of 2,700 of them would otherwise walk over all streams 2,700 times.
 *
 * @throws ConnectionError when a value is not allowed (RFC 9113 §6.5.2).
 */
export function readSettings(bytes: Buffer, start: number, end: number): PeerSettings {
  let initialWindowBytes: number | undefined;
  let maxFrameBytes: number | undefined;
  let isTableReduced = false;
  for (let at = start; at < end; at += settingBytes) {
    const value = readUint32(bytes, at + 2);
    switch (bytes.readUInt16BE(at)) {
      case SettingId.HEADER_TABLE_SIZE:
        if (value < dynamicTableBytes) isTableReduced = true;
        break;
      case SettingId.ENABLE_PUSH:
        if (value > 1) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1");
        break;
      case SettingId.INITIAL_WINDOW_SIZE:
        if (value > max31Bit)
          throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE above 2^31-1");
        initialWindowBytes = value;
        break;
      case SettingId.MAX_FRAME_SIZE:
        if (value < defaultMaxFrameBytes || value > largestMaxFrameBytes) {
          throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `MAX_FRAME_SIZE ${value} is out of range`);
        }
        maxFrameBytes = value;
        break;
      default:
        // The others bind only those who push or keep tables, and unknown ones must be ignored (RFC 9113 §6.5.2).
        break;
    }
  }
  return { initialWindowBytes, maxFrameBytes, isTableReduced };
}
