/** The characters of `uri-host [":" port]` (RFC 9110 §7.2, RFC 3986 §3.2.2): no user, no path. */
const hostPattern = /^[\w.\-~!$&'()*+,;=:%[\]]*$/;

/** Whether the value may stand in Host or `:authority`. Empty is allowed: a request whose target has no authority. */
export function isHost(value: string): boolean {
  return hostPattern.test(value);
}
