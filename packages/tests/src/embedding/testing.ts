import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Confab, type ConfabOptions, createConfab } from "@confab/server";

/** A Confab in the test's process, on a folder for the test. */
export async function confabFor(t: TestContext, options: ConfabOptions = {}): Promise<Confab> {
  const dataDir = await mkdtemp(join(tmpdir(), "confab-embedding-"));
  const confab = await createConfab({ port: 0, engine: { kind: "embedded", dataDir }, ...options });
  t.after(async () => {
    await confab.close();
    await rm(dataDir, { recursive: true });
  });
  return confab;
}

/** A server of another owner, listening. */
export async function hostFor(t: TestContext, onRequest?: RequestListener): Promise<Server & { readonly url: string }> {
  const server = createServer(onRequest);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** A file with a secret that signs tokens. */
export async function secretFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "confab-secret-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "secret.key");
  await writeFile(file, `hs256:${randomBytes(32).toString("base64url")}\n`, { mode: 0o600 });
  return file;
}
