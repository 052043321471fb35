import { createNodePlatform } from "@confab/client/node";
import { ConfabError, type ErrorCode, errorKinds } from "@confab/contract";
import { type CommandContext, UnreachableError } from "./command.js";
import { type ConnectionValues, targetFrom } from "./connection.js";

interface AdminRequest {
  readonly method: "GET" | "POST";
  /** Below `/v1/admin/`. */
  readonly path: string;
  readonly body?: object;
}

/** Ask the AdminService over REST, which every proxy lets through. @throws UsageError; UnreachableError: no connection, or another program answered; ConfabError: what the server refused. */
export async function adminCall(
  { method, path, body }: AdminRequest,
  values: ConnectionValues,
  context: CommandContext,
): Promise<unknown> {
  const { url, ca, token, timeoutMs } = targetFrom(values, context.env);
  const { fetch } = createNodePlatform({ ca });
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]);
  const headers = {
    ...(body && { "content-type": "application/json" }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  try {
    const reply = await fetch(`${url}/v1/admin/${path}`, {
      method,
      headers,
      signal,
      ...(body && { body: Uint8Array.from(Buffer.from(JSON.stringify(body))) }),
    });
    const answer: unknown = JSON.parse(await reply.text());
    if (reply.ok) return answer;
    throw errorFrom(answer);
  } catch (error) {
    if (error instanceof ConfabError || context.signal.aborted) throw error;
    const isText = error instanceof SyntaxError;
    const reason = isText ? "the answer is not one of a Confab server" : error instanceof Error ? error.message : "";
    throw new UnreachableError(`cannot reach ${url}: ${reason}`, { cause: error });
  } finally {
    fetch.close?.();
  }
}

function errorFrom(answer: unknown): ConfabError {
  const { code, message } = (answer as { error?: { code?: string; message?: string } }).error ?? {};
  const known = code !== undefined && Object.hasOwn(errorKinds, code) ? (code as ErrorCode) : "INTERNAL";
  return new ConfabError(known, message ?? "the answer is not one of a Confab server");
}
