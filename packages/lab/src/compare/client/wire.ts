/** Bytes that a client's connections carried, by what they were. */
export interface ByteParts {
  /** Bodies: messages as the codec made them, or as it was given them. */
  readonly bodyBytesIn: number;
  readonly bodyBytesOut: number;
  /** HTTP heads, header fields and trailers. */
  readonly headBytesIn: number;
  readonly headBytesOut: number;
  /** Everything in both directions, before it became records of TLS. What a relay counted beyond it is TLS. */
  readonly clearBytes: number;
}

export interface ReaderEvents {
  /** The server said that a room is being read; called once for each of them. */
  ready(): void;
  messages(ids: readonly string[]): void;
  failed(reason: string): void;
}

export interface ReaderOptions extends ReaderEvents {
  readonly port: number;
  /** Read on as few connections as the transport allows. */
  readonly rooms: readonly string[];
  /** Begin with this many of the newest messages. */
  readonly history: number;
}

/** Reads its rooms until it is closed. */
export interface Reader extends ByteParts {
  close(): void;
}

export interface SenderEvents {
  /** One send was acknowledged; never called by a transport that acknowledges nothing. */
  acknowledged(): void;
  failed(reason: string): void;
}

export interface SenderOptions extends SenderEvents {
  readonly port: number;
  readonly room: string;
  /** Send messages as gzip. */
  readonly isCompressed: boolean;
}

/** Sends messages to one room, over one connection or as many as its transport needs. */
export interface Sender extends ByteParts {
  /** Whether sends are acknowledged. */
  readonly acknowledges: boolean;
  /** How many connections it has. */
  readonly connections: number;
  /** Resolves when sends leave at once. */
  open(): Promise<void>;
  send(id: string): void;
  close(): void;
}

/** A transport as the measuring clients speak it. */
export interface ClientWire {
  openReader(options: ReaderOptions): Reader;
  createSender(options: SenderOptions): Sender;
}

/** No message or body is longer; the server's own limit is below. */
export const maxBodyBytes = 8 * 1024 * 1024;

/** Several connections as one reader. */
export function combinedReader(readers: readonly Reader[]): Reader {
  const sum = (part: keyof ByteParts): number => readers.reduce((total, reader) => total + reader[part], 0);
  return {
    get bodyBytesIn() {
      return sum("bodyBytesIn");
    },
    get bodyBytesOut() {
      return sum("bodyBytesOut");
    },
    get headBytesIn() {
      return sum("headBytesIn");
    },
    get headBytesOut() {
      return sum("headBytesOut");
    },
    get clearBytes() {
      return sum("clearBytes");
    },
    close() {
      for (const reader of readers) reader.close();
    },
  };
}
