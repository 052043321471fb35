// `main.js GROUP`: does all activities of a group several times, and prints what is left of them, as JSON. In a
// dedicated process, because the test runner itself keeps something for each asynchronous operation of a test.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeTlsFiles } from "../tls/testing/tls-files.js";
import { groups } from "./groups.js";
import { leftovers } from "./leftovers.js";

const [name = ""] = process.argv.slice(2);
const open = Object.entries(groups).find(([each]) => each === name)?.[1];
if (!open) throw new Error(`no group "${name}"; there are ${Object.keys(groups).join(", ")}`);
const dataDir = await mkdtemp(join(tmpdir(), "confab-release-"));
const files = name.endsWith("TLS") ? await writeTlsFiles() : undefined;
try {
  const group = await open({ dataDir, tls: files, ca: files?.cert });
  process.stdout.write(`${JSON.stringify(await leftovers(group.activities))}\n`);
  await group.close();
} finally {
  await files?.remove();
  await rm(dataDir, { recursive: true });
}
