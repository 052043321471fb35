import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { newTestKey } from "../auth/testing/tokens.js";
import { startConfabServe } from "../fixture/server-process.js";
import { askHttp1 } from "./testing/requests.js";

// What the shipped files start their nodes with is asked for by the names that clients have for it there.

const namespace = "chat-prod";

function shipped(file: string): string {
  return readFileSync(fileURLToPath(new URL(`../../../../${file}`, import.meta.url)), "utf8");
}

/** What does not matter here: the fixture gives a folder, and reads the banner for the address. */
const leftOut = /^--data(=|$)|^\/data$|^--json$/;

/** A key that is mounted there. */
const authKey = /^--auth-key=.*/;

const key = newTestKey();
after(() => key.remove());

/** The arguments of `confab serve` that decide which names it answers to. */
function serveArgs([command, ...args]: readonly string[]): readonly string[] {
  assert.equal(command, "serve");
  return args.filter((arg) => !leftOut.test(arg)).map((arg) => arg.replace(authKey, `--auth-key=${key.file}`));
}

function inlineList(text: string | undefined): readonly string[] {
  return (text ?? "").split(",").map((word) => word.trim().replace(/^"|"$/g, ""));
}

const deployments = [
  {
    file: "Dockerfile",
    // The command that starts the image says who may connect.
    args: [...inlineList(/^CMD \[(.*)\]$/m.exec(shipped("Dockerfile"))?.[1]), "--allow-anyone"],
    hosts: ["localhost:8080", "127.0.0.1:8080", "192.168.7.20:8080"],
  },
  {
    file: "deploy/compose/compose.yaml",
    args: inlineList(/^ {2}command: \[(serve.*)\]$/m.exec(shipped("deploy/compose/compose.yaml"))?.[1]),
    hosts: ["localhost:8080", "127.0.0.1:8081", "balancer:8080", "envoy:8080"],
  },
  {
    file: "deploy/kubernetes/confab.yaml",
    args: (/args:\n((?: {12}- .*\n)+)/.exec(shipped("deploy/kubernetes/confab.yaml"))?.[1] ?? "")
      .trim()
      .split(/\s*- /)
      .filter((arg) => arg !== "")
      .map((arg) => arg.trim().replaceAll("$(NAMESPACE)", namespace)),
    hosts: ["confab:8080", `confab.${namespace}`, `confab.${namespace}.svc.cluster.local:8080`, "10.244.0.9:8080"],
  },
];

for (const { file, args, hosts } of deployments) {
  test(`a node of ${file} answers to the names that it has there, and to no other`, async (t) => {
    const server = await startConfabServe(serveArgs(args));
    t.after(() => server.stop());
    const authorization = `Bearer ${await key.token()}`;
    const statusFor = async (host: string) =>
      (await askHttp1(server.url, { path: "/v1/rooms" }, { host, authorization })).status;
    for (const host of hosts) assert.equal(await statusFor(host), 200, host);
    for (const host of ["evil.example", "confab.example"]) assert.equal(await statusFor(host), 421, host);
  });
}

test("the image does not start before its command says who may connect", async () => {
  const [dockerfile] = deployments;
  const args = serveArgs(dockerfile?.args ?? []).filter((arg) => arg !== "--allow-anyone");
  await assert.rejects(startConfabServe(args), /ended with 2.*--auth-key or --auth-jwks.*--allow-anyone/);
});
