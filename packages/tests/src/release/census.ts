import { existsSync, readdirSync } from "node:fs";
import { Session } from "node:inspector";

/**
 * How many there are of each kind: objects of each class, closures, entries of all maps, open files and so on. An object
 * without a prototype, which the next census does not see.
 */
export type Census = Readonly<Record<string, number>>;

type Count = (kind: string, by?: number) => void;

/** Counts what is alive in this process, after a full collection of its garbage. It takes half a second of the CPU. */
export class CensusTaker {
  private readonly session = new Session();

  constructor() {
    this.session.connect();
  }

  take(): Census {
    const counts: Record<string, number> = Object.create(null);
    const count: Count = (kind, by = 1) => {
      counts[kind] = (counts[kind] ?? 0) + by;
    };
    this.visitAll((objects) => {
      for (const each of objects) countObject(each, count);
    });
    for (const resource of process.getActiveResourcesInfo()) count(`${resource} that keep the process alive`);
    count("file descriptors", fileDescriptors());
    return counts;
  }

  close(): void {
    this.session.disconnect();
  }

  /** Every object that has Object.prototype above it: everything but primitives and objects without a prototype. */
  private visitAll(visit: (objects: readonly object[]) => void): void {
    const objectGroup = "census";
    const { result } = this.ask("Runtime.evaluate", { expression: "Object.prototype", objectGroup });
    const { objects } = this.ask("Runtime.queryObjects", { prototypeObjectId: idOf(result), objectGroup });
    const hook = "confabCensus";
    Object.assign(globalThis, { [hook]: visit });
    try {
      const functionDeclaration = `function () { globalThis.${hook}(this); }`;
      this.ask("Runtime.callFunctionOn", { objectId: idOf(objects), functionDeclaration });
    } finally {
      Reflect.deleteProperty(globalThis, hook);
      this.ask("Runtime.releaseObjectGroup", { objectGroup });
    }
  }

  /** The inspector of this thread answers before `post` returns. */
  private ask(method: string, params: object): { readonly [name: string]: unknown } {
    let answer: { readonly [name: string]: unknown } | undefined;
    this.session.post(method, params, (error, result: object | undefined) => {
      if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
      answer = { ...result };
    });
    if (!answer) throw new Error(`${method} was not answered`);
    if ("exceptionDetails" in answer) throw new Error(`${method}: ${JSON.stringify(answer["exceptionDetails"])}`);
    return answer;
  }
}

function idOf(remote: unknown): string {
  const { objectId } = remote as { readonly objectId?: unknown };
  if (typeof objectId !== "string") throw new Error("the inspector gave no object");
  return objectId;
}

function countObject(each: object, count: Count): void {
  if (typeof each === "function") return count("functions");
  count(`objects of ${className(each)}`);
  if (Array.isArray(each)) count("elements of arrays", each.length);
  else if (each instanceof Map) count("entries of maps", sizeOf(Map.prototype, each));
  else if (each instanceof Set) count("members of sets", sizeOf(Set.prototype, each));
  else count("listeners of emitters", listenersOf(each));
}

function className(each: object): string {
  const prototype: unknown = Object.getPrototypeOf(each);
  if (typeof prototype !== "object" || prototype === null) return "no class";
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof made === "function" && made.name !== "" ? made.name : "a class without a name";
}

/** A prototype is a map or a set without a size, and says so by an error. */
function sizeOf(prototype: object, each: object): number {
  try {
    return Number(Object.getOwnPropertyDescriptor(prototype, "size")?.get?.call(each));
  } catch {
    return 0;
  }
}

/** Those of an EventEmitter are in `_events` by name: one alone, or several in an array. */
function listenersOf(each: object): number {
  const events: unknown = Object.getOwnPropertyDescriptor(each, "_events")?.value;
  if (typeof events !== "object" || events === null) return 0;
  let listeners = 0;
  for (const name of Reflect.ownKeys(events)) {
    const listener: unknown = Reflect.get(events, name);
    if (listener !== undefined) listeners += Array.isArray(listener) ? listener.length : 1;
  }
  return listeners;
}

/** Open files and sockets, where the system tells. */
export function fileDescriptors(): number {
  const folder = "/proc/self/fd";
  return existsSync(folder) ? readdirSync(folder).length : 0;
}

/** The kinds of which there are at least so many more. */
export function growth(before: Census, after: Census, atLeast: number): string[] {
  return Object.keys(after).filter((kind) => (after[kind] ?? 0) - (before[kind] ?? 0) >= atLeast);
}
