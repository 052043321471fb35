// The mutants of `npm run mutate`: small mistakes that a test must notice. Each replaces a text that stands once in its file.

/**
 * One mistake.
 *
 * @typedef {object} Mutant
 * @property {string} name what is wrong then
 * @property {string} file from the root
 * @property {string} find stands once in the file
 * @property {string} replace
 * @property {readonly string[]} [also] words in the paths of whole-system tests that guard it, beside all tests of its package
 */

const server = "packages/server/src";
const embedded = `${server}/engines/embedded`;
const redis = `${server}/engines/redis`;
const h2 = `${server}/http/h2`;
const rpc = `${server}/transports/rpc`;
const socket = `${server}/transports/websocket/protocol`;
const contract = "packages/contract/src";
const client = "packages/client/src";

/** By area: changes, erasing, durability, release, expiry, order, framing, resume, errors. @type {Readonly<Record<string, readonly Mutant[]>>} */
export const mutants = {
  changes: [
    {
      name: "the text of an edit outlives its message",
      file: `${server}/core/changing.ts`,
      find: 'if (change.kind === "edit") await eraseOrphan',
      replace: 'if (change.kind === "reaction") await eraseOrphan',
    },
    {
      name: "an edit that comes while its message is deleted is not looked for",
      file: `${server}/core/changing.ts`,
      find: "  await eraseEdits(scanned, target, seen);\n",
      replace: "",
    },
    {
      name: "a change that is repeated after its message was deleted is refused",
      file: `${server}/core/changing.ts`,
      find: "const before = refusal && (await storedBefore(scanned, page, entry));",
      replace: "const before = undefined;",
    },
    {
      name: "the id of a message is taken for that of its edit",
      file: `${server}/core/hub.ts`,
      find: "change ? keyOfChange(user, change, id) : ",
      replace: "",
    },
    {
      name: "a subscription counts changes as messages",
      file: `${server}/core/newest-messages.ts`,
      find: "page.run.passing(filter) : page.run.messages;",
      replace: "page.run.passing(filter) : page.run;",
    },
    {
      name: "a room is taken for one without changes after one has come",
      file: `${server}/core/room.ts`,
      find: "if (messages !== run) this.plainFrom = run.last + 1;",
      replace: "",
    },
    {
      name: "a reader that passes changes over is not told that it has moved",
      file: `${server}/core/catch-up.ts`,
      find: "  sink.passed?.();\n",
      replace: "",
    },
    {
      name: "a page of history ends where it has passed many changes over",
      file: `${server}/core/history.ts`,
      find: "if (this.hasPassed) return this.beginScan();",
      replace: "if (this.hasPassed) this.isComplete = true;",
    },
    {
      name: "a folded page has changes from after its newest position",
      file: `${server}/core/folding.ts`,
      find: "const run = page.run.slice(page.run.first, newest);",
      replace: "const { run } = page;",
    },
    {
      name: "what is left of an erased edit is a message",
      file: `${server}/core/tombstone.ts`,
      find: ", deleted: true, change }",
      replace: ", deleted: true }",
    },
    {
      name: "users edit the messages of others with the permission to send",
      file: `${server}/service/operations/changes.ts`,
      find: "owner === user ||",
      replace: 'owner !== "" ||',
    },
    {
      name: "a client takes offsets that are missing among changes for changes",
      file: `${client}/sdk/room-reading.ts`,
      find: "stepFrom(from, next, !this.options.changes)",
      replace: "stepFrom(from, next, true)",
    },
  ],
  erasing: [
    {
      name: "a scrub leaves old bytes in leaf pages",
      file: `${embedded}/log-scrub.ts`,
      find: "void table.put(beside, mark);",
      replace: "",
    },
    {
      name: "a scrub fills one free page",
      file: `${embedded}/log-scrub.ts`,
      find: "if (isWhole && pages.free <= freedLast + freedBefore) return;",
      replace: "if (filled > 0) return;",
    },
    {
      name: "a scrub leaves the write-ahead log",
      file: `${embedded}/wal/wal-files.ts`,
      find: "await this.writeLarge([zeros.subarray(0, Math.min(wipedBytes, end - at))], at);",
      replace: "",
    },
    {
      name: "texts are removed before other things are put",
      file: `${embedded}/change-list.ts`,
      find: "[...changes.puts, ...changes.removals, ...changes.lastRemovals]",
      replace: "[...changes.lastRemovals, ...changes.removals, ...changes.puts]",
    },
    {
      name: "an erased text stays in the tail of the fan-out",
      file: `${server}/core/room.ts`,
      find: "this.forget();",
      replace: "",
    },
  ],
  durability: [
    {
      name: "acknowledge before the flush",
      file: `${embedded}/group-commit.ts`,
      find: "await this.flush(write);",
      replace: "void this.flush(write);",
    },
    {
      name: "memory kept after an unconfirmed flush",
      file: `${embedded}/group-commit.ts`,
      find: "      rooms.forget();\n",
      replace: "",
    },
    {
      name: "a failed commit counts as a success",
      file: `${embedded}/group-commit.ts`,
      find: "if (failure.isOutcomeKnown) throw await disk.errorFrom(failure);",
      replace: "if (failure.isOutcomeKnown) return;",
    },
    {
      name: "a refused group is never answered",
      file: `${embedded}/group-commit.ts`,
      find: "for (const each of [...group, ...writes, ...erasures]) each.reject(thrown);",
      replace: "",
    },
    {
      name: "sends wait without a bound",
      file: `${embedded}/group-commit.ts`,
      find: "this.pendingEntries + entries.length > maxPendingSends ||",
      replace: "",
    },
    {
      name: "the bytes of sends that were written are never given back",
      file: `${embedded}/group-commit.ts`,
      find: "this.pendingBytes -= send?.bytes ?? 0;",
      replace: "",
    },
    {
      name: "a server whose folder was taken over acknowledges on",
      file: `${embedded}/transactions.ts`,
      find: "    if (isOwner) return;\n",
      replace: "    if (isOwner || true) return;\n",
    },
    {
      name: "a log of a newer format is opened",
      file: `${embedded}/open-store.ts`,
      find: "if (format <= formatVersion) return epoch;",
      replace: "return epoch;",
    },
  ],
  expiry: [
    {
      name: "embedded ids are never removed",
      file: `${embedded}/drop-below.ts`,
      find: "void table.remove(below);",
      replace: "void below;",
    },
    {
      name: "embedded ids are removed a window early",
      file: `${embedded}/dedupe-index.ts`,
      find: "return !next || next.startMs + this.windowMs > nowMs;",
      replace: "return !next || next.startMs > nowMs;",
    },
    {
      name: "the id of an older bucket is not found",
      file: `${embedded}/dedupe-index.ts`,
      find: "at >= 0; at--) {",
      replace: "at >= this.buckets.length - 1; at--) {",
    },
    {
      name: "Redis dedupe buckets never expire",
      file: `${redis}/scripts/append.ts`,
      find: "if isExtended then call('PEXPIRE', bucket, text(2 * windowMs)) end",
      replace: "",
      also: ["redis/"],
    },
    {
      name: "retention by count keeps one too few",
      file: `${embedded}/retention.ts`,
      find: "record.newest - record.oldest + 1 > maxMessages",
      replace: "record.newest - record.oldest + 1 >= maxMessages",
    },
    {
      name: "retention drops the newest message too",
      file: `${embedded}/retention.ts`,
      find: "const last = Math.min(storedNewest, record.newest - 1);",
      replace: "const last = storedNewest;",
    },
    {
      name: "retention by age drops nothing",
      file: `${embedded}/retention.ts`,
      find: "+ maxAgeMs <= nowMs;",
      replace: "+ maxAgeMs <= 0;",
    },
    {
      name: "signal rates are never refilled",
      file: `${server}/core/signal-rates.ts`,
      find: "bucket.tokens + (elapsedMs * perSecond) / 1_000",
      replace: "bucket.tokens",
    },
    {
      name: "signal senders are never forgotten",
      file: `${server}/core/signal-rates.ts`,
      find: "    this.forget(nowMs);\n",
      replace: "",
    },
  ],
  release: [
    {
      name: "Redis UNSUBSCRIBE is never sent",
      file: `${redis}/subscriber.ts`,
      find: "    this.channels?.unsubscribe(channel);\n",
      replace: "",
      also: ["redis/"],
    },
    {
      name: "Cluster readers are not told that their channel moved",
      file: `${redis}/subscriber.ts`,
      find: "if (this.wanted.delete(channel)) this.deps.moved(channel);",
      replace: "this.wanted.delete(channel);",
      also: ["redis/"],
    },
    {
      name: "a room that was left stays subscribed",
      file: `${server}/core/hub.ts`,
      find: "    this.unwatch.get(room.id)?.();\n",
      replace: "",
    },
    {
      name: "a room that was left stays in the map",
      file: `${server}/core/hub.ts`,
      find: "    this.rooms.delete(room.id);\n",
      replace: "",
    },
    {
      name: "a room that failed to open stays subscribed",
      file: `${server}/core/hub.ts`,
      find: "      unwatch();\n      throw thrown;",
      replace: "      throw thrown;",
    },
    {
      name: "a subscription that ends stays a member",
      file: `${server}/core/room.ts`,
      find: "    this.deps.members.leave(this.id, subscription.user);\n",
      replace: "",
    },
    {
      name: "a room whose last reader left is not closed",
      file: `${server}/core/room.ts`,
      find: "if (this.all.size === 0) this.deps.emptied(this);",
      replace: "",
    },
    {
      name: "a deadline timer is not cancelled",
      file: `${rpc}/timeout.ts`,
      find: "return () => clearTimeout(timer);",
      replace: "return () => undefined;",
    },
    {
      name: "a call that is over keeps its deadline",
      file: `${rpc}/call.ts`,
      find: "    this.cancelDeadline?.();\n",
      replace: "",
    },
    {
      name: "a call that is over stays among the silent ones",
      file: `${rpc}/call.ts`,
      find: "    this.deps.idleStreams.delete(this);\n",
      replace: "",
    },
    {
      name: "the sweeper's timer runs for ever",
      file: `${h2}/sweeper.ts`,
      find: "    this.#stop?.();\n",
      replace: "",
    },
    {
      name: "pages are kept after the last reader caught up",
      file: `${server}/core/catch-up.ts`,
      find: "if (this.reads.length === 0) this.pages.clear();",
      replace: "",
    },
    {
      name: "the client's outbox never gives its places back",
      file: `${client}/sdk/outbox.ts`,
      find: "    this.queuedSends -= queued.messages;\n",
      replace: "",
    },
    {
      name: "a send that settled stays listening to its signal",
      file: `${client}/sdk/outbox.ts`,
      find: "for (const release of releases) release();",
      replace: "",
    },
  ],
  order: [
    {
      name: "early bus entries are dropped",
      file: `${server}/core/hub.ts`,
      find: "for (const heard of early) room.entries(...heard);",
      replace: "",
    },
    {
      name: "a gap in the offsets is delivered",
      file: `${server}/core/room.ts`,
      find: "if (run.first > next) return undefined;",
      replace: "",
    },
    {
      name: "an entry that is known already is delivered again",
      file: `${server}/core/room.ts`,
      find: "runs.push(run.slice(next, run.last));",
      replace: "runs.push(run);",
    },
    {
      name: "entries of another epoch are delivered",
      file: `${server}/core/room.ts`,
      find: "if (epoch !== this.epoch) {\n      this.deps.compare(this);\n      return;\n    }",
      replace: "",
    },
    {
      name: "a slow reader stays in the fan-out",
      file: `${server}/core/room.ts`,
      find: "if (!subscription.sink.write(bytes)) this.lag(subscription);",
      replace: "subscription.sink.write(bytes);",
    },
    {
      name: "a lagging reader resumes after the message that it has",
      file: `${server}/core/room.ts`,
      find: "subscription.cursor = this.top;\n    subscription.quietFrom",
      replace: "subscription.cursor = this.top + 1;\n    subscription.quietFrom",
    },
    {
      name: "a hole is filled from its end",
      file: `${server}/core/room.ts`,
      find: "subscription.cursor = behind;",
      replace: "subscription.cursor = top;",
    },
    {
      name: "two sends of one group get one offset",
      file: `${embedded}/group-commit.ts`,
      find: "        record.newest++;\n",
      replace: "",
    },
    {
      name: "a batch is stored whatever offset it expects",
      file: `${embedded}/group-commit.ts`,
      find: "offsetHere(expected, record) !== record.newest",
      replace: "offsetHere(expected, record) === undefined",
    },
    {
      name: "an id of a batch that could not be written stays",
      file: `${embedded}/group-commit.ts`,
      find: "if (index < keysWritten) ids.put(record.number, dedupeKey, takenBack);",
      replace: "",
    },
    {
      name: "Redis stores a batch whatever position it expects",
      file: `${redis}/scripts/append.ts`,
      find: "if ARGV[12] ~= '' and ARGV[12] ~= text(epoch) .. ':' .. text(topBefore) then return { -1 } end\n",
      replace: "",
    },
    {
      name: "sends before a batch with an expected position are in one group with it",
      file: `${redis}/room-appends.ts`,
      find: "if (!send || (send.expected && count > 0)) break;",
      replace: "if (!send) break;",
    },
    {
      name: "the same id twice in one group is stored twice",
      file: `${embedded}/group-commit.ts`,
      find: "const inGroup = firsts.get(",
      replace: "const inGroup = new Map<string, Appended>().get(",
    },
    {
      name: "ids of different users collide",
      file: `${server}/core/hub.ts`,
      find: "change, id) : `",
      replace: "change, id) : id || `",
    },
    {
      name: "an append that overtakes another is given at once",
      file: `${redis}/bus-channel.ts`,
      find: "first > this.givenTo + 1;",
      replace: "first > this.givenTo + 1_000;",
    },
    {
      name: "a run that was given is given again",
      file: `${redis}/bus-channel.ts`,
      find: "if (run.last <= this.givenTo || run.count === 0) return;",
      replace: "",
    },
    {
      name: "the client takes a duplicate for the next message",
      file: `${client}/sdk/position-order.ts`,
      find: 'to.offset > from.offset ? "next" : "duplicate"',
      replace: '"next"',
    },
    {
      name: "the client does not see a gap",
      file: `${client}/sdk/position-order.ts`,
      find: "from.epoch !== to.epoch || (to.offset > from.offset + 1 && !leavesOut)",
      replace: "from.epoch !== to.epoch",
    },
  ],
  resume: [
    {
      name: "a position of another epoch is resumed",
      file: `${server}/core/lineage.ts`,
      find: "if (epoch === room.epoch) return offset;",
      replace: "if (epoch === room.epoch || offset >= 0) return offset;",
    },
    {
      name: "a position of an earlier epoch is resumed past what is left of it",
      file: `${server}/core/lineage.ts`,
      find: "earlier && offset <= earlier.top",
      replace: "earlier",
    },
    {
      name: "a position past the end is resumed",
      file: `${server}/core/range.ts`,
      find: "if (offset > state.newest) throw",
      replace: "if (false) throw",
    },
    {
      name: "a position whose next message was trimmed is resumed",
      file: `${server}/core/range.ts`,
      find: "if (offset + 1 < state.oldest)",
      replace: "if (offset + 2 < state.oldest)",
    },
    {
      name: "a page of a trimmed log is given to a reader",
      file: `${server}/core/catch-up.ts`,
      find: "if (oldest > after + 1) throw",
      replace: "if (oldest < 0) throw",
    },
    {
      name: "a reader goes live a page early",
      file: `${server}/core/catch-up.ts`,
      find: "else if (subscription.cursor === room.top) room.goLive(subscription);",
      replace: "else room.goLive(subscription);",
    },
    {
      name: "a page that ended with the log is used after more came",
      file: `${server}/core/page-cache.ts`,
      find: "(page.isFull || page.last >= room.top)",
      replace: "true",
    },
    {
      name: "history counts one message too many",
      file: `${server}/core/hub.ts`,
      find: "newest - messages)",
      replace: "newest - messages - 1)",
    },
    {
      name: "a subscription to a replaced log begins",
      file: `${server}/core/hub.ts`,
      find: "if (state.epoch !== room.epoch) {",
      replace: "if (false) {",
    },
    {
      name: "idle rooms are never compared with the log",
      file: `${server}/core/idle-rooms.ts`,
      find: "if (state.epoch === room.epoch) room.reach(state.newest);",
      replace: "if (state.epoch === room.epoch) return true;",
    },
    {
      name: "the client takes messages of an earlier subscription",
      file: `${client}/frames/room-reader.ts`,
      find: "    this.room = new RoomQueue(position, this.pageAfter);\n    return this.room;\n  }\n\n  get queue() {\n    return this.room?.queue;\n  }\n\n  received(messages: readonly ChatMessage[], bytes: number): void {\n    this.room?.received(messages, bytes);",
      replace:
        '    this.room ??= new RoomQueue(position, this.pageAfter);\n    return this.room;\n  }\n\n  get queue() {\n    return this.room?.queue;\n  }\n\n  received(messages: readonly ChatMessage[], bytes: number): void {\n    (this.room ??= new RoomQueue("7:0", this.pageAfter)).received(messages, bytes);',
    },
    {
      name: "the client says that it moved before it did",
      file: `${client}/sdk/room-reading.ts`,
      find: 'if (step === "duplicate") return false;',
      replace: 'if (step === "duplicate") return true;',
    },
  ],
  framing: [
    {
      name: "the header block of a stream past our GOAWAY is not decoded",
      file: `${h2}/receive-headers.ts`,
      find: "  const head = decodeHead(session, bytes, start, end);\n",
      replace:
        "  if (streamId > session.lastAcceptedStreamId) return;\n  const head = decodeHead(session, bytes, start, end);\n",
    },
    {
      name: "DATA beyond the stream's window is taken",
      file: `${h2}/receive-data.ts`,
      find: "if (!stream.window.take(counted)) {",
      replace: "if (!stream.window.take(counted) && false) {",
    },
    {
      name: "padding is not given back to the window",
      file: `${h2}/receive-data.ts`,
      find: "if (padding > 0) session.consumed(stream, padding);",
      replace: "",
    },
    {
      name: "a window may grow past its largest size",
      file: `${h2}/flow-control.ts`,
      find: "return sum > max31Bit ? undefined : sum;",
      replace: "return sum;",
    },
    {
      name: "CONTINUATION of another stream is taken",
      file: `${h2}/receive-headers.ts`,
      find: "block === undefined || block.streamId !== streamId",
      replace: "block === undefined",
    },
    {
      name: "an envelope larger than the limit is taken",
      file: `${contract}/envelope.ts`,
      find: "if (this.length <= this.maxBytes) return;",
      replace: "if (this.length <= this.maxBytes + 1) return;",
    },
    {
      name: "an envelope's length loses its highest byte",
      file: `${contract}/envelope.ts`,
      find: "target[at + 1] = length >>> 24;",
      replace: "target[at + 1] = 0;",
    },
    {
      name: "a request that ends within a message is taken",
      file: `${rpc}/call.ts`,
      find: "if (this.envelopes.isAtBoundary && this.base64?.isAtBoundary !== false) inTurn",
      replace: "if (this.base64?.isAtBoundary !== false) inTurn",
    },
    {
      name: "a silent WebSocket is never given up",
      file: `${socket}/heartbeat.ts`,
      find: "      else member.timedOut();\n    }\n  }",
      replace: "    }\n  }",
    },
    {
      name: "a cut-off block of Redis is read",
      file: `${server}/core/blocks.ts`,
      find: 'if (end > block.length) throw new Error("a block is cut off");',
      replace: "",
    },
  ],
  errors: [
    {
      name: "a message above the limit is stored",
      file: `${server}/core/hub.ts`,
      find: "if (body.length > maxMessageBytes) {",
      replace: "if (body.length > 2 * maxMessageBytes) {",
    },
    {
      name: "text that is not a position is taken",
      file: `${contract}/position.ts`,
      find: "if (!match) return undefined;",
      replace: "if (!match) return { epoch: 1, offset: 0 };",
    },
    {
      name: "an epoch above 32 bits is taken",
      file: `${contract}/position.ts`,
      find: "epoch <= 0xffff_ffff && ",
      replace: "",
    },
    {
      name: "a wrong deadline header is ignored",
      file: `${rpc}/timeout.ts`,
      find: "if (!/^[0-9]{1,10}$/.test(header)) {",
      replace: "if (false) {",
    },
    {
      name: "a reset costs nothing",
      file: `${h2}/guard.ts`,
      find: "    this.#resets += count;\n",
      replace: "",
    },
    {
      name: "the client tries again after a final error",
      file: `${client}/sdk/outbox.ts`,
      find: 'if (verdict === "final") queued.fail(error);',
      replace: 'if (verdict === "final") this.putOff(lane, queued, error);',
    },
    {
      name: "the client waits without jitter",
      file: `${client}/sdk/backoff.ts`,
      find: "(error?.facts.retryAfterMs ?? 0) + random() * boundMs",
      replace: "(error?.facts.retryAfterMs ?? 0) + boundMs",
    },
    {
      name: "the client ignores the wait that the server names",
      file: `${client}/sdk/backoff.ts`,
      find: "return (error?.facts.retryAfterMs ?? 0) +",
      replace: "return 0 +",
    },
  ],
};
