/** What a frame is (RFC 6455 §5.2, §11.8). Bit 3 marks a control frame. */
export const opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export type Opcode = (typeof opcode)[keyof typeof opcode];

/** The most a control frame may carry (RFC 6455 §5.5), in bytes: it must fit the short form of the length. */
export const maxControlPayloadBytes = 125;
