import type { OutgoingBatch } from "./link.js";

/** A batch whose messages all have an idempotency key. */
export function withIds(batch: OutgoingBatch): OutgoingBatch {
  return { ...batch, messages: batch.messages.map((message) => ({ ...message, id: message.id ?? newMessageId() })) };
}

/** A message or a change that has an idempotency key. */
export function withId<Sent extends { readonly id?: string | undefined }>(sent: Sent): Sent & { readonly id: string } {
  return { ...sent, id: sent.id ?? newMessageId() };
}

/**
 * A new idempotency key: 128 random bits in hexadecimal.
 *
 * Made here and not by the server, so that a send can be repeated when its answer was lost. Not `randomUUID`, which pages
 * that came over plain HTTP do not have.
 */
export function newMessageId(): string {
  const bytes = new Uint8Array(16);
  // React Native lacks `crypto`. An id has to be unique and not secret, so any random numbers will do there.
  if (globalThis.crypto?.getRandomValues) globalThis.crypto.getRandomValues(bytes);
  else for (let at = 0; at < bytes.length; at++) bytes[at] = Math.random() * 256;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
