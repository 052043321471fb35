import { Agent, get } from "node:http";
import { create, toBinary } from "@bufbuild/protobuf";
import { EditMessageRequestSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { cpuTimesBetween, cpuTimesOf, machineBusyUs, totalUs } from "../process-stats.js";
import { percentile } from "../statistics.js";
import { nowUs } from "./clock.js";
import { callMany, filledRoom, fillLog } from "./fill-log.js";
import { editMessagePath } from "./grpc-calls.js";

/** Pages of messages as they are now, of a room with edits, asked for by REST one after the other. */
export interface FoldedLoad {
  readonly port: number;
  readonly serverPid: number;
  readonly messages: number;
  /** Each of another message, evenly over the room. */
  readonly edits: number;
  /** Which page: the room's newest or its oldest messages. */
  readonly page: "newest" | "oldest";
  readonly measureMs: number;
}

export interface FoldedResult {
  readonly pages: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly elapsedUs: number;
  readonly serverCpuUs: number;
  readonly loadCpuUs: number;
  /** What the rest of the machine's programs used meanwhile. */
  readonly othersCpuUs: number;
}

const fillTimeoutMs = 120_000;
const pageMessages = 50;
/** Before anything counts, so that everything that runs hot is compiled. */
const warmUpPages = 5;
const leastPages = 9;

/** @throws Error: the room could not be filled, or a page is not what it should be. */
export async function measureFolded(load: FoldedLoad): Promise<FoldedResult> {
  const { port, serverPid, messages, edits, page, measureMs } = load;
  await fillLog({ port, messages, rooms: 1, timeoutMs: fillTimeoutMs });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (query: string) => pageAt(port, agent, query);
  try {
    const { epoch } = pageFrom(await ask("limit=1")).newest;
    const step = Math.floor(messages / edits);
    const message = (at: number) => editOf(epoch, 1 + at * step, `edit ${at}`);
    await callMany(port, { path: editMessagePath, calls: edits, message, timeoutMs: fillTimeoutMs });
    const query = `limit=${pageMessages}&folded=true${page === "oldest" ? "&oldestFirst=true" : ""}`;
    for (let at = 0; at < warmUpPages; at += 1) checkPage(pageFrom(await ask(query)), step);
    const before = snapshot(serverPid);
    const samples: number[] = [];
    while (samples.length < leastPages || nowUs() - before.atUs < measureMs * 1000) {
      const askedUs = nowUs();
      await ask(query);
      samples.push(nowUs() - askedUs);
    }
    const after = snapshot(serverPid);
    samples.sort((a, b) => a - b);
    const serverCpuUs = totalUs(cpuTimesBetween(before.server, after.server));
    const loadCpuUs = totalUs(cpuTimesBetween(before.load, after.load));
    return {
      pages: samples.length,
      p50Us: percentile(samples, 0.5),
      p99Us: percentile(samples, 0.99),
      elapsedUs: after.atUs - before.atUs,
      serverCpuUs,
      loadCpuUs,
      othersCpuUs: after.machineBusyUs - before.machineBusyUs - serverCpuUs - loadCpuUs,
    };
  } finally {
    agent.destroy();
  }
}

interface FoldedPage {
  readonly messages?: readonly { readonly text?: string; readonly view?: { readonly edited?: object } }[];
  readonly newest: { readonly epoch: number };
}

/** What the server answers is of the contract. */
function pageFrom(text: string): FoldedPage {
  return JSON.parse(text) as FoldedPage;
}

/** A page without the edits would be a quick one. @throws Error */
function checkPage({ messages = [] }: FoldedPage, step: number): void {
  const edited = messages.filter(({ text = "", view }) => text.startsWith("edit ") && view?.edited).length;
  if (messages.length !== pageMessages || edited !== Math.ceil(pageMessages / step))
    throw new Error(`the page has ${messages.length} messages, of which ${edited} are edited`);
}

function editOf(epoch: number, offset: number, text: string): Uint8Array {
  const position = { epoch, offset: BigInt(offset) };
  const edit = create(EditMessageRequestSchema, { user: "bench", room: filledRoom(0), position, text });
  return toBinary(EditMessageRequestSchema, edit);
}

/** The body of the answer. @throws Error: it is not 200. */
function pageAt(port: number, agent: Agent, query: string): Promise<string> {
  const path = `/v1/rooms/${filledRoom(0)}/messages?${query}`;
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${path}: ${response.statusCode} ${text.slice(0, 200)}`));
      });
    });
    request.once("error", reject);
  });
}

function snapshot(serverPid: number) {
  return {
    atUs: nowUs(),
    server: cpuTimesOf(serverPid),
    load: cpuTimesOf(process.pid),
    machineBusyUs: machineBusyUs(),
  };
}
