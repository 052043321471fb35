import { parsePosition } from "@confab/contract";
import type { ChatMessage, MessageChange, ReactionView } from "../link.js";

/** A message as it is now, with what was done to it. */
export interface MessageView extends Omit<ChatMessage, "change"> {
  /** In the order in which each was first given; none of a deleted message. */
  readonly reactions: readonly ReactionView[];
}

/**
 * The messages of a room as they are now, from its entries: those that `messages({ changes: true })` gives, or pages of
 * `history({ changes: true })`.
 *
 * Messages that a view has seen already have no effect, and neither have changes of messages that it does not have. Messages that
 * are not changed stay the same objects.
 *
 * A page of `view()` may count more users for a reaction than it names, the first 100. Who is not named and takes the reaction
 * back is taken for one of those that were counted, and who is not named and gives it for a new one. So the count is right
 * unless one of them gives it twice, or takes back what they have not given; with 100 users or fewer it always is.
 *
 * @param entries in the order of the log. Changes come once each: one that came again would be applied again.
 * @param view what was folded of the entries before these. It is not changed.
 */
export function fold(entries: Iterable<ChatMessage>, view: readonly MessageView[] = []): readonly MessageView[] {
  const folded = [...view];
  for (const entry of entries) {
    const { change, ...message } = entry;
    if (change) applyChange(folded, entry, change);
    else if (offsetOf(entry.position) > offsetOf(folded.at(-1)?.position)) folded.push({ ...message, reactions: [] });
  }
  return folded;
}

function applyChange(folded: MessageView[], entry: ChatMessage, change: MessageChange): void {
  const place = placeOf(folded, offsetOf(change.target));
  const message = folded[place];
  if (!message || message.deleted) return;
  const changed = changedBy(message, entry, change);
  if (changed) folded[place] = changed;
}

function changedBy(message: MessageView, entry: ChatMessage, change: MessageChange): MessageView | undefined {
  const { text: _, payload: __, edited: ___, reactions, ...rest } = message;
  switch (change.kind) {
    case "edit": {
      // An edit that was erased says nothing.
      if (entry.deleted) return undefined;
      const { text, payload, user, position, sentAt } = entry;
      return { ...rest, text, ...(payload && { payload }), edited: { user, position, at: sentAt }, reactions };
    }
    case "deletion":
      return { ...rest, text: "", deleted: true, reactions: [] };
    case "reaction":
      return { ...message, reactions: reactedBy(reactions, entry.user, change) };
    case "unknown":
      return undefined;
  }
}

function reactedBy(
  reactions: readonly ReactionView[],
  user: string,
  { emoji, removed }: MessageChange & { readonly kind: "reaction" },
): readonly ReactionView[] {
  const known = reactions.find((each) => each.emoji === emoji);
  if (!known) return removed ? reactions : [...reactions, { emoji, count: 1, users: [user] }];
  const others = known.users.filter((each) => each !== user);
  const users = removed ? others : known.users.includes(user) ? known.users : [...others, user];
  const count = Math.max(users.length, known.count + (removed ? -1 : users.length - known.users.length));
  return reactions.flatMap((each) => (each !== known ? each : count === 0 ? [] : { emoji, count, users }));
}

/** Where the message with an offset stands; -1: it is not there. Messages stand in the order of their offsets. */
function placeOf(folded: readonly MessageView[], offset: number): number {
  let [low, high] = [0, folded.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsetOf(folded[middle]?.position) < offset) low = middle + 1;
    else high = middle;
  }
  return offsetOf(folded[low]?.position) === offset ? low : -1;
}

/** Epochs are not compared: after a restore the same log has another one, and its offsets stay. */
function offsetOf(position: string | undefined): number {
  return (position === undefined ? undefined : parsePosition(position))?.offset ?? 0;
}
