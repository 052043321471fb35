/** Who a link says it is. What is written here goes into every request from then on. */
export interface Credentials {
  token: string | undefined;
}

/** The header that says it (RFC 6750 §2.1), if there is anything to say. */
export function authorization({ token }: Credentials): { readonly authorization?: string } {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
