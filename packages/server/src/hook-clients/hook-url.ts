import { HookError } from "../service/index.js";

/** How hooks are called behind a URL. */
export interface HookTarget {
  readonly form: "json" | "grpc" | "connect";
  /** `http:` or `https:`, without a slash at its end. */
  readonly url: string;
}

const forms: ReadonlyMap<string, Pick<HookTarget, "form"> & { readonly isSecure: boolean }> = new Map([
  ["https:", { form: "json", isSecure: true }],
  ["http:", { form: "json", isSecure: false }],
  ["grpcs:", { form: "grpc", isSecure: true }],
  ["grpc:", { form: "grpc", isSecure: false }],
  ["connect+https:", { form: "connect", isSecure: true }],
  ["connect+http:", { form: "connect", isSecure: false }],
]);

/**
 * What a URL of hooks stands for.
 *
 * @throws HookError: it cannot be used, or leads to another machine in clear text, which is not allowed.
 */
export function hookTargetFrom(text: string, allowsClearText: boolean): HookTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const found = url && forms.get(url.protocol);
  if (!url || !found || url.hostname === "")
    throw new HookError(`the URL of a hook must begin with ${[...forms.keys()].map((form) => `${form}//`).join(", ")}`);
  const { form, isSecure } = found;
  const where = `${url.protocol}//${url.host}`;
  if (url.username !== "" || url.password !== "") throw new HookError(`${where}: a hook's URL cannot have a password`);
  if (!isSecure && !allowsClearText && !isThisMachine(url.hostname))
    throw new HookError(`${where} is another machine: use ${securedForm(url.protocol)}//, or allow clear text`);
  if (url.hash !== "" || (form !== "json" && url.search !== "") || (form === "grpc" && url.pathname.length > 1))
    throw new HookError(`${where}: a URL of this form ends with its ${form === "grpc" ? "port" : "path"}`);
  const path = `${url.pathname}${url.search}`.replace(/\/$/, "");
  return { form, url: `${isSecure ? "https" : "http"}://${url.host}${path}` };
}

function securedForm(protocol: string): string {
  return protocol.replace(/:$/, "s:");
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(?:\.\d+){3}$/.test(host);
}
