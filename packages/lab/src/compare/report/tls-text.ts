import type { TlsFacts } from "../measure/tls-facts.js";

/** What was agreed on, as half a sentence. */
export function tlsText({ version, cipher, keyExchange, keyType, certificateBytes }: TlsFacts): string {
  return `${version}, ${cipher}, keys by ${keyExchange}, a certificate of ${certificateBytes} B without a chain (${keyType}); no session is resumed`;
}
