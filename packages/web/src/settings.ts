import type { WebTransportName } from "@confab/client";

/** What the visitor chose: where to listen, how, and as whom. */
export interface Settings {
  readonly transport: WebTransportName;
  readonly room: string;
  readonly user: string;
}

const transports: readonly WebTransportName[] = [
  "websocket-proto",
  "websocket-json",
  "websocket-plain",
  "connect",
  "grpc-web",
  "sse",
];

/** The settings of the address bar, then those of the last visit, then defaults. */
export function initialSettings(search: string, storage: Storage): Settings {
  const given = new URLSearchParams(search);
  const value = (name: keyof Settings) => given.get(name) ?? stored(storage, name);
  return {
    transport: transportNamed(value("transport") ?? "") ?? "websocket-proto",
    room: value("room") || "lobby",
    user: value("user") || `guest-${Math.floor(1_000 + Math.random() * 9_000)}`,
  };
}

/** Keep settings for the next visit, and in the address bar so that the page can be shared. The name is not shared. */
export function rememberSettings({ transport, room, user }: Settings, storage: Storage): void {
  try {
    for (const [name, value] of Object.entries({ transport, room, user })) storage.setItem(`confab.${name}`, value);
  } catch {
    // A browser may forbid it; then the next visit begins with the defaults.
  }
  history.replaceState(null, "", `?${new URLSearchParams({ room, transport })}`);
}

export function transportNamed(name: string): WebTransportName | undefined {
  return transports.find((transport) => transport === name);
}

function stored(storage: Storage, name: string): string | null {
  try {
    return storage.getItem(`confab.${name}`);
  } catch {
    // As above.
    return null;
  }
}
