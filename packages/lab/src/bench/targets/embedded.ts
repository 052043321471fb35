/** Confab as a part of a program, with a `send` hook that does nothing or without one. `node embedded.js '<EmbeddedArgument>'` */
import { runProgram } from "../program.js";
import { announcePort } from "./announce.js";
import type { Durability } from "./confab.js";

export interface EmbeddedArgument {
  readonly folder: string;
  readonly durability: Durability;
  readonly hasSendHook: boolean;
}

/** As much of the package as this program uses. */
interface ServerPackage {
  createConfab(options: object): Promise<{ listen(): Promise<{ readonly port: number }> }>;
}

/** The built package, seen from `packages/lab/dist/bench/targets/`: as the command, it is what is measured, and not imported. */
const entry = new URL("../../../../server/dist/index.js", import.meta.url);

await runProgram(async (argument) => {
  const { folder, durability, hasSendHook } = JSON.parse(argument) as EmbeddedArgument;
  const { createConfab } = (await import(entry.href)) as ServerPackage;
  const engine = { kind: "embedded", dataDir: folder, durability };
  const hooks = hasSendHook ? { send: () => undefined } : undefined;
  const confab = await createConfab({ port: 0, engine, ...(hooks && { hooks }) });
  announcePort((await confab.listen()).port);
});
